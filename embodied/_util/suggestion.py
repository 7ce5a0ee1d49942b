"""Suggests a name in place of an unknown one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_SUGGESTED = 50


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for a near miss, else the known names, cut where long."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    more = len(names) - _MOST_SUGGESTED
    rest = f" and {more:,} more" if more > 0 else ""
    return f"; there are: {', '.join(names[:_MOST_SUGGESTED]) or '(none)'}{rest}"
