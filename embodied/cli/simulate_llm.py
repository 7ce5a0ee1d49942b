"""`embodied simulate-llm`: a server that answers like an LLM's, without a model."""

from __future__ import annotations

import asyncio
import signal
from inspect import cleandoc
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from embodied.errors import ConfigError
from embodied.simulated_llm import Fault, FaultSampler, Profile, Statistics, make_answers
from embodied.simulated_llm.fault_handlers import FAULT_KINDS
from embodied.simulated_llm.server_process import ADDRESS

if TYPE_CHECKING:
    from embodied.simulated_llm.simulated_server import SimulatedServer

_DEFAULT = Profile()


def simulate_llm(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one.")] = 8000,
    model: Annotated[str, typer.Option(help="Name of the model that is served.")] = "simulated",
    answers: Annotated[
        str,
        typer.Option(
            help="expert, expert:NAME, fixed:TEXT, seeing:TEXT, where {colour} in the text is the "
            "colour of the last picture, or the path of a file of recorded episodes or of a run's "
            "folder."
        ),
    ] = "expert",
    prefill_rate: Annotated[
        float, typer.Option(help="Prompt tokens read a second, in all. inf: at once.")
    ] = _DEFAULT.prefill_rate,
    decode_rate: Annotated[
        float, typer.Option(help="Tokens written a second, by each sequence. inf: at once.")
    ] = _DEFAULT.decode_rate,
    max_sequences: Annotated[
        int, typer.Option(help="Sequences worked on at once.")
    ] = _DEFAULT.max_sequences,
    kv_tokens: Annotated[
        int, typer.Option(help="Tokens that the KV cache holds.")
    ] = _DEFAULT.kv_tokens,
    max_model_len: Annotated[
        int, typer.Option(help="Longest prompt and answer together, in tokens.")
    ] = _DEFAULT.max_model_len,
    time_scale: Annotated[
        float, typer.Option(help="Simulated seconds in a real one.")
    ] = _DEFAULT.time_scale,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=RATE[:SECONDS]", help="Fault to inject; may be repeated."),
    ] = None,
    blind: Annotated[
        bool,
        typer.Option("--blind", help="Refuse pictures, as a server does whose model sees none."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Which requests meet the faults.")] = 0,
) -> None:
    """Answer like an LLM server, without a model: to try a batch, its throughput and its faults.

    Time is that of continuous batching on a machine of the stated rates; a token is four
    characters. Runs until it is interrupted. GET /simulation says what it did.

    \b
      embodied simulate-llm --max-sequences 64 --fault 503=0.05 --fault reset=0.02
      embodied run --env alfworld --policy llm --llm.model simulated
    """  # noqa: D301 - \b keeps click from filling a paragraph
    try:
        profile = Profile(
            prefill_rate=prefill_rate,
            decode_rate=decode_rate,
            max_sequences=max_sequences,
            kv_tokens=kv_tokens,
            max_model_len=max_model_len,
            time_scale=time_scale,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = "".join(f"--{str(part).replace('_', '-')}: " for part in first["loc"])
        raise ConfigError(f"{option}{first['msg']}") from None
    faults = FaultSampler([Fault.parse(text) for text in fault or []], seed)
    from embodied.simulated_llm.simulated_server import SimulatedServer

    server = SimulatedServer(
        make_answers(answers), profile, faults, model=model, host=host, port=port, blind=blind
    )
    _print_totals(asyncio.run(_serve(server)))


_FAULTS = [f"  {name:14}{kind.description}" for name, kind in FAULT_KINDS.items()]
simulate_llm.__doc__ = "\n".join([cleandoc(simulate_llm.__doc__ or ""), "\n\b", *_FAULTS])


async def _serve(server: SimulatedServer) -> Statistics:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with server:
        print(f"simulated LLM {server.model!r} {ADDRESS}{server.base_url}", flush=True)
        await ended.wait()
        return server.statistics()


def _print_totals(figures: Statistics) -> None:
    injected = ", ".join(f"{name} {times}" for name, times in sorted(figures.faults.items()))
    lines = {
        "answers": f"{figures.requests:,}",
        "aborted": f"{figures.aborted:,}",
        "prompt tokens": f"{figures.prompt_tokens:,}",
        "of these cached": f"{figures.prefix_cache_hits:,}",
        "answer tokens": f"{figures.generation_tokens:,}",
        "seconds": f"{figures.seconds:,.1f} (simulated)",
        "mean running": f"{figures.mean_running:,.1f} (at most {figures.peak_running:,})",
        "mean waiting": f"{figures.mean_waiting:,.1f} (at most {figures.peak_waiting:,})",
        "faults": injected or "none",
    }
    for name, value in lines.items():
        print(f"{name:18}{value}")
