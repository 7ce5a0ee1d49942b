"""Workers that hold a simulator in processes of its own are killed: none of these stays behind.

Needs Java for ScienceWorld, and Debian's packages chromium and chromium-driver for MiniWoB.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

from embodied.store import open_run
from tests.faults.runs import carrying, reaping, running, stored, succeed

_MARK = "EMBODIED_TEST_RUN"
_LEAVING_SECONDS = 30.0
"""Time that the processes of a killed worker have to notice it."""


@pytest.mark.faults
@pytest.mark.parametrize(
    ("environment", "episodes", "seconds"), [("scienceworld", 200, 15.0), ("miniwob", 100, 15.0)]
)
def test_no_process_of_a_simulator_outlives_its_killed_worker(
    environment: str, episodes: int, seconds: float, tmp_path: Path
) -> None:
    folder, mark = tmp_path / "run", uuid.uuid4().hex
    words = [
        *("run", f"configs/{environment}.yaml", "--policy", "expert", "--out", str(folder)),
        *("--tasks.limit", str(episodes), "--runner.kind", "ray", "--runner.workers", "2"),
        *("--runner.retries", "8"),
    ]
    with running(*words, **{_MARK: mark}) as driver, reaping(driver.pid, seconds) as reaper:
        succeed(driver, seconds=30 * episodes)
    report = open_run(folder).report()
    print(
        f"\n{environment}: {episodes} episodes, {reaper.kills} workers killed, "
        f"successes {report.successes}; retries {report.retries}"
    )
    assert reaper.kills > 0
    assert len(stored(folder)) == report.episodes == episodes
    assert report.infrastructure_errors == 0
    until = time.monotonic() + _LEAVING_SECONDS
    while (left := carrying(_MARK, mark)) and time.monotonic() < until:
        time.sleep(0.5)
    assert left == []
