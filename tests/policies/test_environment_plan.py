"""The simulator's own plan is played where no expert is registered."""

from __future__ import annotations

from typing import Any

import pytest

from embodied import Observation, Outcome, Protocol, StepResult, Task, run_episode
from embodied.controller import Controller, action
from embodied.environment import Capabilities
from embodied.errors import ConfigError, DataError
from embodied.policies.expert import ExpertPolicy, plan_steps
from embodied.testing import Corridor, CorridorRobot
from embodied.trajectory import Trajectory

FORMATS = ["code", "json", "text", "tools"]


class Sayings(Corridor):
    """A corridor whose door opens when every word of a list has been said, in order."""

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self.words = words
        self.said: list[str] = []

    def step(self, command: str) -> StepResult:
        self.said.append(command.removeprefix("say "))
        won = self.said == self.words
        return StepResult(Observation(f"You said it {len(self.said)} times."), 0.0, won, False,
                          {"success": won})  # fmt: skip

    def plan(self) -> list[str]:
        return [f"say {word}" for word in self.words]


class Speaker(Controller):
    """The robot that says them."""

    @action
    def say(self, word: str) -> str:
        """Say a word."""
        return self.send(f"say {word}")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        verb, _, word = command.partition(" ")
        return ("say", {"word": word}) if verb == "say" else super().command_call(command)


async def play(words: list[str], **settings: Any) -> Trajectory:
    environment = Sayings(words)
    protocol = Protocol.model_validate({"controller": "speaker", **settings})
    [task, *_] = Corridor.list_tasks()
    return await run_episode(task, environment, Speaker(environment), ExpertPolicy(), protocol)


@pytest.mark.parametrize("form", FORMATS)
async def test_the_plan_is_played_over_several_turns_in_every_format(form: str) -> None:
    done = await play([f"word {n}" for n in range(20)], action=form)
    assert done.outcome is Outcome.SUCCESS
    assert [len(turn.calls) for turn in done.turns] == [8, 8, 4]


async def test_the_same_call_again_and_again_is_a_loop() -> None:
    done = await play(["left", *["on"] * 5, "it's <b>"])
    assert done.turns[0].action == (
        "print(say('left'))\nfor _ in range(5):\n    print(say('on'))\nprint(say(\"it's \\x3cb>\"))"
    )
    assert done.outcome is Outcome.SUCCESS
    assert "You said it 5 times." in done.turns[0].observation


@pytest.mark.parametrize("form", FORMATS)
async def test_a_long_plan_fits_the_turns(form: str) -> None:
    words = [f"word {n}" for n in range(230)]
    done = await play(words, action=form, limits={"turns": 20, "steps": None})
    assert done.outcome is Outcome.SUCCESS
    assert len(done.turns) == 20


async def test_no_action_makes_more_calls_than_it_may() -> None:
    limits = {"turns": 2, "steps": None}
    done = await play(["on"] * 300, limits=limits, action_limits={"calls": 90})
    assert (done.outcome, done.limit) == (Outcome.TRUNCATED, "turns")
    assert [len(turn.calls) for turn in done.turns] == [90, 90]


async def test_a_plan_that_does_not_reach_the_goal_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Sayings, "plan", lambda self: ["say wrong"])
    done = await play(["right"])
    assert done.outcome is Outcome.FAILURE


def test_a_command_that_the_robot_cannot_send(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sayings, "plan", lambda self: ["sing"])
    environment = Sayings([])
    with pytest.raises(DataError, match=r"no plan for corridor-0: Speaker .* sends 'sing'"):
        plan_steps(Corridor.list_tasks()[0], Speaker(environment), Protocol())


async def test_an_expert_without_a_solution_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sayings, "plan", lambda self: ["sing"])
    done = await play(["right"])
    assert (done.outcome, done.turns) == (Outcome.FAILURE, [])


async def test_no_expert_and_no_plan(
    task: Task, robot: CorridorRobot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Corridor, "capabilities", Capabilities())
    with pytest.raises(ConfigError) as caught:
        await run_episode(
            task, robot.environment, robot, ExpertPolicy(), Protocol(controller="nobodys")
        )
    assert "no expert for the controller 'nobodys'" in str(caught.value)
    assert "embodied.experts" in str(caught.value)
    assert "capabilities.plan" in str(caught.value)
