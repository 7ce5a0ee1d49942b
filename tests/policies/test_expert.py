"""An expert that fails gives up."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from embodied import Outcome, Protocol, Task, run_episode
from embodied.policies.expert import Expert, ExpertPolicy, ExpertStep
from embodied.prompting import preset
from embodied.testing import CorridorRobot


def register(expert: Expert, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the expert of the corridor's robot."""
    monkeypatch.setattr("embodied.policies.expert.has_expert", lambda name: True)
    monkeypatch.setattr("embodied.policies.expert.load", lambda group, name: expert)


def puzzled(observation: str) -> Generator[ExpertStep, str, None]:
    yield ExpertStep("I try.", 'print(go("left"))')
    raise ValueError("cannot understand the goal")


async def test_an_expert_that_raises_gives_up(
    robot: CorridorRobot, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(puzzled, monkeypatch)
    protocol = Protocol(controller="corridor")
    done = await run_episode(task, robot.environment, robot, ExpertPolicy(), protocol)
    assert done.outcome is Outcome.FAILURE
    assert len(done.turns) == 1


def opening(observation: str) -> Generator[ExpertStep, str, None]:
    yield ExpertStep("My next Action: a look around.", 'print(go("left"))\nprint(go("right"))')
    yield ExpertStep("Then the door.", "print(take_key())\nprint(open_door())")


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
@pytest.mark.parametrize("name", ["default", "m3"])
async def test_an_expert_is_understood_in_every_wording_and_format(
    robot: CorridorRobot, task: Task, monkeypatch: pytest.MonkeyPatch, name: str, action: str
) -> None:
    register(opening, monkeypatch)
    protocol = preset(name).model_copy(update={"controller": "corridor", "action": action})
    done = await run_episode(task, robot.environment, robot, ExpertPolicy(), protocol)
    assert done.outcome is Outcome.SUCCESS
    assert not any(turn.format_error for turn in done.turns)
