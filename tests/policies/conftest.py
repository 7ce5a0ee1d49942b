"""A robot in the corridor."""

from __future__ import annotations

import pytest

from embodied import Task
from embodied.testing import Corridor, CorridorRobot


@pytest.fixture
def robot(task: Task) -> CorridorRobot:
    """The corridor's robot, beside key and door, at the start of an episode of 50 steps."""
    robot = CorridorRobot(Corridor(length=2))
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot
