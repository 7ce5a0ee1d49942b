"""Lines of a shard: one trajectory each, appended whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from embodied.errors import UnstorableError
from embodied.store.migrations import TRAJECTORIES, migrate
from embodied.store.pictures import at_hand
from embodied.store.summary import Summary, summarize
from embodied.trajectory import SCHEMA_VERSION, Trajectory

LINE_BYTES = 64 * 1024 * 1024
"""The longest line of a run; a longer one is neither written nor read."""

_BLOCK = 1024 * 1024


class BadLineError(Exception):
    """A line is not a trajectory; the message says why."""


def encode(trajectory: Trajectory) -> tuple[bytes, Trajectory]:
    """Encode a trajectory as a line, line feed included; returns also what reads back from it.

    Values that JSON has no words for become their `repr`; characters that Unicode does not have
    (halves of surrogate pairs, which some servers send) become U+FFFD.

    Raises:
        UnstorableError: it would not read back as a trajectory, or is longer than `LINE_BYTES`.
    """
    try:
        line = _json(trajectory)
    except (PydanticSerializationError, RecursionError):
        line = _json(Trajectory.model_validate(writable(trajectory.model_dump())))
    try:
        return line, decode(line)
    except BadLineError as error:
        name = repr(trajectory.episode_id)
        raise UnstorableError(f"episode {name} cannot be stored: {error}") from error


def decode(line: bytes | None) -> Trajectory:
    """Decode a line, of an earlier version too; `None` is one that `read_line` found too long.

    Raises:
        BadLineError: it holds no trajectory.
        RunError: a newer embodied wrote it.
    """
    if line is None or len(line) > LINE_BYTES:
        raise BadLineError(f"the line is longer than {LINE_BYTES} bytes")
    try:
        return _decode(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadLineError(f"{where}: {first['msg']}" if where else first["msg"]) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadLineError(f"it has not the shape of its schema_version: {error!r}") from error


def read_line(file: BinaryIO, limit: int = LINE_BYTES) -> bytes | None:
    """Read the next line, line feed included; `None` for one longer than `limit` bytes."""
    line = file.readline(limit + 1)
    if len(line) <= limit:
        return line
    while line and not line.endswith(b"\n"):
        line = file.readline(_BLOCK)
    return None


def line_number(file: BinaryIO, offset: int) -> int:
    """Count the lines up to the one that begins at a byte position; the first is 1."""
    file.seek(0)
    feeds = 0
    while block := file.read(min(offset, _BLOCK)):
        feeds += block.count(b"\n")
        offset -= len(block)
    return feeds + 1


class StoredEpisode(NamedTuple):
    """A trajectory as its line in a shard, with the figures that the index has of it.

    The worker that played the episode makes it: the one writer need not take trajectories apart.
    """

    line: bytes
    """Line feed included."""
    summary: Summary
    """Without its location, which it gets when it is stored."""
    pictures: Mapping[str, bytes] = {}
    """The pictures that it shows, by the names of their files."""

    @classmethod
    def of(cls, trajectory: Trajectory) -> StoredEpisode:
        """Encode and summarize a trajectory; it is read back once.

        Raises:
            UnstorableError: it would not read back as a trajectory, or is too long for a line.
        """
        line, stored = encode(trajectory)
        return cls(line, summarize(stored, line), at_hand(trajectory))

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory, read from the line."""
        return decode(self.line)


class _Version(BaseModel):
    """The version of a record that may have any other shape."""

    schema_version: int = 1


class Appender:
    """A file that lines are appended to. One that cannot be written whole leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it if it is not there."""
        self._file = path.open("ab", buffering=0)
        self.size = os.fstat(self._file.fileno()).st_size
        """Bytes in the file."""

    def append(self, line: bytes, *, sync: bool) -> None:
        """Append a line, line feed included; with `sync`, return only when the disk has it.

        Raises:
            OSError: it could not be written; the file is as before.
        """
        self._file.truncate(self.size)
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            if sync:
                os.fsync(self._file.fileno())
        except BaseException:
            # Should this fail too, the next append or the next opening cuts the rest.
            with suppress(OSError):
                self._file.truncate(self.size)
            raise
        self.size += len(line)

    def close(self) -> None:
        self._file.close()


def repair_end(path: Path) -> None:
    """Make a shard end with a whole record: complete a missing line feed, cut a torn record."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        start = _last_line_feed(file, end) + 1
        if start == end:
            return
        file.seek(start)
        try:
            decode(read_line(file))
        except BadLineError:
            file.truncate(start)
        else:
            file.seek(end)
            file.write(b"\n")
        file.flush()
        os.fsync(file.fileno())


def _last_line_feed(file: BinaryIO, end: int) -> int:
    """Find the last line feed before `end`; -1 if there is none."""
    while end > 0:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found
        end = start
    return -1


def _decode(line: bytes) -> Trajectory:
    try:
        trajectory = Trajectory.model_validate_json(line)
        if trajectory.schema_version == SCHEMA_VERSION:
            return trajectory
    except ValidationError:
        if _Version.model_validate_json(line).schema_version == SCHEMA_VERSION:
            raise
    return Trajectory.model_validate_json(to_json(migrate(from_json(line), TRAJECTORIES)))


def _json(trajectory: Trajectory) -> bytes:
    return trajectory.model_dump_json(fallback=repr).encode() + b"\n"


def writable(value: Any) -> Any:
    """Copy a tree of values without strings and bytes that UTF-8 has no words for."""
    if isinstance(value, dict):
        return {writable(key): writable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [writable(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bytes):
        return repr(value)
    return value
