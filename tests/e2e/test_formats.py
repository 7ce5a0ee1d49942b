"""The same episodes in all four action formats, through the real parsers and the real simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import Outcome, Policy, Protocol, Reply, Task, Trajectory
from embodied.action_formats import Call, make_format
from embodied.limits import EpisodeLimits
from embodied.plugins.registry import environment_class, names
from embodied.policies.expert import ExpertPolicy
from embodied.policies.oracle import OraclePolicy
from embodied.trajectory import Message

FORMATS = names("embodied.action_formats")
KINDS = 6


class Said(Policy):
    """Says what it was told to say, whatever it sees."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._left = iter(replies)

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        return next(self._left, None)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("alfworld", reason="needs: pip install 'embodied-codeact[alfworld]'")
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 24, 7)
    return folder


@pytest.fixture(scope="module")
def one_task_per_kind(games: Path) -> list[Task]:
    tasks = {task.kind: task for task in embodied.list_tasks("alfworld", "train", data=games)}
    assert len(tasks) == KINDS
    return list(tasks.values())


def play(games: Path, task: Task, policy: Policy, action: str) -> Trajectory:
    env = embodied.make_environment("alfworld", data=games)
    robot = embodied.make_controller("household", env)
    protocol = Protocol.model_validate({"action": action, "limits": EpisodeLimits(turns=60)})
    return asyncio.run(embodied.run_episode(task, env, robot, policy, protocol))


def calls_of(trajectory: Trajectory) -> list[tuple[str, Any]]:
    return [(call.name, call.arguments) for call in trajectory.calls]


def test_an_expert_episode_is_the_same_in_all_formats(
    games: Path, one_task_per_kind: list[Task]
) -> None:
    for task in one_task_per_kind:
        expert = play(games, task, ExpertPolicy(), "code")
        assert expert.outcome is Outcome.SUCCESS
        for action in FORMATS:
            written = make_format(action, embodied.plugins.registry.controller_class("household"))
            replies = [
                written.render(
                    "So I go on.", [Call(c.name, kwargs=c.arguments) for c in turn.calls]
                )
                for turn in expert.turns
            ]
            replayed = play(games, task, Said(replies), action)
            assert replayed.outcome is expert.outcome
            assert calls_of(replayed) == calls_of(expert)
            assert [s.observation for s in replayed.steps] == [s.observation for s in expert.steps]
            assert not any(turn.format_error for turn in replayed.turns)


@pytest.mark.parametrize("action", FORMATS)
def test_expert_and_oracle_play_in_every_format(
    games: Path, one_task_per_kind: list[Task], action: str
) -> None:
    for task in one_task_per_kind:
        expert = play(games, task, ExpertPolicy(), action)
        assert expert.outcome is Outcome.SUCCESS
        assert expert.messages[-1].role == ("tool" if action == "tools" else "user")
        if action != "code":
            assert [len(turn.calls) for turn in expert.turns] == [1] * len(expert.turns)
            assert calls_of(expert) == calls_of(play(games, task, ExpertPolicy(), "code"))
        oracle = play(games, task, OraclePolicy(), action)
        assert (oracle.outcome, len(oracle.turns)) == (Outcome.SUCCESS, 1)
