"""Iterators that compute an item when it is asked for; Monty's own are lists.

`any(x > 1 for x in xs)` comes as `any_of(lambda keep, until: [keep(x > 1) for x in until(xs)])`: as
soon as a value decides, nothing more is taken from any of the iterables. No exception is used for
that, as Monty would forget the lines of those that pass one by.
"""

from __future__ import annotations

from itertools import count
from typing import Any


def any_of(run: Any) -> bool:
    """Compute `any` of a generator expression."""
    return bool(_first(run, bool))


def all_of(run: Any) -> bool:
    """Compute `all` of a generator expression."""
    return not _first(run, lambda value: not value)


def next_of(run: Any, *default: Any) -> Any:
    """Compute `next` of a generator expression."""
    found = _first(run, lambda value: True) or default
    if not found:
        raise StopIteration
    return found[0]


def sum_of(run: Any, start: Any = 0) -> Any:
    """Compute `sum` of a generator expression, which fails at the first item that does not fit."""
    total = [start]
    run(lambda value: total.append(total.pop() + value), iter)
    return total[0]


def _first(run: Any, decides: Any) -> Any:
    """Find the first value that decides: a list of it, or an empty one."""
    found: Any = []
    run(
        lambda value: found.append(value) if not found and decides(value) else None,
        lambda iterable: _Until(iter(iterable), found),
    )
    return found


class _Until:
    """The items of an iterator, until something was found."""

    def __init__(self, items: Any, found: Any) -> None:
        self.items = items
        self.found = found

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if self.found:
            raise StopIteration
        return next(self.items)


class _Lazy:
    """Computes each item when it is asked for."""

    def __init__(self, step: Any) -> None:
        self.step = step

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return self.step()


def lazy_zip(*iterables: Any) -> Any:
    """Do what `zip` does."""
    iterators = [iter(iterable) for iterable in iterables]

    def _step() -> Any:
        if not iterators:
            raise StopIteration
        return tuple([next(iterator) for iterator in iterators])

    return _Lazy(_step)


def lazy_map(function: Any, *iterables: Any) -> Any:
    """Do what `map` does."""
    rows = lazy_zip(*iterables)
    return _Lazy(lambda: function(*next(rows)))


def lazy_enumerate(iterable: Any, start: Any = 0) -> Any:
    """Do what `enumerate` does."""
    return lazy_zip(count(start), iterable)


def lazy_filter(function: Any, iterable: Any) -> Any:
    """Do what `filter` does."""
    items = iter(iterable)

    def _step() -> Any:
        while True:
            item = next(items)
            if function(item) if function else item:
                return item

    return _Lazy(_step)
