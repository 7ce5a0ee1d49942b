"""Reading a run, also while another process writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.store.index import Damage, walk
from embodied.store.invocation import Sitting, read_sittings
from embodied.store.jsonl import BadLineError, decode, line_number
from embodied.store.layout import existing_run, open_file, read_config, read_protocol, shard_path
from embodied.store.summary import Place, Summary
from embodied.trajectory import Outcome, Trajectory

if TYPE_CHECKING:
    from embodied.report.metrics import Report

_log = logging.getLogger("embodied.store")


class RunReader:
    """A run folder that is open for reading. Nothing is written to it.

    Each method reads the folder as it is then. Of an episode that was stored more than once, the
    record that counts is given: the first that is not an infrastructure error, else the last.
    Damaged lines are passed over, logged once and listed in `damaged`.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a run.

        Raises:
            RunError: the folder is not a run.
        """
        self.folder = existing_run(Path(folder))
        self._damaged: dict[tuple[Path, int | None], Damage] = {}

    @cached_property
    def protocol(self) -> RunProtocol:
        """The protocol of the run. Raises `RunError` where it cannot be read."""
        return read_protocol(self.folder)

    @cached_property
    def config(self) -> dict[str, Any]:
        """What the run was started with. Raises `RunError` where it cannot be read."""
        return read_config(self.folder)

    @property
    def damaged(self) -> tuple[str, ...]:
        """The damage that reading has met so far: file, line and reason."""
        return tuple(str(damage) for damage in self._damaged.values())

    def finished(self, *, include_infrastructure_errors: bool = False) -> set[str]:
        """The ids of the episodes that need not be run again.

        Args:
            include_infrastructure_errors: also those that ended with an infrastructure error.
        """
        return {
            episode_id
            for episode_id, record in self._counting().items()
            if record.scored or include_infrastructure_errors
        }

    def summaries(self) -> Iterator[Summary]:
        """The summary of each episode, in the order of writing; one is in memory at a time."""
        counting = self._counting()
        for summary in self._walk():
            record = counting.get(summary.episode_id)
            if record is not None and record.place == summary.place:
                yield summary

    def trajectories(self) -> Iterator[Trajectory]:
        """The trajectory of each episode, in the order of writing; one is in memory at a time."""
        for summary in self.summaries():
            trajectory = self._load(summary)
            if trajectory is not None:
                yield trajectory

    def trajectory(self, episode_id: str) -> Trajectory:
        """One episode.

        Raises:
            RunError: the run does not have it, or its record is damaged.
        """
        for summary in self.summaries():
            if summary.episode_id == episode_id:
                trajectory = self._load(summary)
                if trajectory is None:
                    raise RunError(f"the record of episode {episode_id!r} is damaged")
                return trajectory
        raise RunError(f"{self.folder} has no episode {episode_id!r}")

    def sittings(self) -> list[Sitting]:
        """What each process measured that worked on the run, in their order."""
        return read_sittings(self.folder)

    def report(self) -> Report:
        """The figures of the run so far."""
        from embodied.report.metrics import compute

        report = compute(self.summaries(), self.sittings())
        return report.model_copy(update={"damaged_lines": len(self._damaged)})

    def _walk(self) -> Iterator[Summary]:
        for record in walk(self.folder):
            if isinstance(record, Damage):
                self._note(record)
            else:
                yield record

    def _counting(self) -> dict[str, _Counting]:
        """The record that counts, by episode."""
        counting: dict[str, _Counting] = {}
        for summary in self._walk():
            earlier = counting.get(summary.episode_id)
            if earlier is None or not earlier.scored:
                scored = summary.outcome is not Outcome.INFRASTRUCTURE_ERROR
                counting[summary.episode_id] = _Counting(summary.place, scored)
        return counting

    def _load(self, summary: Summary) -> Trajectory | None:
        """The trajectory behind a summary; None, and a note, where it is damaged."""
        path = shard_path(self.folder, summary.shard)
        with open_file(path) as file:
            file.seek(summary.offset)
            try:
                trajectory = decode(file.read(summary.length))
                if trajectory.episode_id == summary.episode_id:
                    return trajectory
                reason = f"the index has episode {summary.episode_id!r} here"
            except BadLineError as error:
                reason = str(error)
            self._note(Damage(path, line_number(file, summary.offset), reason))
            return None

    def _note(self, damage: Damage) -> None:
        if (damage.path, damage.line) not in self._damaged:
            self._damaged[damage.path, damage.line] = damage
            _log.warning("damaged record passed over: %s", damage)


class _Counting(NamedTuple):
    place: Place
    scored: bool


def open_run(folder: str | Path) -> RunReader:
    """Open a run for reading.

    Raises:
        RunError: the folder is not a run.
    """
    return RunReader(folder)
