"""The summaries of a run, from the index where it fits the shards and from the shards where not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from embodied.errors import RunError
from embodied.store.jsonl import BadLineError, decode, read_line
from embodied.store.layout import SHARDS, index_path, open_file
from embodied.store.summary import Summary, summarize

_INDEX_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class CorruptRecord:
    """A part of a run that should hold a trajectory and does not."""

    path: Path
    line: int | None
    """Counted from 1; None: the whole file."""
    reason: str

    def __str__(self) -> str:
        where = "" if self.line is None else f", line {self.line}"
        return f"{self.path}{where}: {self.reason}"


def scan(folder: Path) -> Iterator[Summary | CorruptRecord]:
    """Yield all records of a run in the order of their writing, and what is damaged.

    A torn record at the very end, which a writer may just be writing, is neither.

    Raises:
        RunError: a file of the run is not a plain file, or a newer embodied wrote it.
    """
    numbers = SHARDS.numbers(folder)
    with ExitStack() as stack:
        indexed = _by_shard(_read_index(folder, stack), numbers)
        for previous, (number, summaries) in zip([-1, *numbers], indexed, strict=False):
            if number > previous + 1:
                yield CorruptRecord(SHARDS.path(folder, previous + 1), None, "the file is missing")
            path = SHARDS.path(folder, number)
            with open_file(path) as file:
                known = summaries if _fits(summaries, file) else []
                yield from known
                yield from _read_shard(path, number, file, known, last=number == numbers[-1])


def index_line(summary: Summary) -> bytes:
    """Encode a summary as a line of the index."""
    return summary.model_dump_json().encode() + b"\n"


def _read_index(folder: Path, stack: ExitStack) -> Iterator[Summary]:
    """Yield the lines of the index that can be read, in their order.

    Those of another version's shape cannot: their shards are read.
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


def _by_shard(
    summaries: Iterable[Summary], numbers: Iterable[int]
) -> Iterator[tuple[int, list[Summary]]]:
    """Pair each shard's number with the summaries that the index has of it."""
    groups = groupby(summaries, key=lambda summary: summary.shard)
    group = next(groups, None)
    for number in numbers:
        while group is not None and group[0] < number:
            group = next(groups, None)
        yield number, list(group[1]) if group is not None and group[0] == number else []


def _fits(summaries: Iterable[Summary], file: BinaryIO) -> bool:
    """Tell whether the summaries follow each other in a shard that is large enough for them."""
    end = 0
    for summary in summaries:
        if summary.offset != end:
            return False
        end += summary.length
    if not 0 < end <= os.fstat(file.fileno()).st_size:
        return False
    file.seek(end - 1)
    return file.read(1) == b"\n"


def _read_shard(
    path: Path, number: int, file: BinaryIO, known: list[Summary], *, last: bool
) -> Iterator[Summary | CorruptRecord]:
    """Yield the records of a shard behind those that are known from the index."""
    size = os.fstat(file.fileno()).st_size
    offset, line = sum(summary.length for summary in known), len(known)
    file.seek(offset)
    while offset < size:
        line += 1
        text = read_line(file)
        try:
            trajectory = decode(text)
        except BadLineError as error:
            torn = text is not None and not text.endswith(b"\n")
            if not (torn and last):
                yield CorruptRecord(path, line, str(error))
        except RunError as error:
            raise RunError(f"{path}, line {line}: {error}") from error
        else:
            yield summarize(trajectory, text or b"").located(number, offset)
        offset = file.tell()
