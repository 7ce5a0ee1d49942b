"""A robot whose actions take any text."""

from __future__ import annotations

import pytest

from embodied import Task
from tests.conftest import LightSwitch, Switcher


@pytest.fixture
def robot(task: Task) -> Switcher:
    """A robot at two lights, at the start of an episode of 50 steps."""
    robot = Switcher(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot
