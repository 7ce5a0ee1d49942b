"""Ordering by key functions that may call the robot, which Monty's own cannot."""

from __future__ import annotations

from typing import Any

_native_sorted = sorted
_native_min = min
_native_max = max
_missing = {"nothing": "here"}


def sorted(iterable: Any, *, key: Any = None, reverse: bool = False) -> Any:
    """The built-in of this name."""
    items = list(iterable)
    if key is None:
        return _native_sorted(items, reverse=reverse)
    keys = [key(item) for item in items]
    order = _native_sorted(range(len(items)), key=lambda i: keys[i], reverse=reverse)
    return [items[i] for i in order]


def sort(items: Any, *args: Any, **kwargs: Any) -> Any:
    """The method of lists of this name."""
    if type(items) is not list or args or kwargs.get("key") is None:
        return items.sort(*args, **kwargs)
    items[:] = sorted(items, **kwargs)
    return None


def min(*args: Any, key: Any = None, default: Any = _missing) -> Any:
    """The built-in of this name."""
    if key is None:
        return _native_min(*args) if default is _missing else _native_min(*args, default=default)
    return _best(args, key, default, False, "min")


def max(*args: Any, key: Any = None, default: Any = _missing) -> Any:
    """The built-in of this name."""
    if key is None:
        return _native_max(*args) if default is _missing else _native_max(*args, default=default)
    return _best(args, key, default, True, "max")


def _best(args: Any, key: Any, default: Any, greatest: bool, name: str) -> Any:
    if not args:
        raise TypeError(f"{name} expected at least 1 argument, got 0")
    if len(args) > 1 and default is not _missing:
        raise TypeError(f"Cannot specify a default for {name}() with multiple positional arguments")
    found = False
    best: Any = None
    best_key: Any = None
    for item in args[0] if len(args) == 1 else args:
        item_key = key(item)
        if not found or (item_key > best_key if greatest else item_key < best_key):
            found, best, best_key = True, item, item_key
    if found:
        return best
    if default is _missing:
        raise ValueError(f"{name}() arg is an empty sequence")
    return default
