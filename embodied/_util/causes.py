"""Tells whether two sentences name one cause."""

from __future__ import annotations

import re

_DETAIL = re.compile(
    r"(?P<source>[^\s'\"(),;]+\.py:\d+)|[^\s'\"(),;]*[/\\][^\s'\"(),;]*|\w*\d\w*(?:[.:-]\w+)*"
)
"""Paths, addresses and words with digits, such as numbers and ids; and lines of source code."""


def cause_of(sentence: str) -> str:
    """Leave out what differs from case to case: numbers, ids, addresses and paths.

    Lines of source code stay: what fails in another line has another cause.
    """
    return _DETAIL.sub(lambda found: found["source"] or "…", sentence)
