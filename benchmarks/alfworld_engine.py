"""Measures the native ALFWorld engine against TextWorld, on the same games and commands.

    python benchmarks/alfworld_engine.py [--games N] [--steps N]

Times are of the process's own CPU, so that a busy machine disturbs little. TextWorld computes the
list of valid commands in every step, asked or not; its step is the same in both rows.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psutil
from embodied_envs.alfworld import index, native_game
from embodied_envs.alfworld.environment import Alfworld
from embodied_envs.alfworld.generate import write_games
from embodied_envs.alfworld.textworld_game import _start
from rich.console import Console
from rich.table import Table

from embodied import Task

SHARED = Path(__file__).resolve().parents[2] / "shared" / "alfworld"
ENVIRONMENTS = 10_000
THREADS = 8


@dataclass(frozen=True)
class Walk:
    """Commands for one game, most of them valid."""

    task: Task
    path: Path
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One line of the table, in seconds."""

    what: str
    native: float
    textworld: float
    bar: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=6, help="games that both backends play")
    parser.add_argument("--steps", type=int, default=25, help="steps in each game")
    options = parser.parse_args()
    with game_data() as (data, split):
        walks = draw_walks(data, split, options.games, options.steps)
        console = Console()
        console.print(ratios(data, walks))
        console.print(many_environments(data, walks))
        console.print(threads(data, walks))
        console.print(where_time_goes(data, walks))


@contextmanager
def game_data() -> Iterator[tuple[Path, str]]:
    """Take the official games where they are, else generate some."""
    folder = Path(os.environ.get("ALFWORLD_DATA", SHARED))
    if (folder / index.GAMES / "valid_unseen").is_dir():
        yield folder, "valid_unseen"
        return
    with tempfile.TemporaryDirectory() as generated:
        write_games(Path(generated), 12, 0)
        yield Path(generated), "train"


def draw_walks(data: Path, split: str, games: int, steps: int) -> list[Walk]:
    """Draw random walks, one command in eight nonsense, spread over the split."""
    rng = Random(0)
    environment = Alfworld(data=data)
    tasks = Alfworld.list_tasks(split, data=data)
    walks = []
    for task in tasks[:: max(1, len(tasks) // games)][:games]:
        environment.reset(task)
        commands = []
        for _ in range(steps):
            valid = environment.valid_commands()
            commands.append("dance" if rng.random() < 1 / 8 else rng.choice(valid))
            environment.step(commands[-1])
        walks.append(Walk(task, index.game_file(data, split, task.id), tuple(commands)))
    return walks


def ratios(data: Path, walks: Sequence[Walk]) -> Table:
    """Measure both backends, as the rows of a table."""
    stock_cold, stock_warm, stock_step = measure_textworld(walks)
    native = Alfworld(data=data)
    rows = [
        Row("step, no list", native_step(native, walks, listed=False), stock_step, 1000),
        Row("step with list", native_step(native, walks, listed=True), stock_step, 300),
        Row("cold reset from file", native_cold_reset(native, walks, step=False), stock_cold, 100),
        Row("cold reset and a step", native_cold_reset(native, walks, step=True), stock_cold, 100),
        Row("warm reset", native_warm_reset(native, walks), stock_warm, 1000),
    ]
    table = Table(title=f"{len(walks)} games, {len(walks[0].commands)} steps each, CPU time")
    for name in ("", "native", "TextWorld", "ratio", "bar"):
        table.add_column(name, justify="right" if name else "left")
    for row in rows:
        ratio = row.textworld / row.native
        met = "met" if ratio >= row.bar else "MISSED"
        table.add_row(
            row.what,
            f"{row.native * 1e6:,.1f} µs",
            f"{row.textworld * 1e3:,.1f} ms",
            f"{ratio:,.0f}x",
            f"{row.bar:,}x {met}",
        )
    return table


def measure_textworld(walks: Sequence[Walk]) -> tuple[float, float, float]:
    """Time a cold reset, a warm reset and a step, on stock TextWorld with its wrappers.

    A cold reset opens the file. A warm one starts an open game again.
    """
    _start(walks[0].path).close()  # imports
    cold = warm = steps = 0.0
    for walk in walks:
        started = time.process_time()
        environment = _start(walk.path)
        environment.reset()
        cold += time.process_time() - started
        started = time.process_time()
        environment.reset()
        warm += time.process_time() - started
        started = time.process_time()
        for command in walk.commands:
            environment.step(command)
        steps += time.process_time() - started
        environment.close()
    return cold / len(walks), warm / len(walks), steps / sum(len(w.commands) for w in walks)


def best_of(times: int, work: Callable[[], float]) -> float:
    """Return the least of several measurements: the one that the machine disturbed least."""
    return min(work() for _ in range(times))


def native_step(environment: Alfworld, walks: Sequence[Walk], *, listed: bool) -> float:
    """Time a step."""
    return best_of(5, lambda: _native_steps(environment, walks, listed=listed))


def _native_steps(environment: Alfworld, walks: Sequence[Walk], *, listed: bool) -> float:
    spent = 0.0
    for walk in walks:
        environment.reset(walk.task)
        started = time.process_time()
        for command in walk.commands:
            environment.step(command)
            if listed:
                environment.valid_commands()
        spent += time.process_time() - started
    return spent / sum(len(walk.commands) for walk in walks)


def native_cold_reset(environment: Alfworld, walks: Sequence[Walk], *, step: bool) -> float:
    """Time a reset of a game that this process does not know; optionally with a step."""

    def once(walk: Walk) -> float:
        native_game._compiled.cache_clear()
        started = time.process_time()
        environment.reset(walk.task)
        if step:
            environment.step("look")
        return time.process_time() - started

    return sum(best_of(5, lambda w=walk: once(w)) for walk in walks) / len(walks)  # type: ignore[misc]


def native_warm_reset(environment: Alfworld, walks: Sequence[Walk]) -> float:
    """Time a reset of a game that this process has seen."""
    for walk in walks:
        environment.reset(walk.task)
    started = time.process_time()
    for _ in range(200):
        for walk in walks:
            environment.reset(walk.task)
    return (time.process_time() - started) / (200 * len(walks))


def many_environments(data: Path, walks: Sequence[Walk]) -> Table:
    """Measure memory of live environments, and of ten thousand one after the other."""
    each = size_of_live_environment(data, walks)
    before = memory()
    for number in range(ENVIRONMENTS):
        environment = Alfworld(data=data)
        walk = walks[number % len(walks)]
        environment.reset(walk.task)
        for command in walk.commands[:5]:
            environment.step(command)
        environment.close()
    after = memory()
    table = Table(title="Memory")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("a live environment of a known game", f"{each / 1e3:,.1f} kB")
    table.add_row(f"RSS before {ENVIRONMENTS:,} environments", f"{before / 1e6:,.1f} MB")
    table.add_row("RSS after", f"{after / 1e6:,.1f} MB")
    return table


def size_of_live_environment(data: Path, walks: Sequence[Walk], count: int = 500) -> float:
    """Measure the bytes of an environment in the middle of a game that this process knows."""
    play_through(Alfworld(data=data), walks)
    tracemalloc.start()
    alive = []
    for number in range(count):
        alive.append(Alfworld(data=data))
        play_through(alive[-1], [walks[number % len(walks)]])
    gc.collect()
    allocated = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return allocated / len(alive)


def memory() -> int:
    """Return the resident memory of this process in bytes."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def play_through(environment: Alfworld, walks: Sequence[Walk]) -> None:
    """Play walks from their beginning."""
    for walk in walks:
        environment.reset(walk.task)
        for command in walk.commands:
            environment.step(command)


def threads(data: Path, walks: Sequence[Walk]) -> Table:
    """Compare the steps a second of eight threads with one's. Python runs one thread at a time."""
    rounds = max(1, 20_000 // sum(len(walk.commands) for walk in walks))

    def work() -> None:
        environment = Alfworld(data=data)
        for _ in range(rounds):
            play_through(environment, walks)

    steps = rounds * sum(len(walk.commands) for walk in walks)
    one = steps / elapsed([work])
    many = steps * THREADS / elapsed([work] * THREADS)
    table = Table(title="Threads, wall time")
    for name in ("threads", "steps a second", "against one"):
        table.add_column(name, justify="right")
    table.add_row("1", f"{one:,.0f}", "1.00")
    table.add_row(str(THREADS), f"{many:,.0f}", f"{many / one:.2f}")
    return table


def elapsed(work: Sequence[Callable[[], None]]) -> float:
    """Time all, each in its thread, until they have finished."""
    running = [threading.Thread(target=each) for each in work]
    started = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return time.perf_counter() - started


def where_time_goes(data: Path, walks: Sequence[Walk]) -> Table:
    """Return the share of each module in a step without list, as cProfile sees it."""
    environment = Alfworld(data=data)
    play_through(environment, walks)
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(20):
        play_through(environment, walks)
    profile.disable()
    shares: Counter[str] = Counter()
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, own, *_) in stats.items():
        path = Path(file)
        shares["/".join(path.parts[-2:]) if path.is_absolute() else "built-in functions"] += own
    table = Table(title="Where the time of native steps and resets goes")
    table.add_column("module")
    table.add_column("share", justify="right")
    whole = sum(shares.values())
    for name, own in shares.most_common(10):
        table.add_row(name, f"{own / whole:.0%}")
    return table


if __name__ == "__main__":
    main()
