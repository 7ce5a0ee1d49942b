"""Reads the files of a game, which anybody may have made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embodied._util.jsonable import truncate
from embodied.errors import DataError

STORY = ".z8"
NOTES = ".json"
"""TextWorld's own file beside a story: the world, the quests, a walkthrough."""

MAX_STORY_BYTES = 520 * 1024
"""The Z-machine's version 8 ends at 512 KiB."""
MAX_NOTES_BYTES = 10_000_000
"""TextWorld's have some 60,000."""
MAX_COMMANDS = 10_000
"""Of a walkthrough."""

_VERSION = 8
_HEADER = 64
_CHALLENGES = ("coin_collector", "cooking", "simple", "treasure_hunter")
_INSTRUCTION_CHARACTERS = 2000


@dataclass(frozen=True)
class Notes:
    """What the file beside a story says of it."""

    kind: str
    """The challenge that it was made by: `cooking`, ..., or `custom`."""
    objective: str
    walkthrough: tuple[str, ...]
    """Empty where there is none."""
    origin: Any
    """What the generator of this package wrote of its making."""


def check_story(path: Path) -> None:
    """See that a story is whole. Frotz ends the process that gives it one that is not.

    Raises:
        DataError: it cannot be read, or is no story of the Z-machine's version 8.
    """
    content = _read(path, MAX_STORY_BYTES)
    if len(content) < _HEADER or content[0] != _VERSION:
        raise DataError(f"this is no story of the Z-machine's version 8: {path}")
    length = int.from_bytes(content[0x1A:0x1C], "big") * 8
    body = np.frombuffer(content[_HEADER:length], np.uint8)
    total = int(body.sum(dtype=np.uint32)) & 0xFFFF
    if not _HEADER < length <= len(content) or total != int.from_bytes(content[0x1C:0x1E], "big"):
        raise DataError(f"the story is damaged: length or checksum are not those it names: {path}")


def read_notes(story: Path) -> Notes:
    """Read the file beside a story.

    Raises:
        DataError: there is none, or it is none of TextWorld's.
    """
    path = story.with_suffix(NOTES)
    if not path.exists():
        raise DataError(
            f"there is no {path.name} beside {story}, which TextWorld writes with each game: "
            "without it there is no walkthrough and no list of valid commands"
        )
    content = _read(path, MAX_NOTES_BYTES)
    try:
        return _notes(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"these are no notes of TextWorld ({error!r:.100}): {path}") from error


def _notes(data: Any) -> Notes:
    metadata = data["metadata"]
    identity = str(metadata.get("uuid", ""))
    walkthrough = metadata.get("walkthrough") or []
    if len(walkthrough) > MAX_COMMANDS or not all(isinstance(line, str) for line in walkthrough):
        raise ValueError(f"the walkthrough is no list of up to {MAX_COMMANDS:,} commands")
    return Notes(
        kind=next((name for name in _CHALLENGES if f"tw-{name}-" in identity), "custom"),
        objective=truncate(str(data["objective"] or "").strip(), _INSTRUCTION_CHARACTERS),
        walkthrough=tuple(walkthrough),
        origin=metadata.get("origin"),
    )


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise DataError(f"a game file cannot be read ({error.strerror}): {path}") from error
    if len(content) > most:
        raise DataError(f"a game file is larger than {most:,} bytes: {path}")
    return content
