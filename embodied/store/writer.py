"""Writing a run: one process at a time, each episode once, nothing lost when it is killed."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Lock
from typing import Any

from embodied._util.closeable import Closeable
from embodied.protocol import RunProtocol
from embodied.store.extension import check_extension
from embodied.store.index import CorruptRecord, index_line, scan
from embodied.store.invocation import RunInvocation, write_invocation
from embodied.store.jsonl import Appender, StoredEpisode, repair_end
from embodied.store.layout import (
    INVOCATIONS,
    SHARDS,
    existing_run,
    index_path,
    is_run,
    locked,
    make_folders,
    prepare_folder,
    read_config,
    read_protocol,
    replacing,
    sync_folder,
    write_config,
    write_protocol,
    writing,
)
from embodied.store.pictures import write_pictures
from embodied.store.summary import Summary

SHARD_BYTES = 64 * 1024 * 1024
"""A shard that would grow beyond this is left, and the next one begun."""

_log = logging.getLogger("embodied.store")


class RunStore(Closeable):
    """A run folder that is open for writing. Use it in a `with` block, or call `close`.

    A record is on the disk when `append` returns. Killing the process at any moment loses at most
    the record being written; the next opening cuts what is left of it. Methods may be called from
    several threads.
    """

    folder: Path
    protocol: RunProtocol
    config: dict[str, Any]
    damaged: tuple[str, ...]
    """Lines that held no trajectory when the run was opened: file, line and reason. They are kept,
    and their episodes do not count as finished."""

    def __init__(self, folder: Path, resources: ExitStack) -> None:
        """Open a locked run; use `create` or `open` instead."""
        self.folder = folder
        self.protocol = read_protocol(folder)
        self.config = read_config(folder)
        self._guard = Lock()
        self._finished: set[str] = set()
        with writing(folder):
            self._recover()
            self._index = resources.enter_context(closing(Appender(index_path(folder))))
            self._number = max(SHARDS.numbers(folder), default=0)
            self._invocation = max(INVOCATIONS.numbers(folder), default=-1) + 1
            self._shard = self._open_shard(self._number)
        resources.callback(self._close_shard)
        self._resources = resources.pop_all()

    @classmethod
    def create(
        cls,
        folder: str | Path,
        protocol: RunProtocol,
        config: dict[str, Any],
        *,
        episodes: Collection[str] = (),
    ) -> RunStore:
        """Begin a run, or resume one that has the same protocol, or extend it by more episodes.

        Args:
            folder: made if it is not there.
            protocol: of the whole run.
            config: plain values by name, kept for starting the run again. It takes the place of
                an existing run's.
            episodes: the ids of all episodes that the run is to have. Where `protocol` chooses
                more tasks or samples than an existing run, those that it stores must be among them.

        Raises:
            RunError: the folder holds a run with another protocol (the message lists the
                differences) or something that is no run; another process is writing to it; it
                cannot be written.
            ConfigError: `config` holds values that YAML has no words for.
        """
        path = Path(folder)
        prepare_folder(path)
        with ExitStack() as resources:
            resources.enter_context(locked(path))
            with writing(path):
                if is_run(path):
                    check_extension(path, protocol, episodes)
                    # A crash between the two leaves settings that extend the run again.
                    write_config(path, config)
                    write_protocol(path, protocol)
                else:
                    write_protocol(path, protocol)
                    write_config(path, config)
            return cls(path, resources)

    @classmethod
    def open(cls, folder: str | Path) -> RunStore:
        """Resume an existing run.

        Raises:
            RunError: the folder is not a run, another process is writing to it, or it cannot be
                read or written.
        """
        path = existing_run(Path(folder))
        with ExitStack() as resources:
            resources.enter_context(locked(path))
            return cls(path, resources)

    def finished(self) -> set[str]:
        """Return the ids of the episodes that need not be run again."""
        with self._guard:
            return set(self._finished)

    def append(self, episode: StoredEpisode) -> bool:
        """Store an episode.

        An episode that ended with an infrastructure error may be stored again; the later record
        counts, the earlier one stays in its shard.

        Returns:
            False where the episode is stored already: nothing was written.

        Raises:
            RunError: the disk is full or broken. The folder stays whole. `append` may be called
                again with the same episode; it returns False where only the index was not written.
        """
        line, summary, pictures = episode
        with self._guard, writing(self.folder):
            if summary.episode_id in self._finished:
                return False
            write_pictures(self.folder, pictures)
            shard, offset = self._store(line)
            self._remember(summary)
            # The index can be rebuilt, so it need not wait for the disk.
            self._index.append(index_line(summary.located(shard, offset)), sync=False)
        return True

    def save(self, invocation: RunInvocation) -> None:
        """Store what the process that opened the run has measured, in place of what it had before.

        Raises:
            RunError: the disk is full or broken; what it had measured before is kept.
        """
        with writing(self.folder):
            write_invocation(self.folder, self._invocation, invocation)

    def close(self) -> None:
        """Finish what is being written and let other writers in; calling it again does nothing."""
        self._resources.close()

    def _recover(self) -> None:
        """Repair the last shard and write the index anew."""
        make_folders(self.folder)
        numbers = SHARDS.numbers(self.folder)
        if numbers:
            repair_end(SHARDS.path(self.folder, numbers[-1]))
        damaged = []
        with replacing(index_path(self.folder)) as file:
            for record in scan(self.folder):
                if isinstance(record, CorruptRecord):
                    damaged.append(str(record))
                    continue
                self._remember(record)
                file.write(index_line(record))
        self.damaged = tuple(damaged)
        for text in damaged:
            _log.warning("damaged record: %s; the episode can be run again", text)

    def _remember(self, summary: Summary) -> None:
        if summary.finished:
            self._finished.add(summary.episode_id)

    def _store(self, line: bytes) -> tuple[int, int]:
        """Append a line; return its shard's number and its offset there."""
        if self._shard.size and self._shard.size + len(line) > SHARD_BYTES:
            following = self._open_shard(self._number + 1)
            self._shard.close()
            self._number, self._shard = self._number + 1, following
        offset = self._shard.size
        self._shard.append(line, sync=True)
        return self._number, offset

    def _open_shard(self, number: int) -> Appender:
        path = SHARDS.path(self.folder, number)
        shard = Appender(path)
        sync_folder(path.parent)
        return shard

    def _close_shard(self) -> None:
        self._shard.close()
