"""Finds the call that sends a command of a text simulator, by patterns of commands."""

from __future__ import annotations

import re
from collections.abc import Sequence

CommandPatterns = Sequence[tuple[re.Pattern[str], str]]
"""Patterns of commands, each with the name of its call. Its groups are the arguments, but for the
group `verb`, which replaces `{verb}` in the name."""


def match_command(command: str, patterns: CommandPatterns) -> tuple[str, dict[str, str]] | None:
    """Return name and arguments of the call that sends a command; None where no pattern fits."""
    for pattern, name in patterns:
        match = pattern.fullmatch(command)
        if match:
            arguments = match.groupdict()
            return name.format(verb=arguments.pop("verb", "")), arguments
    return None
