"""Reading a run, also while another process writes it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.store.index import CorruptRecord, scan
from embodied.store.invocation import RunInvocation, read_invocations
from embodied.store.jsonl import BadLineError, decode, line_number
from embodied.store.layout import (
    PICTURES,
    SHARDS,
    existing_run,
    index_path,
    open_file,
    read_config,
    read_protocol,
)
from embodied.store.pictures import file_name, read_picture
from embodied.store.summary import Summary
from embodied.trajectory import PicturePart, Trajectory

_log = logging.getLogger("embodied.store")


class RunReader:
    """A run folder that is open for reading. Nothing is written to it.

    Each method reads the folder as it is then. Of an episode that was stored more than once, the
    record that counts is given: the first that is not an infrastructure error, else the last.
    Damaged lines are passed over, logged once and listed in `damaged`.

    Raises:
        RunError: the folder is not a run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = existing_run(Path(folder))
        self._damaged: dict[tuple[Path, int | None], CorruptRecord] = {}

    @cached_property
    def protocol(self) -> RunProtocol:
        """Protocol of the run. Raises `RunError` if it cannot be read."""
        return read_protocol(self.folder)

    @cached_property
    def config(self) -> dict[str, Any]:
        """Configuration that the run was started with. Raises `RunError` if it cannot be read."""
        return read_config(self.folder)

    @property
    def damaged(self) -> tuple[str, ...]:
        """The damage that reading has met so far: file, line and reason."""
        return tuple(str(damage) for damage in self._damaged.values())

    def finished(self) -> set[str]:
        """Return the ids of the episodes that need not be run again."""
        return {summary.episode_id for summary in self._scan() if summary.finished}

    def summaries(self) -> Iterator[Summary]:
        """Yield the summary of each episode, in the order of writing."""
        counting: dict[str, tuple[int, int]] = {}
        finished: set[str] = set()
        for summary in self._scan():
            if summary.episode_id not in finished:
                counting[summary.episode_id] = summary.shard, summary.offset
            if summary.finished:
                finished.add(summary.episode_id)
        for summary in self._scan():
            if counting.get(summary.episode_id) == (summary.shard, summary.offset):
                yield summary

    def trajectories(self) -> Iterator[Trajectory]:
        """Yield each episode, in the order of writing; one is in memory at a time."""
        for summary in self.summaries():
            if trajectory := self._load(summary):
                yield trajectory

    def trajectory(self, episode_id: str) -> Trajectory:
        """Read one episode.

        Raises:
            RunError: the run does not have it, or its record is damaged.
        """
        for summary in self.summaries():
            if summary.episode_id == episode_id:
                if trajectory := self._load(summary):
                    return trajectory
                raise RunError(f"the record of episode {episode_id!r} is damaged")
        raise RunError(f"{self.folder} has no episode {episode_id!r}")

    def picture(self, picture: PicturePart) -> bytes:
        """Read the bytes of a picture that an episode of the run shows.

        Raises:
            RunError: its file is missing or damaged.
        """
        return read_picture(self.folder, picture)

    def with_pictures(self, trajectory: Trajectory) -> Trajectory:
        """Copy an episode, with the bytes of its pictures at hand.

        Those that are missing or damaged stay without; this is logged and listed in `damaged`.
        """
        copy = trajectory.model_copy(deep=True)
        for picture in copy.pictures:
            try:
                picture.data = self.picture(picture)
            except RunError as error:
                path = self.folder / PICTURES / file_name(picture)
                self._note(CorruptRecord(path, None, str(error)))
        return copy

    def invocations(self) -> list[RunInvocation]:
        """Read what each process measured that worked on the run, in their order."""
        return read_invocations(self.folder)

    def _scan(self) -> Iterator[Summary]:
        for record in scan(self.folder):
            if isinstance(record, CorruptRecord):
                self._note(record)
            else:
                yield record

    def _load(self, summary: Summary) -> Trajectory | None:
        """Read the trajectory of a summary; None, and a note, where it is damaged."""
        path = SHARDS.path(self.folder, summary.shard)
        with open_file(path) as file:
            file.seek(summary.offset)
            try:
                trajectory = decode(file.read(summary.length))
                if trajectory.episode_id == summary.episode_id:
                    return trajectory
                reason = f"the index has episode {summary.episode_id!r} here"
            except BadLineError as error:
                reason = str(error)
            reason += f"; delete {index_path(self.folder)} to have the shards read anew"
            self._note(CorruptRecord(path, line_number(file, summary.offset), reason))
            return None

    def _note(self, damage: CorruptRecord) -> None:
        if (damage.path, damage.line) not in self._damaged:
            self._damaged[damage.path, damage.line] = damage
            _log.warning("damaged record passed over: %s", damage)
