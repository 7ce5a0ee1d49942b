"""Fixtures for all tests: the corridor, a variation of it, and where the official games lie."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from embodied import Capabilities, Controller, Observation, StepResult, Task, action
from embodied.testing import Corridor, CorridorRobot

# Hundreds of processes are started: none compiles the package again, whatever the shell says.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no defect: no example has a deadline.
settings.register_profile("embodied", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("embodied")

SHARED = Path(__file__).parent.parent.parent / "shared" / "alfworld"


class LightSwitch(Corridor):
    """Two lights in the place of key and door, for robots that send any text: both must be on."""

    capabilities = Capabilities()

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.on: set[str] = set()
        return Observation("There are the lights left 1 and right 1.")

    def step(self, command: str) -> StepResult:
        if command == "explode":
            raise OSError("the simulator is gone")
        verb, _, light = command.partition(" ")
        if light in ("left 1", "right 1") and verb in ("on", "off"):
            self.on = self.on | {light} if verb == "on" else self.on - {light}
            text = f"The light {light} is {verb}."
        else:
            text = "Nothing happens."
        won = len(self.on) == 2
        return StepResult(Observation(text), float(won), won, False, {"success": won})


class Switcher(Controller):
    """Takes any text, gives lists back, and can break its simulator."""

    introduction = ""

    @action
    def on(self, light: str) -> str:
        """Switch a light on.

        Example: on("left 1")
        """
        return self.send(f"on {light}")

    @action
    def off(self, light: str) -> str:
        """Switch a light off."""
        return self.send(f"off {light}")

    @action
    def wait(self, times: int = 1) -> list[str]:
        """Do nothing for a while. Each time is a step."""
        return [self.send("wait") for _ in range(times)]

    @action
    def explode(self) -> str:
        """Break the simulator."""
        return self.send("explode")


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Processes that tests start can be interrupted, even where this one ignores interrupts, as
    background jobs of a shell do.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _log_level() -> Iterator[None]:
    """What a test calls in this process may set how much is logged; the next test starts anew."""
    logger = logging.getLogger("embodied")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.fixture
def task() -> Task:
    """A task where the robot of a corridor of two cells begins at the door, beside the key."""
    return Corridor.list_tasks()[0]


@pytest.fixture
def robot(task: Task) -> CorridorRobot:
    """The corridor's robot, beside key and door, at the start of an episode of 50 steps."""
    robot = CorridorRobot(Corridor(length=2))
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot


@pytest.fixture(scope="session")
def alfworld_data() -> Path:
    """The folder of official ALFWorld games and recorded episodes.

    Importing alfworld sets ALFWORLD_DATA to a cache folder, so the shared one is tried as well.
    """
    for folder in (Path(os.environ.get("ALFWORLD_DATA", SHARED)), SHARED):
        if (folder / "json_2.1.1" / "valid_unseen").is_dir() and (folder / "recorded").is_dir():
            return folder
    pytest.skip(f"needs official ALFWorld games and recordings in $ALFWORLD_DATA or {SHARED}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; skips where one may not be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
