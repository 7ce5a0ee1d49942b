"""The expert's episodes: which kinds it solves, and that the action format changes nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

import embodied
from embodied import Environment, Outcome, Protocol, Task, Trajectory
from embodied.policies.expert import ExpertPolicy

LIMITS = {"turns": 60, "steps": 60}
UNSOLVED = "click-checkboxes-soft"


def _play(env: Environment, task: Task, action: str) -> Trajectory:
    robot = embodied.make_controller("browser", env)
    protocol = Protocol.model_validate({"action": action, "limits": LIMITS})
    return asyncio.run(embodied.run_episode(task, env, robot, ExpertPolicy(), protocol))


@pytest.mark.parametrize(
    "kind", ["click-tab-2", "navigate-tree", "email-inbox", "terminal", "login-user", UNSOLVED]
)
def test_an_episode_is_the_same_in_all_formats(env: Environment, kind: str) -> None:
    task = next(t for t in embodied.list_tasks("miniwob") if t.id == f"{kind}/seed-1")
    played = [_play(env, task, action) for action in ("code", "json", "text", "tools")]
    expected = Outcome.FAILURE if kind == UNSOLVED else Outcome.SUCCESS
    assert {one.outcome for one in played} == {expected}
    steps = [[(s.command, s.observation) for s in one.steps] for one in played]
    assert all(one == steps[0] for one in steps)


@pytest.mark.long
def test_ten_seeds_of_each_kind_of_the_paper(env: Environment) -> None:
    solved: Counter[str] = Counter()
    for task in embodied.list_tasks("miniwob"):
        solved[task.kind] += _play(env, task, "code").outcome is Outcome.SUCCESS
    for kind, count in sorted(solved.items()):
        print(f"{kind:30}{count:3} of 10")
    assert [kind for kind, count in solved.items() if count < 10] == [UNSOLVED]


@pytest.mark.long
def test_every_page_of_the_package_can_be_opened_and_looked_at(env: Environment) -> None:
    for task in _first_of_each():
        assert env.reset(task).text.startswith("Task: ")
        assert env.reset(task).text == env.reset(task).text, task.id
        assert len(env.step("see").observation.text) < 13_000


def _first_of_each() -> Iterator[Task]:
    yield from embodied.list_tasks("miniwob", "all", seeds=1)
