"""The tools of the sample robot are actions, and its goal can be reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied import Controller, list_tasks, make_controller, make_environment

FOLDER = Path(__file__).parent
NAME = f"mcp:{sys.executable} {FOLDER / 'sample_robot_server.py'}"
OPTIONS = {"goal": f"{FOLDER / 'sample_robot.py'}:is_done", "reset": "home"}


@pytest.fixture(scope="module")
def robot() -> Iterator[Controller]:
    environment = make_environment(NAME, **OPTIONS)
    yield make_controller(NAME, environment)
    environment.close()


@pytest.fixture(autouse=True)
def begun(robot: Controller) -> None:
    robot.begin(robot.environment.reset(list_tasks(NAME, **OPTIONS)[0]), max_steps=20)


def test_tools_are_actions(robot: Controller) -> None:
    assert list(robot.actions()) == ["move_to", "grip", "pose"]
    with pytest.raises(TypeError, match="x cannot be 2"):
        robot.call("move_to", [2.0])


def test_the_goal_can_be_reached(robot: Controller) -> None:
    robot.call("grip", [True])
    assert not robot.success
    robot.call("move_to", [0.5])
    assert robot.success
