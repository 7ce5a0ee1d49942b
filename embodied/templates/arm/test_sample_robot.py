"""The sample robot keeps the rules, refuses what is out of bounds, and stands still at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from embodied import (
    Controller,
    Outcome,
    Protocol,
    Task,
    list_tasks,
    make_controller,
    make_environment,
    run_episode,
)
from embodied.approval import PendingCall
from embodied.policies.expert import ExpertPolicy
from embodied.testing import check_controller, check_environment
from embodied.trajectory import ApprovalRecord

FILE = Path(__file__).with_name("sample_robot.py")
ENVIRONMENT = f"{FILE}:SampleRobotEnvironment"
CONTROLLER = f"{FILE}:SampleRobot"


@pytest.fixture
def robot() -> Controller:
    environment = make_environment(ENVIRONMENT)
    made = make_controller(CONTROLLER, environment)
    made.begin(environment.reset(list_tasks(ENVIRONMENT)[0]), max_steps=10)
    return made


def approve(call: PendingCall) -> ApprovalRecord:
    return ApprovalRecord(approved=True, by="test")


def test_the_environment_keeps_the_rules() -> None:
    check_environment(ENVIRONMENT)


def test_the_controller_keeps_the_rules() -> None:
    check_controller(CONTROLLER, ENVIRONMENT)


def test_what_is_out_of_bounds_moves_nothing(robot: Controller) -> None:
    with pytest.raises(TypeError, match=r"z cannot be 0\.0"):
        robot.call("move_to", [0.1, 0.0])
    assert not robot.steps


def test_nothing_is_grasped_without_approval(robot: Controller) -> None:
    with pytest.raises(PermissionError, match="nobody"):
        robot.call("grasp")
    robot.approver = approve
    assert "is empty" in robot.call("grasp")


def test_the_robot_stands_still_when_it_is_stopped(robot: Controller) -> None:
    robot.moving = True  # type: ignore[attr-defined]
    robot.stop()
    assert not robot.moving  # type: ignore[attr-defined]


@pytest.mark.parametrize("task", list_tasks(ENVIRONMENT), ids=lambda t: t.id)
def test_the_expert_solves_the_tasks(task: Task) -> None:
    environment = make_environment(ENVIRONMENT)
    robot = make_controller(CONTROLLER, environment)
    robot.approver = approve
    protocol = Protocol(controller=CONTROLLER)
    episode = run_episode(task, environment, robot, ExpertPolicy(), protocol)
    assert asyncio.run(episode).outcome is Outcome.SUCCESS
