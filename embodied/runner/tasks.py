"""Which tasks of a split a run plays."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from embodied.config.schema import RunConfig, TaskConfig
from embodied.errors import ConfigError
from embodied.plugins.registry import list_tasks
from embodied.task import Task


def split_tasks(config: RunConfig) -> list[Task]:
    """List the tasks of a run's split, before any choice."""
    return list_tasks(config.environment.plugin, config.split, **config.environment.options)


def choose_tasks(tasks: Iterable[Task], choice: TaskConfig, seed: int) -> list[Task]:
    """Return the tasks that a selection leaves, in their order; `seed` decides what is random.

    Raises:
        ConfigError: a named task or type does not exist, nothing is left, or there are fewer tasks
            than a random choice is to take.
    """
    chosen = list(tasks)
    for what, names in (("id", choice.ids), ("kind", choice.kinds)):
        missing = set(names) - {getattr(task, what) for task in chosen}
        if missing:
            raise ConfigError(f"tasks.{what}s: no task has the {what} {sorted(missing)[0]!r}")
        chosen = [task for task in chosen if not names or getattr(task, what) in names]
    chosen = chosen[: choice.limit]
    if choice.sample is not None:
        chosen = _sample(chosen, choice.sample, seed)
    if not chosen:
        raise ConfigError("there is no task to run")
    return chosen


def _sample(tasks: list[Task], count: int, seed: int) -> list[Task]:
    """Choose tasks at random, as many of each kind as there are, one more or less.

    The order of hashes decides, not a random generator: the choice is the same with any release of
    Python, and a larger one with the same seed holds the smaller one.
    """
    if count > len(tasks):
        raise ConfigError(f"tasks.sample: {count} are asked for, and there are {len(tasks)} tasks")

    def drawn(task: Task) -> bytes:
        return hashlib.sha256(f"{seed}:{task.id}".encode()).digest()

    of_kind: Counter[str] = Counter()
    places: dict[str, int] = {}
    for task in sorted(tasks, key=drawn):
        places[task.id] = of_kind[task.kind]
        of_kind[task.kind] += 1
    order = sorted(tasks, key=lambda task: (places[task.id], drawn(task)))
    chosen = {task.id for task in order[:count]}
    return [task for task in tasks if task.id in chosen]
