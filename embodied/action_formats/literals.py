"""Python literals in texts that are not Python."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from embodied._util import parsing
from embodied.action_formats.json_values import decode_whole

MAX_CHARACTERS = 50_000
"""Of one literal."""

_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
    r"|'[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z)"
    r"|[\[\](){}]",
    re.DOTALL,
)


def enclosed(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` ends, text in quotes skipped; None: it does not."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def literal(text: str | ast.expr) -> Any:
    """Read a Python literal, as JSON holds its value.

    Raises:
        ValueError: it is none, or JSON cannot hold it.
    """
    if isinstance(text, str) and len(text) > MAX_CHARACTERS:
        raise ValueError(f"a value may have no more than {MAX_CHARACTERS} characters")
    try:
        return decode_whole(json.dumps(parsing.literal(text), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError("this is no literal that JSON can hold") from None
