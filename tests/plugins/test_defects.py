"""Plugins that fail by defects of their own: runs say where, and score nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from embodied import InfrastructureError, Outcome, list_tasks, make_environment
from embodied.store import RunReader

PLUGINS = """
import sys
from embodied import action
from embodied.testing.corridor import Corridor, CorridorRobot, solve

class Exits(Corridor):
    def reset(self, task, seed=None):
        sys.exit(1)

class Gone(Corridor):
    def __init__(self):
        raise KeyError("port")

class Lists(Corridor):
    @classmethod
    def list_tasks(cls, split=None):
        sys.exit(0)

class Forgetful(CorridorRobot):
    @action
    def go(self, direction: str) -> str:
        \"\"\"Go.\"\"\"
        return self.send({}[direction])

class Quits(CorridorRobot):
    @action
    def go(self, direction: str) -> str:
        \"\"\"Go.\"\"\"
        sys.exit(2)
"""


COMMAND = (
    *(sys.executable, "-m", "embodied", "run", "--policy", "expert", "--runner.kind", "local"),
    *("--tasks.limit", "1", "--runner.retries", "0", "--out", "run"),
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faulty.py").write_text(PLUGINS)
    return tmp_path / "faulty.py"


def line(text: str) -> int:
    return PLUGINS[: PLUGINS.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("env", "controller", "failed", "text"),
    [
        ("Exits", "CorridorRobot", "Exits.reset() failed: SystemExit(1) (in reset", "sys.exit(1)"),
        ("Corridor", "Quits", "Quits.go() failed: SystemExit(2) (in go", "sys.exit(2)"),
        (
            "Corridor",
            "Forgetful",
            "Forgetful.go() failed: KeyError('left') (in go",
            "{}[direction]",
        ),
    ],
)
def test_an_episode_that_meets_a_defect_is_recorded_with_its_traceback(
    file: Path, env: str, controller: str, failed: str, text: str
) -> None:
    plugins = ["--env", f"{file}:{env}", "--protocol.controller", f"{file}:{controller}"]
    done = subprocess.run([*COMMAND, *plugins], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert failed in done.stdout
    (episode,) = RunReader("run").trajectories()
    assert episode.outcome is Outcome.INFRASTRUCTURE_ERROR
    assert episode.error == f"{failed}, {file}:{line(text)})"
    assert episode.traceback is not None
    assert f'File "{file}", line {line(text)}' in episode.traceback


def test_a_run_that_cannot_begin_says_where(file: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--env", f"{file}:Gone"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert f"error: Gone() failed: KeyError('port') (in __init__, {file}:" in done.stderr


def test_defects_of_an_environment_in_python(file: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"Lists.list_tasks\(\) failed: SystemExit"):
        list_tasks(f"{file}:Lists")
    with pytest.raises(InfrastructureError, match=r"Gone\(\) failed: KeyError\('port'\)"):
        make_environment(f"{file}:Gone")
