"""In a project that has packages `envs` and `controllers` of its own, as most of RL have, the
built-in simulators and robots work all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embodied import Outcome
from embodied.store import RunReader

PYTHON = sys.executable
RUN = (
    *(
        PYTHON,
        "-m",
        "embodied",
        "run",
        "--env",
        "alfworld",
        "--split",
        "train",
        "--policy",
        "expert",
    ),
    *("--tasks.limit", "2", "--runner.workers", "1"),
)
OWN_TEST = """
import controllers
import embodied
import envs


def test_own_and_built_in_packages():
    assert envs.OWN and controllers.OWN
    environment = embodied.make_environment("alfworld")
    task = embodied.list_tasks("alfworld", "train")[0]
    robot = embodied.make_controller("household", environment)
    robot.begin(environment.reset(task), max_steps=5)
    assert robot.call("look")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with packages of these names, and two games."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("envs", "controllers"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("OWN = True\n")
    (folder / "test_own.py").write_text(OWN_TEST)
    generate = ("generate", "alfworld", "--count", "2", "--out", "games")
    run(folder, PYTHON, "-m", "embodied", *generate)
    return folder


def run(folder: Path, *command: str, **variables: str) -> str:
    """What a command prints in the project; it must not fail."""
    known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**known, "ALFWORLD_DATA": str(folder / "games"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_an_environment_is_made(project: Path) -> None:
    code = "import embodied, envs; print(envs.OWN, embodied.make_environment('alfworld'))"
    assert "True <embodied_envs.alfworld" in run(project, PYTHON, "-c", code)


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_a_run(project: Path, kind: str) -> None:
    out = project / kind
    run(project, *RUN, "--runner.kind", kind, "--out", kind)
    episodes = list(RunReader(out).trajectories())
    assert [episode.outcome for episode in episodes] == [Outcome.SUCCESS] * 2


def test_tests_of_the_project(project: Path) -> None:
    run(project, PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", PYTHONPATH=".")
