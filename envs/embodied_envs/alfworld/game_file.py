"""Reads the texts of a game file, which anybody may have made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from embodied.errors import DataError

MAX_BYTES = 10_000_000
"""ALFWorld's files have some 70,000."""


class GameTexts(NamedTuple):
    """What a `game.tw-pddl` file says of its game."""

    domain: str
    grammar: str
    problem: str


def read_game(path: Path) -> GameTexts:
    """Read a game file.

    Raises:
        DataError: it does not hold the texts of a game, or is larger than `MAX_BYTES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"a game file cannot be played ({error!r:.100}): {path}") from error
    return parse_game(content, path)[0]


def parse_game(content: bytes, path: Path) -> tuple[GameTexts, bool | None]:
    """Read the content of the game file at `path`.

    Returns also whether the game's makers found a solution; None where the file does not say.

    Raises:
        DataError: it does not hold the texts of a game, or is larger than `MAX_BYTES`.
    """
    if len(content) > MAX_BYTES:
        raise DataError(f"a game file is larger than {MAX_BYTES:,} bytes: {path}")
    try:
        game = json.loads(content)
        texts = GameTexts(game["pddl_domain"], game["grammar"], game["pddl_problem"])
        solvable = game.get("solvable")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"a game file cannot be played ({error!r:.100}): {path}") from error
    if not all(isinstance(text, str) for text in texts):
        raise DataError(f"a game file does not hold texts: {path}")
    return texts, solvable if isinstance(solvable, bool) else None
