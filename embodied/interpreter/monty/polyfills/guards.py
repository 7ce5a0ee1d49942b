"""What stands between a session and its host, which copies a value as often as it occurs.

Inside a session lists can share their parts; in the host such a value could take any amount of
memory. So all that crosses is measured here, under the session's own limits. A session keeps these
functions under names that code cannot find out, and they keep the built-in functions that they use.
"""

from __future__ import annotations

from typing import Any

_type = type
_len = len
_repr = repr
_isinstance = isinstance
_string = str
_integer = int
_dictionary = dict
_collections = (list, tuple, set, frozenset, dict)
_texts = (str, bytes)
_small = (type(None), bool, float, complex, type(len), type(lambda: None), type(str))
_type_error = TypeError
_value_error = ValueError
_errors = (RecursionError, ValueError)
_ROOM = 100_000
_ITEM = 10
_LARGEST = 10**300


def fits(value: Any) -> Any:
    """A value for the host.

    Raises:
        ValueError: it is too large.
        TypeError: it is of a kind that no action takes, and whose size is not known.
    """
    if _type(value) is _string and _len(value) <= _ROOM:
        return value
    room = _ROOM
    parts = [value]
    while parts:
        part = parts.pop()
        kind = _type(part)
        if kind in _texts:
            room -= _len(part)
        elif _isinstance(part, _collections):
            room -= _len(part) * _ITEM
            if room >= 0:
                parts.extend(part)
                parts.extend(part.values() if _isinstance(part, _dictionary) else ())
        elif kind is _integer:
            room -= 0 if -_LARGEST < part < _LARGEST else _ROOM + 1
        elif kind not in _small:
            raise _type_error(
                f"a value of the type {kind.__name__} cannot be given to an action; give it text, "
                "numbers, lists or dictionaries"
            )
        if room < 0:
            raise _value_error(
                "the argument is too large: no more than 100000 characters or 10000 items can be "
                "given to an action; give it a part"
            )
    return value


def shown(value: Any, characters: int) -> Any:
    """The beginning of the text of a last expression, None for None."""
    if value is None:
        return None
    try:
        return _repr(value)[:characters]
    except _errors:
        return f"({_type(value).__name__}, too large to show)"


def action(call: Any) -> Any:
    """An action as a value: a function that code can keep and pass on."""

    def action(*args: Any, **kwargs: Any) -> Any:
        return call(*fits(args), **fits(kwargs))

    return action
