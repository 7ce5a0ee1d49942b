"""The corridor of two cells: robot and key are at the door."""

from __future__ import annotations

import pytest

from embodied import Task
from embodied.testing import Corridor, CorridorRobot


@pytest.fixture
def task() -> Task:
    return Corridor.list_tasks()[0]


@pytest.fixture
def robot(task: Task) -> CorridorRobot:
    """A robot at the start of an episode of 50 steps."""
    robot = CorridorRobot(Corridor(length=2))
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot
