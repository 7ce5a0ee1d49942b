"""Commands of a text simulator, as patterns: the way back from a command to a call."""

from __future__ import annotations

import re
from collections.abc import Sequence

Wordings = Sequence[tuple[re.Pattern[str], str]]
"""Patterns of commands, and the call of each. A pattern's groups are the call's arguments, but for
the group `verb`, which takes the place of `{verb}` in its name."""


def call_of(command: str, wordings: Wordings) -> tuple[str, dict[str, str]] | None:
    """Name and arguments of the call that sends a command; None: no pattern is that of it."""
    for pattern, name in wordings:
        match = pattern.fullmatch(command)
        if match:
            arguments = match.groupdict()
            return name.format(verb=arguments.pop("verb", "")), arguments
    return None
