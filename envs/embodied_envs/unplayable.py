"""What is said of games in a folder that cannot be played."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

_NAMED = 3
"""Games that a note names, of each problem."""


def unplayable_note(
    what: str, total: int, folder: Path, problems: Iterable[tuple[str, str]]
) -> str:
    """Count and name the games that cannot be played, by problem; empty where there is none.

    Args:
        what: what a game is called, in the plural.
        total: of all games in the folder.
        folder: where they are.
        problems: the id of each game that cannot be played, and why it cannot.
    """
    found: dict[str, list[str]] = {}
    for id_, problem in problems:
        found.setdefault(problem, []).append(id_)
    if not found:
        return ""
    count = sum(map(len, found.values()))
    parts = [f"{len(ids):,} {problem} ({_named(ids)})" for problem, ids in found.items()]
    return f"{count:,} of {total:,} {what} in {folder} cannot be played: {'; '.join(parts)}"


def _named(ids: Sequence[str]) -> str:
    more = f", and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
