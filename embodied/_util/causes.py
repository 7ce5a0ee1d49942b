"""Tells whether two sentences name one cause."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\s'\"(),;=]+")
_PATH_STARTS = ("/", "\\", "~", "./", "../")


def cause_of(sentence: str) -> str:
    """Leave out what differs from case to case: numbers, ids, addresses and paths.

    Lines of source code stay: what fails in another line has another cause.
    """
    return _WORD.sub(lambda word: "…" if _is_detail(word[0]) else word[0], sentence)


def _is_detail(word: str) -> bool:
    if ".py:" in word:
        return False
    return word.startswith(_PATH_STARTS) or "://" in word or any(map(str.isdigit, word))
