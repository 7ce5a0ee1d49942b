"""A batch on TextWorld survives whatever dies: workers, the driver, both.

EMBODIED_KILL_TEST_EPISODES (120) is its size.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embodied.report import aggregate_run
from embodied.store import RunReader
from tests.faults.runs import finished, reaping, running, stored, succeed, wait_for

EPISODES = int(os.environ.get("EMBODIED_KILL_TEST_EPISODES", "120"))
RECYCLE_BYTES = 600_000_000
SECONDS = 20.0
"""Time between two kills."""


@pytest.mark.faults
def test_killed_workers_and_a_killed_driver_lose_nothing(tmp_path: Path) -> None:
    folder, games = tmp_path / "run", tmp_path / "games"
    settings = [
        "generate.seed=0",
        f"generate.out={games}",
        f"generate.count={EPISODES}",
        "generate.options.split=train",
        f"environment.options.data={games}",
        "environment.options.backend=textworld",
        "split=train",
        "runner.retries=8",
        f"runner.worker_memory_bytes={RECYCLE_BYTES}",
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    begun = running("run", "--policy", "expert", "--out", str(folder), *words)
    with begun as driver, reaping(driver.pid, SECONDS) as first:
        wait_for(folder, EPISODES // 2, driver)
        driver.kill()
    before = len(finished(folder))
    with running("resume", str(folder)) as driver, reaping(driver.pid, SECONDS) as second:
        succeed(driver, seconds=10 * EPISODES)
    report = aggregate_run(RunReader(folder))
    kills, largest = first.kills + second.kills, max(first.largest, second.largest)
    print(
        f"\n{EPISODES} episodes, {before} before the driver was killed; {kills} workers killed; "
        f"largest worker {largest / 1e6:.0f} MB, recycled at {RECYCLE_BYTES / 1e6:.0f} MB; "
        f"successes {report.successes}; retries {report.retries}"
    )
    assert 0 < before < EPISODES
    assert kills > 0
    assert len(stored(folder)) == EPISODES
    assert report.infrastructure_errors == 0
    assert report.episodes == EPISODES
    one_episode = 100_000_000
    assert largest < RECYCLE_BYTES + one_episode
