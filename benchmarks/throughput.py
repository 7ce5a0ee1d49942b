"""Measures whether a batch keeps an LLM server full, and what the framework itself costs.

    python benchmarks/throughput.py [--in-flight 1 4 16 64 256 1024] [--workers 1]

The server is the simulated one with the profile of a GPU: prefill 20,000 tokens a second, decode 40
tokens a second a sequence, 256 sequences. It answers as the expert does, so that whole ALFWorld
episodes are played, with generated games. It runs on the same machine, as a process of its own.
One worker is enough to keep such a server full; each further one costs more processor time a turn,
as caches are colder.

- full: sequences that the server worked on, on average, of the smaller of 256 and the episodes in
  flight; from when as many episodes have finished as are in flight until none is left to start.
  By then games are read and all connections are there.
- cpu: time of all cores that a turn takes, in the same window, in all processes but the server:
  driver, Ray, workers, interpreters and simulators.
  A process of the lowest priority keeps each core awake meanwhile. The turns leave a core three
  quarters of its time, and on virtual machines waking it takes up to half as long again as all that
  is to be measured; --let-cores-sleep measures that, too.
- simulator: the part of it that resets and steps take alone: the episodes that were begun in that
  window are played again afterwards, in as many processes, which have played those before them.
- with a turn barrier: the same batch, but nobody's next turn begins before all episodes in flight
  have finished their last one. A finished episode gives its place to the next one at once.
- a thread an episode, TextWorld: what a plain thread pool comes to. TextWorld's parsers are not
  thread-safe, so the adapter lets one thread into it at a time.

The last two run in one process, and so does the row to compare them with.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
from rich.console import Console
from rich.table import Table

from embodied import Environment, Task, make_controller, make_environment
from embodied.config.schema import RunConfig
from embodied.episode import run_episode
from embodied.interpreter import Interpreters
from embodied.llm.client import LLMClient
from embodied.plugins.registry import environment_class
from embodied.policies.llm import LLMPolicy
from embodied.policy import Reply
from embodied.runner.batch import run_batch
from embodied.runner.plan import ResolvedRun, resolve
from embodied.simulated_llm import ServerProcess
from embodied.store import RunStore, StoredEpisode
from embodied.trajectory import Message, Outcome, Trajectory

SEQUENCES = 256
PROFILE = ("--prefill-rate=20000", "--decode-rate=40", f"--max-sequences={SEQUENCES}")
KV_TOKENS = "--kv-tokens=2000000"
GAMES = 128
ONE_PROCESS = "one process"


@dataclass
class Row:
    """What one batch came to."""

    what: str
    in_flight: int
    episodes: int
    turns: int
    seconds: float
    running: float
    """Sequences that the server worked on, between ramp-up and drain."""
    cpu: float
    """Seconds of all processes but the server, of a turn."""
    simulator: float
    """Of these, the simulator's."""
    solved: int
    """Episodes that reached their goal: what knows the way does not fail, what is broken does."""

    @property
    def full(self) -> float:
        """Share of the sequences that the server could have worked on."""
        return self.running / min(self.in_flight, SEQUENCES)

    @property
    def an_hour(self) -> float:
        """Finished episodes per hour of wall time."""
        return 3600 * self.episodes / self.seconds


class BatchRecorder:
    """Records the episodes of a batch, and the server's figures between ramp-up and drain."""

    def __init__(self, server: ServerProcess, episodes: int, in_flight: int) -> None:
        self._played: list[StoredEpisode] = []
        self._server = server
        self._episodes = episodes
        self._in_flight = in_flight
        self._last_starts = episodes - in_flight + 1
        self._lock = threading.Lock()
        self._started = time.perf_counter()
        self._running = self._seconds = self._cpu = 0.0

    def record(self, episode: StoredEpisode) -> None:
        """Record a finished episode."""
        with self._lock:
            self._played.append(episode)
            done = len(self._played)
            if done == self._in_flight:
                self._server.reset_statistics()
                self._cpu = -_cpu(self._server)
            if done == self._last_starts:
                self._running = self._server.statistics().mean_running
                self._cpu += _cpu(self._server)
            if done == self._episodes:
                self._seconds = time.perf_counter() - self._started

    def row(self, what: str, games: Path, workers: int = 1) -> Row:
        """Compute the figures."""
        played = [episode.summary for episode in self._played]
        first = self._in_flight
        turns = sum(summary.turns for summary in played[first : self._last_starts])
        return Row(
            what,
            self._in_flight,
            len(played),
            sum(summary.turns for summary in played),
            self._seconds,
            self._running,
            self._cpu / turns,
            _simulator(self._played, 2 * first, games, workers),
            sum(summary.outcome is Outcome.SUCCESS for summary in played),
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 4, 16, 64, 256, 1024])
    parser.add_argument("--workers", type=int, default=1, help="of the Ray pool")
    parser.add_argument("--rounds", type=int, default=4, help="episodes for each one in flight")
    parser.add_argument("--compared", type=int, default=256, help="in flight; 0: no comparison")
    parser.add_argument("--threads", type=int, default=64, help="on TextWorld; 0: none")
    parser.add_argument("--let-cores-sleep", action="store_true", help="between turns")
    options = parser.parse_args()
    if options.rounds < 3:
        parser.error("--rounds: the first and the last are not measured, so that 3 is the least")
    with tempfile.TemporaryDirectory() as folder:
        games = Path(folder) / "games"
        environment_class("alfworld").generate(games, GAMES, 0)
        with nullcontext() if options.let_cores_sleep else _cores_awake():
            rows = list(_rows(games, options))
    console = Console(width=140)
    console.print(_table(rows))


def _rows(games: Path, options: argparse.Namespace) -> Sequence[Row]:
    rounds = options.rounds
    rows = [
        _batch(f"Ray, workers: {options.workers}", games, number, rounds, workers=options.workers)
        for number in options.in_flight
    ]
    if number := options.compared:
        rows.append(_batch(ONE_PROCESS, games, number, rounds))
        rows.append(_batch("with a turn barrier", games, number, rounds, barrier=True))
    if number := options.threads:
        rows.append(_batch(ONE_PROCESS, games, number, rounds))
        rows.append(_threads("a thread an episode, TextWorld", games, number, rounds))
    return rows


def _server() -> ServerProcess:
    return ServerProcess("--answers", "expert", *PROFILE, KV_TOKENS)


def _batch(
    what: str, games: Path, in_flight: int, rounds: int, workers: int = 0, *, barrier: bool = False
) -> Row:
    """Play a batch; without workers, in this process."""
    with _server() as server, tempfile.TemporaryDirectory() as folder:
        run = _resolved(server, games, in_flight, rounds, Path(folder), workers)
        todo = run.assignments[: rounds * in_flight]
        with RunStore.create(run.config.out, run.protocol, {}) as store:
            recorder = BatchRecorder(server, len(todo), in_flight)

            def write(episode: StoredEpisode) -> None:
                store.append(episode)
                recorder.record(episode)

            with _turn_barrier() if barrier else nullcontext():
                asyncio.run(run_batch(run, todo, write, store.save))
    return _printed(recorder.row(what, games, max(workers, 1)))


def _resolved(
    server: ServerProcess, games: Path, in_flight: int, rounds: int, out: Path, workers: int
) -> ResolvedRun:
    pool = {"kind": "ray", "workers": workers} if workers else {"kind": "local"}
    config = RunConfig.model_validate(
        {
            "environment": {"options": {"data": str(games)}},
            "split": "train",
            "tasks": {"samples": -(-rounds * in_flight // GAMES)},
            "policy": {"name": "llm"},
            "llm": {"model": "simulated", "base_url": server.base_url},
            "runner": {**pool, "episodes_per_worker": -(-in_flight // max(workers, 1))},
            "out": out,
        }
    )
    return resolve(config)


# --- with a turn barrier -------------------------------------------------------------------------


class _TurnBarrier:
    """Opens when all episodes that are being played have reached it."""

    def __init__(self) -> None:
        self.playing = 0
        self._waiting: list[asyncio.Event] = []

    async def wait(self) -> None:
        """Wait for all others."""
        event = asyncio.Event()
        self._waiting.append(event)
        self.check()
        await event.wait()

    def check(self) -> None:
        """Open, where nobody is missing."""
        if len(self._waiting) >= self.playing:
            for event in self._waiting:
                event.set()
            self._waiting.clear()


def _turn_barrier() -> Any:
    """Make every model's episodes wait for each other before each turn."""
    barrier = _TurnBarrier()
    begin, reply, end = LLMPolicy.begin, LLMPolicy.reply, LLMPolicy.end

    def begun(self: LLMPolicy, *arguments: Any) -> None:
        barrier.playing += 1
        begin(self, *arguments)

    async def replied(self: LLMPolicy, messages: Sequence[Message]) -> Reply:
        await barrier.wait()
        return await reply(self, messages)

    def ended(self: LLMPolicy) -> None:
        end(self)
        barrier.playing -= 1
        barrier.check()

    return mock.patch.multiple(LLMPolicy, begin=begun, reply=replied, end=ended)


# --- a thread an episode, on TextWorld -----------------------------------------------------------


def _threads(what: str, games: Path, threads: int, rounds: int) -> Row:
    """Play the same episodes, each in a thread of its own."""
    with _server() as server, tempfile.TemporaryDirectory() as folder, Interpreters() as shared:
        run = _resolved(server, games, threads, rounds, Path(folder), 0)
        config, todo = run.config, run.assignments[: rounds * threads]
        recorder = BatchRecorder(server, len(todo), threads)

        async def play(task: Task, sample: int) -> Trajectory:
            assert config.llm is not None
            environment = make_environment("alfworld", backend="textworld", data=str(games))
            client = LLMClient(config.llm)
            robot = make_controller("household", environment)
            policy = LLMPolicy(client, sample=sample)
            try:
                return await run_episode(
                    task, environment, robot, policy, config.protocol, interpreters=shared
                )
            finally:
                environment.close()
                await client.close()

        with ThreadPoolExecutor(threads) as pool:
            for done in pool.map(lambda a: asyncio.run(play(a.task, a.sample)), todo):
                recorder.record(StoredEpisode.of(done))
    return _printed(recorder.row(what, games))


# --- figures -------------------------------------------------------------------------------------


def _simulator(played: Sequence[StoredEpisode], first: int, games: Path, processes: int) -> float:
    """Seconds of CPU of a turn that resets and steps take alone, from the episode `first` on."""
    parts = played[:first], played[first:]
    shares = [[part[place::processes] for place in range(processes)] for part in parts]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        seconds = sum(pool.map(_replayed, *shares, [games] * processes))
    return seconds / sum(episode.summary.turns for episode in parts[1])


def _replayed(
    before: Sequence[StoredEpisode], played: Sequence[StoredEpisode], games: Path
) -> float:
    environment = make_environment("alfworld", data=str(games))
    _play(environment, before)
    return _play(environment, played)


def _play(environment: Environment, played: Sequence[StoredEpisode]) -> float:
    """Seconds of CPU that the commands of episodes take."""
    trajectories = [episode.trajectory for episode in played]
    started = time.process_time()
    for trajectory in trajectories:
        environment.reset(trajectory.task)
        for step in trajectory.steps:
            environment.step(step.command)
    return time.process_time() - started


_AWAKE: list[subprocess.Popen[bytes]] = []
"""What keeps the cores awake."""

_SPIN = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() != 1:
    pass
"""


@contextmanager
def _cores_awake() -> Iterator[None]:
    """Let no core sleep, by processes that run when no other wants to."""
    _AWAKE.extend(
        subprocess.Popen([sys.executable, "-c", _SPIN]) for _ in range(os.cpu_count() or 1)
    )
    try:
        yield
    finally:
        while _AWAKE:
            process = _AWAKE.pop()
            process.kill()
            process.wait()


def _cpu(server: ServerProcess) -> float:
    """Seconds of CPU of this process and all that it started, but for the server and what keeps
    cores awake. Interpreters that have ended count for those that started them.
    """
    mine = psutil.Process()
    others = {server.pid, *(process.pid for process in _AWAKE)}
    processes = [mine, *(p for p in mine.children(recursive=True) if p.pid not in others)]
    return sum(map(_seconds, processes))


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _printed(row: Row) -> Row:
    print(row, flush=True)
    return row


def _table(rows: Sequence[Row]) -> Table:
    table = Table(title="Simulated LLM server, 256 sequences of 40 tokens/s")
    headings = (
        "",
        "in flight",
        "episodes",
        "solved",
        "turns",
        "episodes/h",
        "ratio",
        "full",
        "cpu a turn",
        "simulator",
    )
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for row, before in zip(rows, itertools.chain([None], rows), strict=False):
        compared = before is not None and before.what == ONE_PROCESS
        ratio = f"1/{before.an_hour / row.an_hour:.1f}" if before and compared else ""
        table.add_row(
            row.what,
            f"{row.in_flight:,}",
            f"{row.episodes:,}",
            f"{row.solved:,}",
            f"{row.turns:,}",
            f"{row.an_hour:,.0f}",
            ratio,
            f"{100 * row.full:.1f} %",
            f"{1000 * row.cpu:.1f} ms",
            f"{1000 * row.simulator:.1f} ms" if "TextWorld" not in row.what else "",
        )
    return table


if __name__ == "__main__":
    main()
