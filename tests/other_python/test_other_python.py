"""`environment.python`: a simulator runs in a Python of its own, over pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

import psutil
import pytest

import embodied
from embodied import ConfigError, DataError, InfrastructureError, Outcome
from embodied.environment import Attachment
from embodied.plugins.plugin_file import absolute_name, is_file, short_name
from embodied.plugins.registry import controller_name, environment_class
from embodied.store import RunReader
from embodied.testing import check_environment

PIXEL = (
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)
"""A picture of one pixel."""
SIMULATOR = '''
import os
import subprocess
import sys

from embodied import (
    Attachment, Capabilities, ConfigError, DataError, Environment, Observation, StepResult, Task
)


class Belt(Environment):
    """A belt with three cells. The last one is the goal."""

    default_controller = "robot.py:Driver"
    default_limits = {"steps": 9}
    capabilities = Capabilities(plan=True, snapshot=True)

    def __init__(self, length=3):
        if length < 1:
            raise ConfigError("the option length must be positive")
        print("what a simulator prints is no answer")
        self.length = length
        self.place = 0

    @classmethod
    def list_tasks(cls, split=None, length=3):
        if split not in (None, "all"):
            raise ConfigError(f"there is no split {split!r}; there is: all")
        return [
            Task(
                environment="belt", id=f"b{n}", split="all", kind="k", instruction="Go.", seed=n,
                data={"cells": [n]},
            )
            for n in range(2)
        ]

    def reset(self, task, seed=None):
        if task.id == "lost":
            raise DataError("its file is not there")
        self.place = 0
        picture = Attachment("front", "image/png", bytes.fromhex("PIXEL"))
        if task.data not in ({"cells": [0]}, {"cells": [1]}):
            raise KeyError("data")
        return Observation(f"{task.instruction} {sys.executable}", (picture,))

    def step(self, command):
        if command == "crash":
            os._exit(7)
        if command == "raise":
            raise KeyError("belt")
        if command == "nan":
            return StepResult(Observation(""), float("nan"), False, False, {"success": False})
        if command == "object":
            return StepResult(Observation(""), 0.0, False, False, {"success": False, "x": object()})
        if command == "spawn":
            child = subprocess.Popen(["sleep", "1000"])
            return StepResult(Observation(str(child.pid)), 0.0, False, False, {"success": False})
        if command == "hang":
            while True:
                pass
        self.place += command == "on"
        won = self.place >= self.length
        seen = Observation(f"cell {self.place}")
        return StepResult(seen, float(won), won, False, {"success": won})

    def plan(self):
        return ["on"] * self.length

    def snapshot(self):
        return bytes([self.place])

    def restore(self, snapshot):
        self.place = snapshot[0]

    def close(self):
        pass
'''.replace("PIXEL", PIXEL)
ROBOT = '''
from embodied import Controller, action


class Driver(Controller):
    """A belt."""

    @action
    def on(self) -> str:
        """Go on by one cell."""
        return self.send("on")

    @classmethod
    def command_call(cls, command):
        return command, {}
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter for which nothing is installed."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("belt")
    (folder / "belt.py").write_text(SIMULATOR)
    (folder / "robot.py").write_text(ROBOT)
    return folder


@pytest.fixture
def name(python: Path, folder: Path) -> str:
    return f"other-python:{python}::{folder}/belt.py:Belt"


def test_an_environment_of_another_python_passes_the_checks(name: str) -> None:
    check_environment(name)


def test_it_runs_there_and_says_what_it_is(name: str, python: Path, folder: Path) -> None:
    env = embodied.make_environment(name, length=2)
    seen = env.reset(embodied.list_tasks(name)[1])
    assert seen.text == f"Go. {python}"
    assert seen.attachments == (Attachment("front", "image/png", bytes.fromhex(PIXEL)),)
    assert [env.step("on").success for _ in range(2)] == [False, True]
    assert (env.capabilities.plan, env.capabilities.valid_commands) == (True, False)
    env.close()
    data = environment_class(name).data_version()
    assert data["python"] == ".".join(map(str, sys.version_info[:3]))
    assert len(data["environment_file"]) == 64
    assert (is_file(name), short_name(name), absolute_name(name)) == (False, "belt.py:Belt", name)


def test_errors_are_those_of_this_side(name: str) -> None:
    with pytest.raises(ConfigError, match="length must be positive"):
        embodied.make_environment(name, length=0)
    with pytest.raises(ConfigError, match="no split 'test'"):
        embodied.list_tasks(name, "test")
    task = embodied.list_tasks(name)[0]
    env = embodied.make_environment(name)
    with pytest.raises(DataError, match="its file is not there"):
        env.reset(task.model_copy(update={"id": "lost"}))
    env.reset(task)
    for command, said in (
        ("raise", "KeyError: 'belt'"),
        ("nan", "Out of range float"),
        ("object", "may not return a object"),
    ):
        with pytest.raises(InfrastructureError, match=said):
            env.step(command)
    assert env.step("on").observation.text == "cell 1"
    with pytest.raises(InfrastructureError, match="ended with code 7"):
        env.step("crash")
    env.close()
    env.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("other-python:/no/such/python::x.py:X", "cannot be run"),
        ("other-python:x.py:X", "names no environment"),
    ],
)
def test_wrong_names_are_told(wrong: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        environment_class(wrong)


def test_what_is_missing_there_is_told(python: Path, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from embodied import EnvironmentOptions\n")
    (tmp_path / "b.py").write_text("import numpy_of_old\n")
    for name, said in (
        (f"{tmp_path}/a.py:A", "EnvironmentOptions"),
        (f"{tmp_path}/b.py:B", "numpy_of_old"),
        ("alfworld", "embodied is not installed"),
    ):
        with pytest.raises(ConfigError, match=said):
            environment_class(f"other-python:{python}::{name}")


def test_a_run_plays_there_with_a_robot_from_here(
    python: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    embodied.run(
        env="belt.py:Belt",
        environment={"python": str(python), "options": {"length": 2}},
        policy="oracle",
        runner={"kind": "local"},
        out=tmp_path / "run",
    )
    run = RunReader(tmp_path / "run")
    assert [each.outcome for each in run.trajectories()] == [Outcome.SUCCESS] * 2
    assert run.protocol.environment == "belt.py:Belt"
    assert run.protocol.protocol.limits.steps == 9
    assert "environment_file" in run.protocol.data
    with pytest.raises(ConfigError, match="no interpreter 'no-such-python'"):
        embodied.run(env="belt.py:Belt", environment={"python": "no-such-python"})


def test_robots_beside_the_simulator_are_found(python: Path, tmp_path: Path) -> None:
    text = SIMULATOR.replace('"robot.py:Driver"', '":Driver"')
    (tmp_path / "both.py").write_text(text + ROBOT)
    name = f"other-python:{python}::{tmp_path}/both.py:Belt"
    kind = environment_class(name)
    assert controller_name(None, name, kind) == f"{tmp_path}/both.py:Driver"


OWNER = """
import sys, time, embodied
env = embodied.make_environment(sys.argv[1])
env.reset(embodied.list_tasks(sys.argv[1])[0])
print(env.step("spawn").observation.text, flush=True)
env.step(sys.argv[2])
time.sleep(1000)
"""


@pytest.mark.parametrize("command", ["on", "hang"])
def test_it_dies_with_its_parent_and_so_does_what_it_started(name: str, command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, name, command], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        started = int(owner.stdout.readline())
        left = [*psutil.Process(owner.pid).children(recursive=True), psutil.Process(started)]
        os.kill(owner.pid, signal.SIGKILL)
    psutil.wait_procs(left, timeout=60)
    assert not [each for each in left if each.is_running() and each.status() != "zombie"]


def test_close_ends_what_the_simulator_started(name: str) -> None:
    env = embodied.make_environment(name)
    env.reset(embodied.list_tasks(name)[0])
    started = int(env.step("spawn").observation.text)
    env.close()
    while psutil.pid_exists(started) and psutil.Process(started).status() != "zombie":
        time.sleep(0.01)
