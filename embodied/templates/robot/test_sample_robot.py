"""The sample robot keeps the rules of all robots, and its expert solves its tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from embodied import (
    Outcome,
    Protocol,
    Task,
    list_tasks,
    make_controller,
    make_environment,
    run_episode,
)
from embodied.policies.expert import ExpertPolicy
from embodied.testing import check_controller, check_environment

FILE = Path(__file__).with_name("sample_robot.py")
ENVIRONMENT = f"{FILE}:SampleRobotEnvironment"
CONTROLLER = f"{FILE}:SampleRobot"


def test_the_environment_keeps_the_rules() -> None:
    check_environment(ENVIRONMENT)


def test_the_controller_keeps_the_rules() -> None:
    check_controller(CONTROLLER, ENVIRONMENT)


def test_an_unknown_place_takes_no_step() -> None:
    robot = make_controller(CONTROLLER, make_environment(ENVIRONMENT))
    with pytest.raises(ValueError, match="there is no place 'bay 9'; there are: bay 1"):
        robot.call("drive_to", ["bay 9"])
    assert not robot.steps


@pytest.mark.parametrize("task", list_tasks(ENVIRONMENT, split="test")[:5], ids=lambda t: t.id)
def test_the_expert_solves_the_tasks(task: Task) -> None:
    environment = make_environment(ENVIRONMENT)
    robot = make_controller(CONTROLLER, environment)
    protocol = Protocol(controller=CONTROLLER)
    episode = run_episode(task, environment, robot, ExpertPolicy(), protocol)
    assert asyncio.run(episode).outcome is Outcome.SUCCESS
