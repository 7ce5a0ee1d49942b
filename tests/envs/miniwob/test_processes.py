"""Nothing is left of a browser, whoever is killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import embodied

PLAY = """
import embodied
env = embodied.make_environment("miniwob")
task = embodied.list_tasks("miniwob")[0]
env.reset(task)
print(env._browser._driver.folder, flush=True)
try:
    while True:
        env.step("see")
except Exception:
    env.close()
env.reset(task)
env.close()
print("played on", flush=True)
"""


_PROGRAMS = ("chromedriver", "chromium")


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    "victim",
    ["worker", "guards", *(pytest.param(n, marks=pytest.mark.faults) for n in _PROGRAMS)],
)
def test_whoever_is_killed_nothing_is_left(victim: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PLAY], stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        folder = Path(worker.stdout.readline().strip())
        assert folder.is_dir() and folder.parent in (Path(tempfile.gettempdir()), Path("/tmp"))
        started = psutil.Process(worker.pid).children(recursive=True)
        guards = [p for p in started if "--detached" in p.cmdline()]
        assert len(guards) == 2
        if victim == "worker":  # as Ray does it: its children are killed with it
            guards[0].kill()
            worker.kill()
        elif victim == "guards":
            guards[1].kill()
        else:
            next(p for p in started if p.name() == victim).kill()
        if victim != "worker":
            assert worker.stdout.readline() == "played on\n"
        _eventually(lambda: not _alive(started) and not folder.exists())


def test_a_long_path_for_temporary_files_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium makes a socket there, and the path of a socket has few characters."""
    long = tmp_path / ("long" * 30)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    (task, *_) = embodied.list_tasks("miniwob")
    environment = embodied.make_environment("miniwob")
    assert "Task: " in environment.reset(task).text
    environment.close()
