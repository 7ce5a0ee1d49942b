"""Generator expressions that end early; Monty's own are lists.

`any(x > 1 for x in xs)` comes as `any_of(lambda keep, until: [keep(x > 1) for x in until(xs)])`: as
soon as a value decides, nothing more is taken from any of the iterables. No exception is used for
that, as Monty would forget the lines of those that pass one by.
"""

from __future__ import annotations

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
