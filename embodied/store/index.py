"""The summaries of a run, from the index where it fits the shards and from the shards where not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from embodied.store.jsonl import LINE_BYTES, BadLineError, decode, read_line
from embodied.store.layout import index_path, open_file, shard_numbers, shard_path
from embodied.store.summary import Place, Summary, summarize

_INDEX_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Damage:
    """A place of a run that should hold a trajectory and does not."""

    path: Path
    line: int | None
    """Counted from 1; None: the whole file."""
    reason: str

    def __str__(self) -> str:
        where = "" if self.line is None else f", line {self.line}"
        return f"{self.path}{where}: {self.reason}"


def walk(folder: Path, *, verify: bool = False) -> Iterator[Summary | Damage]:
    """All records of a run in the order of their writing, and what is damaged.

    A torn record at the very end, which a writer may just be writing, is neither.

    Args:
        folder: the run.
        verify: trust a line of the index only if its checksum fits it and the shard's bytes.
            Costs one reading of all shards.

    Raises:
        RunError: a file of the run is not a plain file.
    """
    numbers = shard_numbers(folder)
    with ExitStack() as stack:
        index = _Index(_index_entries(folder, stack))
        for previous, number in zip([-1, *numbers], numbers, strict=False):
            if number > previous + 1:
                yield Damage(shard_path(folder, previous + 1), None, "the file is missing")
            path = shard_path(folder, number)
            with open_file(path) as file:
                shard = _Shard(path, number, file, last=number == numbers[-1], verify=verify)
                yield from shard.records(index)


def index_line(summary: Summary) -> bytes:
    """The summary as a line of the index."""
    return summary.model_dump_json().encode() + b"\n"


def _index_entries(folder: Path, stack: ExitStack) -> Iterator[Summary]:
    """The lines of the index that can be read, in their order.

    Those of another version's shape cannot: their records are read from the shards.
    """
    try:
        file = stack.enter_context(open_file(index_path(folder)))
    except FileNotFoundError:
        return
    while line := read_line(file, _INDEX_LINE_BYTES):
        try:
            yield Summary.model_validate_json(line)
        except ValidationError:
            continue


class _Index:
    """The index, read along with the shards: both are in the same order."""

    def __init__(self, entries: Iterable[Summary]) -> None:
        self._entries = iter(entries)
        self._next = next(self._entries, None)

    def at(self, place: Place) -> Summary | None:
        """The entry of the record that begins here. Places must be asked for in order."""
        while self._next is not None and self._next.place < place:
            self._next = next(self._entries, None)
        if self._next is None or self._next.place != place:
            return None
        return self._next


@dataclass
class _Shard:
    """One shard while it is read."""

    path: Path
    number: int
    file: BinaryIO
    last: bool
    verify: bool

    def records(self, index: _Index) -> Iterator[Summary | Damage]:
        size = os.fstat(self.file.fileno()).st_size
        offset = line = 0
        while offset < size:
            line += 1
            entry = index.at(Place(self.number, offset))
            if entry is not None and self._fits(entry, size):
                offset += entry.length
                yield entry
                continue
            record = self._parse(offset, line)
            offset = self.file.tell()
            if record is not None:
                yield record

    def _fits(self, entry: Summary, size: int) -> bool:
        if entry.length > LINE_BYTES or entry.offset + entry.length > size:
            return False
        if self.verify:
            self.file.seek(entry.offset)
            return entry == entry.sealed(self.file.read(entry.length))
        self.file.seek(entry.offset + entry.length - 1)
        return self.file.read(1) == b"\n"

    def _parse(self, offset: int, line: int) -> Summary | Damage | None:
        """The record at this place; None for a torn one at the end."""
        self.file.seek(offset)
        text = read_line(self.file)
        try:
            trajectory = decode(text)
        except BadLineError as error:
            torn = text is not None and not text.endswith(b"\n")
            return None if torn and self.last else Damage(self.path, line, str(error))
        whole = text or b""
        return summarize(trajectory, whole).placed(Place(self.number, offset), whole)
