"""Measures a batch against vLLM's own benchmark client, on real vLLM and the same prompts.

    .venv-vllm/bin/python -m pip install pandas
    python benchmarks/vllm_cpu.py --python .venv-vllm/bin/python --model models/smollm2

The first line is for vLLM's client, which needs pandas.

A batch of episodes in generated ALFWorld games is played first, by `run_batch` in one process.
`vllm bench serve` then asks the same prompts: as text that the chat template has been applied to,
in the order in which the batch asked them, and for as many tokens as the batch got for each. Batch
and client each get a server that has just been started and has answered one short request, so that
both prefix caches begin empty. Repetitions alternate: batch, client, batch, client.

The two do not work under the same conditions:

- The client has all prompts from the start. An episode has its next prompt only after it has run
  the code of the last answer in the simulator. That time is part of what is compared.
- The batch drains by episodes: with no episode left to start, places stay empty for several turns.
  The client drains by requests. The fewer episodes for each place, the more this counts.
- The client's answers are streamed, which costs client and server more; the batch's come whole.

- completes: finished and all episodes, or requests. Infrastructure errors are not finished.
- out: tokens that the model wrote, from the first request to the last answer.
- steady out: the same from the first answer to the moment from which a place stays empty, which
  leaves out ramp-up and drain. A request's tokens are spread evenly over its time.
- in: tokens of the prompts, cached ones among them.
- prefix hits: share of these that the server found in its prefix cache, by its own counters.
- seconds: from the first request to the last answer; in brackets all of `run_batch`, or what the
  client says its benchmark took.
- ratio: batch to client, of the same repetition.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from rich.console import Console
from rich.table import Table

from embodied.config.schema import RunConfig
from embodied.llm.metrics_poller import read_metrics
from embodied.llm.server_metrics import ServerMetrics
from embodied.llm.tool_calls import sendable_message
from embodied.plugins.registry import environment_class
from embodied.policies.llm import LLMPolicy
from embodied.policy import Reply
from embodied.runner.batch import run_batch
from embodied.runner.plan import resolve
from embodied.serving import ModelServer
from embodied.store import StoredEpisode, Summary
from embodied.trajectory import Message, Outcome

TEMPLATE = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
texts = [
    tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    for messages in json.load(sys.stdin)
]
json.dump(texts, sys.stdout)
"""
"""Runs in vLLM's environment."""

CLIENT = """
import argparse
from vllm.benchmarks.serve import add_cli_args, main
parser = argparse.ArgumentParser()
add_cli_args(parser)
main(parser.parse_args())
"""
"""What `vllm bench serve` runs. That command itself does not start with the package vllm-cpu."""


@dataclass(frozen=True)
class TimedRequest:
    """One answered request."""

    start: float
    end: float
    """Seconds of one clock."""
    tokens: int
    """That the model wrote."""

    def within(self, since: float, until: float) -> float:
        """Count the tokens written in a span of time."""
        overlap = min(self.end, until) - max(self.start, since)
        return self.tokens * max(overlap, 0.0) / (self.end - self.start)


@dataclass
class Row:
    """What one run came to."""

    what: str
    completed: int
    wanted: int
    asked: Sequence[TimedRequest]
    place_free: float
    """When the first place stayed empty."""
    load: ServerMetrics
    """The server's counters, of this run alone."""
    whole_seconds: float

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        return max(a.end for a in self.asked) - min(a.start for a in self.asked)

    @property
    def out(self) -> float:
        """Written tokens per second."""
        return sum(a.tokens for a in self.asked) / self.seconds

    @property
    def steady_out(self) -> float:
        """Written tokens per second, between ramp-up and drain."""
        since = min(a.end for a in self.asked)
        tokens = sum(a.within(since, self.place_free) for a in self.asked)
        return tokens / (self.place_free - since)


class RequestRecorder:
    """Records every request of the policy, in the order in which they are asked."""

    def __init__(self) -> None:
        self._recorded: list[tuple[TimedRequest, list[dict[str, Any]]]] = []

    @property
    def asked(self) -> list[TimedRequest]:
        """The requests."""
        return [asked for asked, _ in self._in_order()]

    @property
    def conversations(self) -> list[list[dict[str, Any]]]:
        """What they asked, as it was sent."""
        return [messages for _, messages in self._in_order()]

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the requests of every model policy of this process."""
        reply = LLMPolicy.reply

        async def heard(policy: LLMPolicy, messages: Sequence[Message]) -> Reply:
            sent = [sendable_message(message) for message in messages]
            start = time.perf_counter()
            answer = await reply(policy, messages)
            asked = TimedRequest(start, time.perf_counter(), answer.usage.completion_tokens)
            self._recorded.append((asked, sent))
            return answer

        with mock.patch.object(LLMPolicy, "reply", heard):
            yield

    def _in_order(self) -> list[tuple[TimedRequest, list[dict[str, Any]]]]:
        return sorted(self._recorded, key=lambda heard: heard[0].start)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="interpreter that has vLLM")
    parser.add_argument("--model", required=True, help="folder in Hugging Face's layout")
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--episodes", type=int, default=32)
    parser.add_argument("--turns", type=int, default=4, help="most of an episode")
    parser.add_argument("--max-tokens", type=int, default=64, help="most of an answer")
    parser.add_argument("--repetitions", type=int, default=2)
    options = parser.parse_args()
    if options.episodes < options.in_flight:
        parser.error("fewer episodes than are to be in flight")
    _check(options.python)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        environment_class("alfworld").generate(Path(folder) / "games", options.episodes, 0)
        for _ in range(options.repetitions):
            ours, recorder = _batch(options, Path(folder))
            rows.append(_printed(ours))
            rows.append(_printed(_client(options, Path(folder), recorder)))
    Console(width=120).print(_table(rows))


def _check(python: str) -> None:
    found = subprocess.run([python, "-c", "import pandas"], capture_output=True, check=False)
    if found.returncode != 0:
        raise SystemExit(f"vLLM's client needs pandas: {python} -m pip install pandas")


@contextmanager
def _warm_server(options: argparse.Namespace) -> Iterator[ModelServer]:
    """Start a server that has answered one short request."""
    arguments = ["--enforce-eager", "--max-model-len", "8192"]
    with ModelServer(options.model, python=options.python, arguments=arguments) as server:
        request = {"model": server.model, "prompt": "Hello", "max_tokens": 8}
        _fetch(f"{server.base_url}/completions", json.dumps(request).encode())
        yield server


def _fetch(url: str, body: bytes | None = None) -> str:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return str(answer.read().decode())


def _server_metrics(server: ModelServer) -> ServerMetrics:
    return read_metrics(_fetch(server.base_url.removesuffix("/v1") + "/metrics"))


def _between(before: ServerMetrics, after: ServerMetrics) -> ServerMetrics:
    return ServerMetrics(
        running=after.running,
        waiting=after.waiting,
        prompt_tokens=after.prompt_tokens - before.prompt_tokens,
        completion_tokens=after.completion_tokens - before.completion_tokens,
        prefix_queries=after.prefix_queries - before.prefix_queries,
        prefix_hits=after.prefix_hits - before.prefix_hits,
    )


# --- the batch -----------------------------------------------------------------------------------


def _batch(options: argparse.Namespace, folder: Path) -> tuple[Row, RequestRecorder]:
    recorder = RequestRecorder()
    finished: list[Summary] = []
    ends: list[float] = []

    def write(episode: StoredEpisode) -> None:
        finished.append(episode.summary)
        ends.append(time.perf_counter())

    with _warm_server(options) as server, recorder.recording():
        run = resolve(_config(server, options, folder))
        todo = run.assignments[: options.episodes]
        before, started = _server_metrics(server), time.perf_counter()
        asyncio.run(run_batch(run, todo, write, lambda invocation: None))
        seconds = time.perf_counter() - started
        load = _between(before, _server_metrics(server))
    completed = sum(s.outcome is not Outcome.INFRASTRUCTURE_ERROR for s in finished)
    place_free = sorted(ends)[-options.in_flight]
    return Row(
        "run_batch", completed, len(todo), recorder.asked, place_free, load, seconds
    ), recorder


def _config(server: ModelServer, options: argparse.Namespace, folder: Path) -> RunConfig:
    return RunConfig.model_validate(
        {
            "environment": {"options": {"data": str(folder / "games")}},
            "split": "train",
            "protocol": {"limits": {"turns": options.turns}},
            "policy": {"name": "llm"},
            "llm": {
                "model": server.model,
                "base_url": server.base_url,
                "temperature": 0.0,
                "max_tokens": options.max_tokens,
            },
            "runner": {"kind": "local", "episodes_per_worker": options.in_flight},
            "out": folder / "run",
        }
    )


# --- vLLM's client -------------------------------------------------------------------------------


def _client(options: argparse.Namespace, folder: Path, recorder: RequestRecorder) -> Row:
    data = folder / "prompts.jsonl"
    prompts = _templated(options, recorder.conversations)
    lines = [
        json.dumps({"prompt": prompt, "output_tokens": asked.tokens})
        for prompt, asked in zip(prompts, recorder.asked, strict=True)
    ]
    data.write_text("\n".join(lines))
    with _warm_server(options) as server:
        before = _server_metrics(server)
        result = _bench(options, server, data, len(lines))
        load = _between(before, _server_metrics(server))
    answers = zip(result["start_times"], result["latencies"], result["output_lens"], strict=True)
    asked = [
        TimedRequest(start, start + latency, tokens) for start, latency, tokens in answers if tokens
    ]
    place_free = sorted(a.end for a in asked)[-options.in_flight]
    return Row(
        "vllm bench serve",
        result["completed"],
        len(lines),
        asked,
        place_free,
        load,
        result["duration"],
    )


def _templated(options: argparse.Namespace, conversations: Sequence[Any]) -> list[str]:
    """Return the texts that the model reads."""
    command = [options.python, "-c", TEMPLATE, options.model]
    given = json.dumps(conversations)
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True)
    texts: list[str] = json.loads(done.stdout)
    return texts


def _bench(
    options: argparse.Namespace, server: ModelServer, data: Path, count: int
) -> dict[str, Any]:
    """Return what the client measured."""
    words = {
        "backend": "openai",
        "base-url": server.base_url.removesuffix("/v1"),
        "endpoint": "/v1/completions",
        "model": server.model,
        "tokenizer": options.model,
        "dataset-name": "custom",
        "dataset-path": str(data),
        "custom-output-len": "-1",
        "num-prompts": str(count),
        "max-concurrency": str(options.in_flight),
        "request-rate": "inf",
        "temperature": "0",
        "seed": "0",
        "result-dir": str(data.parent),
        "result-filename": "result.json",
    }
    flags = ["skip-chat-template", "disable-shuffle", "ignore-eos", "disable-tqdm"]
    flags += ["save-result", "save-detailed"]
    command = [options.python, "-c", CLIENT, *(f"--{flag}" for flag in flags)]
    command += [f"--{name}={value}" for name, value in words.items()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"vLLM's client failed, its last words:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads((data.parent / "result.json").read_text())
    return result


# --- figures -------------------------------------------------------------------------------------


def _printed(row: Row) -> Row:
    print(f"{row.what}: {row.seconds:.1f} s, {row.out:.1f} tokens/s out", flush=True)
    return row


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="Real vLLM on a processor, tokens per second")
    headings = ("completes", "tokens", "out", "ratio", "steady out", "ratio", "in", "prefix hits")
    for place, heading in enumerate(("", *headings, "seconds")):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        table.add_row(
            *_cells(
                ours, f"{ours.out / theirs.out:.3f}", f"{ours.steady_out / theirs.steady_out:.3f}"
            )
        )
        table.add_row(*_cells(theirs, "", ""))
    return table


def _cells(row: Row, ratio: str, steady_ratio: str) -> list[str]:
    return [
        row.what,
        f"{row.completed} of {row.wanted}",
        f"{row.load.completion_tokens:,.0f}",
        f"{row.out:.1f}",
        ratio,
        f"{row.steady_out:.1f}",
        steady_ratio,
        f"{row.load.prompt_tokens / row.seconds:,.0f}",
        f"{100 * row.load.prefix_hits / row.load.prefix_queries:.1f} %",
        f"{row.seconds:.1f} ({row.whole_seconds:.1f})",
    ]


if __name__ == "__main__":
    main()
