"""Statements, functions and exceptions that Monty lacks."""

from __future__ import annotations

from binascii import Incomplete
from typing import Any

EOFError = Incomplete

_WITH_FORMATS = ("datetime.datetime", "datetime.date", "datetime.time", "decimal.Decimal")


def delete(container: Any, key: Any) -> None:
    """Do what the statement `del container[key]` does."""
    if isinstance(container, dict):
        if key not in container:
            raise KeyError(key if isinstance(key, str) else repr(key))
        container.pop(key)
    elif isinstance(container, list):
        if not isinstance(key, int):
            raise TypeError(f"list indices must be integers or slices, not {type(key).__name__}")
        if not -len(container) <= key < len(container):
            raise IndexError("list assignment index out of range")
        container.pop(key)
    elif hasattr(container, "__delitem__"):
        container.__delitem__(key)
    else:
        raise TypeError(f"'{type(container).__name__}' object doesn't support item deletion")


def key(container: Any, key: Any) -> Any:
    """Return the key under which a value is stored: of equal ones, the first that was used."""
    if type(key) is not str and isinstance(container, dict) and key in container:
        for other in container:
            if other == key:
                return other
    return key


def dict_from(run: Any) -> Any:
    """Make the dictionary of a comprehension, which stores each of its items."""
    found: Any = {}

    def _store(name: Any, value: Any) -> None:
        found[key(found, name)] = value

    run(_store)
    return found


def dict_of(pairs: Any = (), **named: Any) -> Any:
    """Make a dictionary of another one, or of pairs."""
    if isinstance(pairs, dict):
        return dict(pairs, **named)
    found: Any = {}
    for pair in pairs:
        name, value = pair
        found[key(found, name)] = value
    return dict(found, **named)


def rounded(number: Any, digits: Any) -> Any:
    """Round as `round` does: a number that lies between two others only in decimals lies not."""
    if type(number) is float and type(digits) is int and 0 < digits < 30:
        return float(f"{number:.{digits}f}")
    return round(number, digits)


def no_file(path: Any, *_more: Any, **_named: Any) -> None:
    """Fail as `open` does where there are no files."""
    raise FileNotFoundError(f"[Errno 2] No such file or directory: {path!r}")


def formattable(value: Any) -> Any:
    """Return a value that takes a format.

    Raises:
        TypeError: it is of a kind that takes none.
    """
    if type(value) in (str, int, float, bool) or type(value).__name__ in _WITH_FORMATS:
        return value
    raise TypeError(f"unsupported format string passed to {type(value).__name__}.__format__")


def pattern(translate: Any, value: Any, flags: Any, empty: Any) -> Any:
    """Have the host write a pattern for this engine; one that is compiled stays as it is."""
    return translate(value[:10_000], flags, empty) if type(value) is str else value


def leave(code: Any = None) -> None:
    """Do what `exit` and `quit` do."""
    raise SystemExit("" if code is None else str(code))


def input(prompt: Any = "") -> None:
    """Fail as `input` does where nobody answers: at the end of CPython's input."""
    print(prompt, end="")
    raise Incomplete("EOF when reading a line")
