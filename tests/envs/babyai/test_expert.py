"""The expert solves the standard levels, with both robots, the same in every action format."""

from __future__ import annotations

import pytest

pytest.importorskip("minigrid", reason="pip install 'embodied-codeact[babyai]'")

from embodied_envs.babyai.levels import STANDARD

import embodied
from embodied import Task
from embodied.policies.expert import ExpertPolicy
from embodied.protocol import Protocol

FORMATS = ("code", "json", "text")
ROBOTS = ("grid-robot", "grid-robot-skills")


async def play(task: Task, action: str, controller: str) -> tuple[str, int, float]:
    env = embodied.make_environment("babyai")
    robot = embodied.make_controller(controller, env)
    limits = {"turns": 300, "steps": None}
    protocol = Protocol.model_validate(
        {"action": action, "controller": controller, "limits": limits}
    )
    trajectory = await embodied.run_episode(task, env, robot, ExpertPolicy(), protocol)
    return trajectory.outcome, len(robot.steps), trajectory.reward


async def outcomes(tasks: list[Task], controller: str) -> list[str]:
    found = []
    for task in tasks:
        played = [await play(task, action, controller) for action in FORMATS]
        assert played[0] == played[1] == played[2], task.id
        found.append(played[0][0])
    return found


@pytest.mark.parametrize("controller", ROBOTS)
async def test_the_expert_solves_a_few(controller: str) -> None:
    levels = ["GoToLocal-v0", "PutNextLocal-v0", "UnlockPickup-v0"]
    tasks = embodied.list_tasks("babyai", levels=levels, episodes_per_level=1)
    assert await outcomes(tasks, controller) == ["success"] * 3


@pytest.mark.long
@pytest.mark.parametrize("level", STANDARD)
async def test_the_expert_solves_every_standard_level(level: str) -> None:
    tasks = embodied.list_tasks("babyai", levels=level, episodes_per_level=10)
    assert await outcomes(tasks, ROBOTS[0]) == ["success"] * 10
    assert await outcomes(tasks[:2], ROBOTS[1]) == ["success"] * 2
