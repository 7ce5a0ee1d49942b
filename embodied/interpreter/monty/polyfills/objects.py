"""Statements, functions and exceptions that Monty lacks."""

from __future__ import annotations

from binascii import Incomplete
from typing import Any

EOFError = Incomplete


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


def leave(code: Any = None) -> None:
    """Do what `exit` and `quit` do."""
    raise SystemExit("" if code is None else str(code))


def input(prompt: Any = "") -> None:
    """Fail as `input` does where nobody answers: at the end of CPython's input."""
    print(prompt, end="")
    raise Incomplete("EOF when reading a line")
