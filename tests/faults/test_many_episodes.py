"""One run of ten thousand episodes: the driver's memory is flat, and the folder can be read while
it grows. Times are printed, not judged: see them with `pytest -m long -s`. EMBODIED_MANY_EPISODES
(10000) is the size of the run.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from embodied.plugins.registry import environment_class
from embodied.store import RunReader
from tests.faults.runs import report, running, stored, succeed

TASKS = 100
SAMPLES = max(1, int(os.environ.get("EMBODIED_MANY_EPISODES", "10000")) // TASKS)
EPISODES = TASKS * SAMPLES
PART = EPISODES // 10
MOST_GROWTH = 20_000_000
"""Bytes that the driver may grow by after the first tenth of the run."""


@pytest.mark.long
def test_many_episodes(tmp_path: Path) -> None:
    games, folder = tmp_path / "games", tmp_path / "run"
    environment_class("alfworld").generate(games, TASKS, 7)
    started = time.monotonic()
    words = (
        *("run", "--env", "alfworld", "--split", "train", "--out", str(folder)),
        *("--set", f"environment.options.data={games}", "--tasks.samples", str(SAMPLES)),
        *("--policy", "expert", "--runner.kind", "ray", "--runner.workers", "2"),
    )
    with running(*words) as driver:
        memory = watch(driver, folder)
        succeed(driver)
    print(f"{EPISODES} episodes: {time.monotonic() - started:.0f} s", end="; ")
    print(f"{sum(p.stat().st_size for p in folder.rglob('*.jsonl')) / 1e6:.0f} MB", end="; ")
    started = time.monotonic()
    assert report(folder)["episodes"] == EPISODES
    print(f"`embodied report`: {time.monotonic() - started:.1f} s")
    assert len(stored(folder)) == EPISODES
    assert max(memory) - memory[0] < MOST_GROWTH


def watch(driver: subprocess.Popen[str], folder: Path) -> list[int]:
    """The driver's resident memory from the first tenth of the run on, in bytes.

    The run is read at each tenth, as a user may.
    """
    process, memory, read = psutil.Process(driver.pid), list[int](), 0
    while driver.poll() is None:
        time.sleep(1)
        resident, done = process.memory_info().rss, lines(folder / "index.jsonl")
        if PART <= done < EPISODES:
            memory.append(resident)
        if done >= read + PART and done < EPISODES:
            episodes = report(folder)["episodes"]
            trajectories = sum(1 for _ in RunReader(folder).trajectories())
            assert read < done <= episodes <= trajectories
            read = done
            print(f"\n{done} episodes: {resident / 1e6:.1f} MB; read {trajectories}", end="")
    print()
    return memory


def lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0
