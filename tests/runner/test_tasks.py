"""Which tasks of a split a run plays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from embodied import ConfigError, DataError, Task, list_tasks
from embodied.config.load import load_config
from embodied.config.schema import TaskConfig
from embodied.runner.tasks import choose_tasks
from embodied.testing import Corridor

TASKS = Corridor.list_tasks()


def test_choosing_tasks() -> None:
    def chosen(**choice: Any) -> list[str]:
        return [task.id for task in choose_tasks(TASKS, TaskConfig(**choice), seed=0)]

    assert chosen(limit=2) == ["corridor-0", "corridor-1"]
    assert chosen(ids=("corridor-7", "corridor-3")) == ["corridor-3", "corridor-7"]
    assert len(chosen(kinds=("open",))) == len(TASKS)
    with pytest.raises(ConfigError, match="no task has the id 'corridor-99'"):
        chosen(ids=("corridor-99",))
    with pytest.raises(ConfigError, match="no task has the kind 'none'"):
        chosen(kinds=("none",))


def of_kinds(**counts: int) -> list[Task]:
    return [
        Task(environment="e", id=f"{kind}-{number}", split="train", kind=kind, instruction="do it")
        for kind, count in counts.items()
        for number in range(count)
    ]


def sampled(tasks: list[Task], count: int, seed: int = 0, **choice: Any) -> list[Task]:
    return choose_tasks(tasks, TaskConfig(sample=count, **choice), seed)


def test_a_sample_is_spread_evenly_over_the_kinds_and_keeps_the_order() -> None:
    tasks = of_kinds(heat=40, cool=10, clean=3)
    chosen = sampled(tasks, 12)
    assert Counter(task.kind for task in chosen) == {"heat": 5, "cool": 4, "clean": 3}
    assert chosen == [task for task in tasks if task in chosen]
    assert len(sampled(tasks, 53)) == 53


def test_a_sample_depends_on_the_seed_alone() -> None:
    tasks = of_kinds(heat=30, cool=30)
    first = {task.id for task in sampled(tasks, 10)}
    assert first == {task.id for task in sampled(tasks[::-1], 10)}
    assert first < {task.id for task in sampled(tasks, 20)}
    assert first != {task.id for task in sampled(tasks, 10, seed=1)}
    assert [task.id for task in sampled(of_kinds(heat=9), 3)] == ["heat-0", "heat-5", "heat-6"]


def test_a_sample_of_one_kind() -> None:
    tasks = of_kinds(heat=30, cool=30)
    assert {task.kind for task in sampled(tasks, 7, kinds=("cool",))} == {"cool"}


def test_a_sample_that_cannot_be_taken() -> None:
    with pytest.raises(ConfigError, match="4 are asked for, and there are 3 tasks"):
        sampled(of_kinds(heat=3), 4)
    with pytest.raises(ConfigError, match="tasks: limit and sample cannot both be given"):
        load_config(None, [], ["tasks.limit=3", "tasks.sample=3"])


class Repeating(Corridor):
    """A simulator that gives one id to several tasks."""

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return [*TASKS, *TASKS[3:5], TASKS[3]]


def test_tasks_that_share_an_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embodied.plugins.registry.load", lambda group, name: Repeating)
    said = "3 tasks of the environment 'repeating' have the id 'corridor-3', and 1 more ids"
    with pytest.raises(DataError, match=said):
        list_tasks("repeating")
