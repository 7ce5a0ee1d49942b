"""An expert that fails gives up."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from embodied import Outcome, Protocol, Task, run_episode
from embodied.policies.expert import ExpertPolicy, Plan
from tests.conftest import Switcher


def puzzled(observation: str) -> Generator[Plan, str, None]:
    yield Plan("I try.", 'print(on("left 1"))')
    raise ValueError("cannot understand the goal")


async def test_an_expert_that_raises_gives_up(
    robot: Switcher, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embodied.policies.expert.load", lambda group, name: puzzled)
    protocol = Protocol(controller="switcher")
    done = await run_episode(task, robot.environment, robot, ExpertPolicy(), protocol)
    assert done.outcome is Outcome.FAILURE
    assert len(done.turns) == 1
