"""Recorded episodes: what a policy said and saw, for replaying and comparing.

The format is that of MINT's published ALFWorld episodes: JSON lines, gzip-compressed or not, with
`task_id`, `prompt`, `history` (messages) and `success`.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from embodied.errors import DataError
from embodied.trajectory import Message

MAX_LINE = 16 * 1024 * 1024
"""Bytes of one recorded episode, unpacked; a longer one is refused."""


class RecordedTurn(BaseModel):
    """One recorded policy message and what came back; nothing came back to the last one."""

    message: str
    observation: str | None = None


class Recording(BaseModel):
    """One recorded episode."""

    policy: str
    """Name of the file that holds it, which is that of the model."""
    task_id: str
    prompt: str
    """The task as the policy was given it."""
    success: bool
    """The verdict as recorded."""
    turns: list[RecordedTurn]


class _Line(BaseModel):
    task_id: str
    prompt: str
    history: list[Message]
    success: bool


def load_recordings(paths: Sequence[Path]) -> dict[tuple[str, int], Recording]:
    """Read the episodes of files, by task id and by the number of the file, counted from 0.

    Raises:
        DataError: a file is missing or does not hold recorded episodes.
    """
    return {
        (recording.task_id, sample): recording
        for sample, path in enumerate(paths)
        for recording in read_recordings(path)
    }


def read_recordings(path: Path) -> Iterator[Recording]:
    """Read the episodes of one file, in order.

    Raises:
        DataError: the file is missing or does not hold recorded episodes; names file and line.
    """
    policy = recording_name(path)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE), b""), start=1):
                yield _recording(policy, line, f"{path}, line {number}")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"the recording {path} cannot be read: {error}") from error


def recording_name(path: Path) -> str:
    """Take the name of a file of recordings, which is that of the model."""
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def _recording(policy: str, line: bytes, where: str) -> Recording:
    try:
        recorded = _Line.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise DataError(f"{where} is not a recorded episode: {what}") from None
    return Recording(
        policy=policy,
        task_id=recorded.task_id,
        prompt=recorded.prompt,
        success=recorded.success,
        turns=_turns(recorded.history),
    )


def _turns(history: list[Message]) -> list[RecordedTurn]:
    """Pair each message with its answer.

    The recordings leave out empty policy messages but keep what came back to them.
    """
    turns: list[RecordedTurn] = []
    for message in history[1:]:
        if message.role == "assistant":
            turns.append(RecordedTurn(message=message.text))
        elif turns and turns[-1].observation is None:
            turns[-1].observation = message.text
        else:
            turns.append(RecordedTurn(message="", observation=message.text))
    return turns
