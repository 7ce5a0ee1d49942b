"""What stands between a session and its host, which copies a value as often as it occurs.

Inside a session lists can share their parts; in the host such a value could take any amount of
memory. So all that crosses is measured here, under the session's own limits. A session keeps these
functions under names that code cannot find out.
"""

from __future__ import annotations

from typing import Any

_ROOM = 100_000
_ITEM = 10
_LARGEST = 10**300
_COLLECTIONS = (list, tuple, set, frozenset, dict)
_SMALL = (type(None), bool, float, complex, type(len), type(lambda: None), type(str))


def fits(value: Any) -> Any:
    """Return a value that is small enough for the host.

    Raises:
        ValueError: it is too large.
        TypeError: it is of a kind that no action takes, and whose size is not known.
    """
    if type(value) is str and len(value) <= _ROOM:
        return value
    room = _ROOM
    parts = [value]
    while parts:
        part = parts.pop()
        kind = type(part)
        if kind is str or kind is bytes:
            room -= len(part)
        elif isinstance(part, _COLLECTIONS):
            room -= len(part) * _ITEM
            if room >= 0:
                parts.extend(part)
                parts.extend(part.values() if isinstance(part, dict) else ())
        elif kind is int:
            room -= 0 if -_LARGEST < part < _LARGEST else _ROOM + 1
        elif kind not in _SMALL:
            raise TypeError(
                f"a value of the type {kind.__name__} cannot be given to an action; give it text, "
                "numbers, lists or dictionaries"
            )
        if room < 0:
            raise ValueError(
                "the argument is too large: no more than 100000 characters or 10000 items can be "
                "given to an action; give it a part"
            )
    return value


def shown(value: Any, characters: int) -> Any:
    """Show the beginning of the text of a last expression; None for None."""
    if value is None:
        return None
    try:
        return repr(value)[:characters]
    except (RecursionError, ValueError):
        return f"({type(value).__name__}, too large to show)"


def action(call: Any) -> Any:
    """Make an action a function that code can keep and pass on."""

    def action(*args: Any, **kwargs: Any) -> Any:
        return call(*fits(args), **fits(kwargs))

    return action
