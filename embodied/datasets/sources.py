"""The runs that a dataset is made of, and the episodes in them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic_core import to_json

from embodied.action_formats import FORMATS, make_format
from embodied.errors import ConfigError, RunError
from embodied.plugins.registry import controller_class, names
from embodied.protocol import RunProtocol
from embodied.store import RecordLocation, RunReader
from embodied.trajectory import Outcome, Trajectory

RunLike: TypeAlias = str | Path | RunReader


@dataclass(frozen=True)
class Source:
    """A run that episodes are taken from."""

    name: str
    """The name of its folder, with a number where two runs have one name."""
    run: RunReader
    protocol: RunProtocol
    tools: str | None
    """The robot's functions as the server was given them, a JSON list; None where the policy calls
    none natively, or nothing here says which there are."""

    @property
    def protocol_sha256(self) -> str:
        """The hash of all settings that make two scores comparable."""
        settings = self.protocol.settings()
        return hashlib.sha256(to_json(dict(sorted(settings.items())))).hexdigest()

    @property
    def model(self) -> str:
        """The model that played, or the name of the policy where it asks none."""
        return str(self.protocol.policy.get("model") or self.protocol.policy.get("name"))


@dataclass(frozen=True)
class Episode:
    """An episode and the run that it is of."""

    source: Source
    trajectory: Trajectory

    @property
    def id(self) -> str:
        """Its name in a dataset: the run's and its own."""
        return f"{self.source.name}/{self.trajectory.episode_id}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of an episode while episodes are chosen: small, as there may be many."""

    source: int
    """Number of its run."""
    place: RecordLocation
    environment: str
    split: str
    task_id: str
    kind: str
    group: str | None
    """The task's scene."""
    sample: int
    outcome: Outcome
    turns: int
    calls: int
    characters: int
    """Length of all that the policy wrote."""
    native: bool
    """Whether a message has native function calls."""
    sees: bool
    """Whether messages have pictures."""
    thinks: bool
    """Whether thoughts are recorded."""
    calls_sha256: bytes
    """Of all calls with their arguments, and all answers, in order."""

    @property
    def task(self) -> tuple[str, str, str]:
        """What makes two episodes attempts at one problem."""
        return self.environment, self.split, self.task_id

    @property
    def success(self) -> bool:
        """Whether it reached the goal."""
        return self.outcome is Outcome.SUCCESS

    @classmethod
    def of(cls, source: int, place: RecordLocation, trajectory: Trajectory) -> Candidate:
        """Describe an episode."""
        task, turns = trajectory.task, trajectory.turns
        written = [(call.name, call.arguments) for call in trajectory.calls]
        answers = [turn.answer for turn in turns if turn.answer is not None]
        return cls(
            source=source,
            place=place,
            environment=sys.intern(task.environment),
            split=sys.intern(task.split),
            task_id=sys.intern(task.id),
            kind=sys.intern(task.kind),
            group=task.group and sys.intern(task.group),
            sample=trajectory.sample,
            outcome=trajectory.outcome,
            turns=len(turns),
            calls=len(written),
            characters=sum(len(turn.message) for turn in turns),
            native=any(message.tool_calls for message in trajectory.messages),
            sees=bool(trajectory.pictures),
            thinks=any(turn.reasoning for turn in turns),
            calls_sha256=hashlib.sha256(to_json([written, answers], fallback=repr)).digest(),
        )


def open_sources(runs: RunLike | Iterable[RunLike]) -> list[Source]:
    """Open the runs of a dataset.

    Raises:
        ConfigError: there is none, or one is named twice.
        RunError: a folder is no run.
    """
    given = [runs] if isinstance(runs, str | Path | RunReader) else list(runs)
    if not given:
        raise ConfigError("name at least one run to take episodes from")
    readers = [each if isinstance(each, RunReader) else RunReader(each) for each in given]
    folders = [reader.folder.resolve() for reader in readers]
    for folder in folders:
        if folders.count(folder) > 1:
            raise ConfigError(f"the run {folder} is named twice; its episodes would count twice")
    named = _names([folder.name for folder in folders])
    return [_source(name, reader) for name, reader in zip(named, readers, strict=True)]


def _names(wanted: Sequence[str]) -> list[str]:
    taken: list[str] = []
    for name in wanted:
        numbered = (f"{name}-{number}" for number in range(2, len(wanted) + 2))
        taken.append(next(each for each in (name, *numbered) if each not in taken))
    return taken


def _source(name: str, run: RunReader) -> Source:
    try:
        protocol = run.protocol
    except RunError as error:
        raise RunError(f"{run.folder} cannot be made data of: {error}") from error
    return Source(name, run, protocol, _tools(protocol))


def _tools(protocol: RunProtocol) -> str | None:
    """Write the functions that a policy calls natively, where robot and format are registered.

    A run's folder may come from anybody: no file that it names is loaded.
    """
    action, robot = protocol.protocol.action, protocol.protocol.controller
    if action not in names(FORMATS) or robot not in names("embodied.controllers"):
        return None
    try:
        tools = list(make_format(action, controller_class(robot)).tools())
    except ConfigError:  # a package that the robot needs is not installed
        return None
    return to_json(tools).decode() if tools else None
