"""Workers that hold a simulator in processes of its own are killed: none of these stays behind.

Needs Java for ScienceWorld, and Debian's packages chromium and chromium-driver for MiniWoB.
"""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pytest

from embodied.report import aggregate_run
from embodied.store import RunReader
from tests.faults.runs import carrying, reaping, running, stored, succeed

_MARK = "EMBODIED_TEST_RUN"
_EPISODES = {"scienceworld": 200, "miniwob": 100}
_LEAVING_SECONDS = 30.0
"""Time that the processes of a killed worker have to notice it."""


@pytest.mark.faults
@pytest.mark.parametrize(
    ("environment", "seconds", "more"),
    [
        ("scienceworld", 30.0, ("--tasks.samples", "2")),  # 240 episodes
        ("miniwob", 8.0, ("--environment.options.seeds", "10")),  # 460
    ],
)
def test_no_process_of_a_simulator_outlives_its_killed_worker(
    environment: str, seconds: float, more: tuple[str, ...], tmp_path: Path
) -> None:
    """A worker is killed every so many seconds."""
    folder, mark = tmp_path / "run", uuid.uuid4().hex
    words = [
        *("run", f"configs/{environment}.yaml", "--policy", "expert", "--out", str(folder), *more),
        *("--runner.kind", "ray", "--runner.workers", "2", "--runner.retries", "8"),
    ]
    with running(*words, **{_MARK: mark}) as driver, reaping(driver.pid, seconds) as reaper:
        succeed(driver, seconds=3600)
    report = aggregate_run(RunReader(folder))
    print(
        f"\n{environment}: {report.episodes} episodes, {reaper.kills} workers killed, "
        f"successes {report.successes}; retries {report.retries}"
    )
    assert reaper.kills > 0
    assert len(stored(folder)) == report.episodes >= _EPISODES[environment]
    assert report.infrastructure_errors == 0
    until = time.monotonic() + _LEAVING_SECONDS
    while (left := carrying(_MARK, mark)) and time.monotonic() < until:
        time.sleep(0.5)
    assert left == []
