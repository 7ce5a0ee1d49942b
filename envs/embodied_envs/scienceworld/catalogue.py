"""The tasks of ScienceWorld: names, splits, and what each variation asks for."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from py4j.protocol import Py4JError
from scienceworld.constants import JAR_PATH

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.task import Task
from embodied_envs.scienceworld.simulator import Simulator

SPLITS = ("train", "dev", "test")
DEFAULT_SPLIT = "test"

_ID = re.compile(r"(?P<name>[a-z0-9-]+)/variation-(?P<number>\d{1,6})")


class Variation(NamedTuple):
    """One problem: a task's name and the number of its variation."""

    name: str
    number: int

    @property
    def id(self) -> str:
        """The id of its task, e.g. `boil/variation-3`."""
        return f"{self.name}/variation-{self.number}"

    @classmethod
    def of(cls, id: str) -> Variation:
        """Read a task's id.

        Raises:
            DataError: it is no such id.
        """
        match = _ID.fullmatch(id)
        if match is None:
            raise DataError(f"{id!r} names no variation; an id looks like 'boil/variation-3'")
        return cls(match["name"], int(match["number"]))


def tasks(split: str | None) -> list[Task]:
    """List the tasks of a split, by name and then by number.

    Raises:
        ConfigError: there is no such split, or no Java.
        InfrastructureError: Java fails.
    """
    split = split or DEFAULT_SPLIT
    if split not in SPLITS:
        raise ConfigError(f"scienceworld has no split {split!r}{suggestion(split, SPLITS)}")
    return list(_listed(split))


def jar_hash() -> str:
    """Hash the file that holds the simulator and all tasks."""
    return hashlib.sha256(Path(JAR_PATH).read_bytes()).hexdigest()


@functools.cache
def _listed(split: str) -> tuple[Task, ...]:
    """Ask a simulator of its own, which takes seconds."""
    try:
        with Simulator() as simulator:
            names = simulator.tasks()
            return tuple(task for name in names for task in _of_name(simulator, split, name))
    except Py4JError as error:
        raise InfrastructureError(f"ScienceWorld cannot list its tasks: {error!s:.500}") from error


def _of_name(simulator: Simulator, split: str, name: str) -> list[Task]:
    numbers = simulator.variations(name, split)
    described = simulator.descriptions(name, numbers)
    return [
        Task(
            environment="scienceworld",
            id=Variation(name, number).id,
            split=split,
            kind=name,
            instruction=instruction,
            group=Variation(name, number).id,
        )
        for number, instruction in zip(numbers, described, strict=True)
    ]
