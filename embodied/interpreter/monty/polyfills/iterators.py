"""Iterators that compute an item when it is asked for; Monty's own are lists."""

from __future__ import annotations

from typing import Any

_native_zip = zip
_native_map = map
_native_reversed = reversed


class generator:  # noqa: N801 - the name that its instances show
    """A generator expression, taken apart.

    Args:
        kinds: of its clauses, one letter for each: `n` a `for` with a plain name, `t` a `for` with
            a target to be unpacked, `i` an `if`.
        value: the element, as a function of the targets' names so far, as are all other parts.
        parts: of the clauses: for `n` the iterable, for `t` unpacking and iterable, for `i` the
            condition. The first iterable is a value.
    """

    def __init__(self, kinds: str, value: Any, *parts: Any) -> None:
        self.value = value
        self.clauses: Any = []
        rest = list(parts)
        for kind in kinds:
            unpack = rest.pop(0) if kind == "t" else None
            self.clauses.append((kind, unpack, rest.pop(0)))
        self.levels: Any = [(0, iter(self.clauses[0][2]), ())]

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        levels, self.levels = self.levels, []
        while levels:
            number, iterator, names = levels[-1]
            try:
                item = next(iterator)
            except StopIteration:
                levels.pop()
                continue
            unpack = self.clauses[number][1]
            names = names + (unpack(item) if unpack else (item,))
            if self.enter(levels, number + 1, names):
                found = self.value(*names)
                self.levels = levels
                return found
        raise StopIteration

    def enter(self, levels: Any, number: int, names: Any) -> bool:
        """Go on with the clauses from a number; whether all of them let the names pass."""
        clauses = self.clauses
        while number < len(clauses):
            kind, _, function = clauses[number]
            if kind != "i":
                levels.append((number, iter(function(*names)), names))
                return False
            if not function(*names):
                return False
            number += 1
        return True


class map:  # noqa: N801
    """The built-in of this name."""

    def __init__(self, function: Any, iterable: Any, *more: Any) -> None:
        self.function = function
        self.iterators: Any = [iter(each) for each in (iterable, *more)]

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        args = []
        for iterator in self.iterators:
            args.append(next(iterator))
        return self.function(*args)


class filter:  # noqa: N801
    """The built-in of this name."""

    def __init__(self, function: Any, iterable: Any) -> None:
        self.function = function
        self.iterator: Any = iter(iterable)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        while True:
            item = next(self.iterator)
            if item if self.function is None else self.function(item):
                return item


class enumerate:  # noqa: N801
    """The built-in of this name."""

    def __init__(self, iterable: Any, start: int = 0) -> None:
        self.iterator: Any = iter(iterable)
        self.number = start

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        pair = (self.number, next(self.iterator))
        self.number += 1
        return pair


class zip:  # noqa: N801
    """The built-in of this name."""

    def __init__(self, *iterables: Any, strict: bool = False) -> None:
        self.iterators: Any = [iter(each) for each in iterables]
        self.strict = strict

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        items: Any = []
        for iterator in self.iterators:
            try:
                items.append(next(iterator))
            except StopIteration:
                if self.strict:
                    self.check(items)
                raise StopIteration from None
        if not items:
            raise StopIteration
        return tuple(items)

    def check(self, items: Any) -> None:
        """Refuse iterables of different lengths, one of which has just ended."""
        if items:
            before = "argument 1" if len(items) == 1 else f"arguments 1-{len(items)}"
            raise ValueError(f"zip() argument {len(items) + 1} is shorter than {before}")
        for number, iterator in list(_native_zip(range(len(self.iterators)), self.iterators))[1:]:
            try:
                next(iterator)
            except StopIteration:
                continue
            before = "argument 1" if number == 1 else f"arguments 1-{number}"
            raise ValueError(f"zip() argument {number + 1} is longer than {before}")


class list_reverseiterator:  # noqa: N801
    """What `reversed` makes of a list."""

    def __init__(self, items: Any) -> None:
        self.items = items
        self.index = len(items)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        self.index -= 1
        if not 0 <= self.index < len(self.items):
            self.index = 0
            raise StopIteration
        return self.items[self.index]


def reversed(items: Any) -> Any:
    """The built-in of this name."""
    return list_reverseiterator(items) if type(items) is list else iter(_native_reversed(items))


def mapped(function: Any, iterable: Any, *more: Any) -> Any:
    """A list of what `map` gives."""
    if not more:
        return [function(item) for item in iterable]
    return [function(*args) for args in _native_zip(iterable, *more)]


def filtered(function: Any, iterable: Any) -> Any:
    """A list of what `filter` gives."""
    return [item for item in iterable if (item if function is None else function(item))]


def any(iterable: Any) -> bool:
    """The built-in of this name."""
    iterator = iter(iterable)
    while True:
        try:
            item = next(iterator)
        except StopIteration:
            return False
        if item:
            return True


def all(iterable: Any) -> bool:
    """The built-in of this name."""
    iterator = iter(iterable)
    while True:
        try:
            item = next(iterator)
        except StopIteration:
            return True
        if not item:
            return False


def any_of(kinds: str, value: Any, iterable: Any, condition: Any = None) -> bool:
    """What `any(generator(…))` is, for a `for` with a plain name and perhaps an `if`."""
    for item in iterable:  # noqa: SIM110 - that is what is defined here
        if (condition is None or condition(item)) and value(item):
            return True
    return False


def all_of(kinds: str, value: Any, iterable: Any, condition: Any = None) -> bool:
    """What `all(generator(…))` is, likewise."""
    for item in iterable:
        if (condition is None or condition(item)) and not value(item):
            return False
    return True
