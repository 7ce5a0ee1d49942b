"""What of a policy's text may reach the story, and what is said instead.

A story is more than its game: commands such as `save` and `script` write files, `restart` and
`undo` take back what was done, and Frotz, which runs the story, reads what begins with a backslash
itself.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 190
"""Frotz cuts a line that is longer than 198 bytes."""

_PLAIN = re.compile(rf"[A-Za-z0-9' -]{{0,{MOST_CHARACTERS}}}")
_OUTSIDE = (
    *("disable", "enable", "restrict"),
    *("o", "oops", "undo"),
    *("q", "quit", "restart", "restore", "save", "verify"),
    *("noscript", "script", "transcript", "unscript"),
)
"""Verbs of Inform's library and of TextWorld's own tools that are no part of a game."""
_LETTERS = 9
"""Those of a word that a story looks at."""
_OUTSIDE_AS_READ = frozenset(word[:_LETTERS] for word in _OUTSIDE)


def normalized(command: str) -> str:
    """Put a command into one line, with single spaces."""
    return " ".join(command.split())


def rejection(command: str) -> str | None:
    """Say why a normalized command is not sent to the story; None: it is."""
    if not _PLAIN.fullmatch(command):
        return (
            "A command has letters, digits, spaces, hyphens and apostrophes, and no more than "
            f"{MOST_CHARACTERS} characters."
        )
    words = command.lower().split()
    if "then" in words:
        return "Give one command at a time."
    if words and (words[0][:_LETTERS] in _OUTSIDE_AS_READ or words[0].startswith("tw-")):
        return f"{words[0]!r} is not a part of the game."
    return None
