"""The sample robot keeps the rules, and who looks at its pictures solves its tasks."""

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
from embodied.testing import check_environment

FILE = Path(__file__).with_name("sample_robot.py")
ENVIRONMENT = f"{FILE}:SampleRobotEnvironment"
CONTROLLER = f"{FILE}:SampleRobot"


def test_the_environment_keeps_the_rules() -> None:
    check_environment(ENVIRONMENT)


@pytest.mark.parametrize("task", list_tasks(ENVIRONMENT), ids=lambda t: t.id)
def test_the_expert_solves_the_tasks(task: Task) -> None:
    environment = make_environment(ENVIRONMENT)
    robot = make_controller(CONTROLLER, environment)
    protocol = Protocol(controller=CONTROLLER)
    episode = run_episode(task, environment, robot, ExpertPolicy(), protocol)
    assert asyncio.run(episode).outcome is Outcome.SUCCESS
