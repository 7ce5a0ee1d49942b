"""The margins of text."""

from __future__ import annotations

from typing import Any


def dedent(text: str) -> str:
    """The text without the blanks with which all of its lines begin."""
    lines = [line if line.strip(" \t") else "" for line in text.split("\n")]
    margin: Any = None
    for line in lines:
        if line:
            blanks = line[: len(line) - len(line.lstrip(" \t"))]
            margin = blanks if margin is None else _common(margin, blanks)
    return "\n".join([line[len(margin) :] if line else line for line in lines])


def indent(text: str, prefix: str, predicate: Any = None) -> str:
    """The text with a prefix on each line that is not blank."""
    lines = []
    for line in text.splitlines(True):
        chosen = predicate(line) if predicate is not None else line.strip()
        lines.append(prefix + line if chosen else line)
    return "".join(lines)


def _common(first: str, second: str) -> str:
    length = 0
    while length < min(len(first), len(second)) and first[length] == second[length]:
        length += 1
    return first[:length]
