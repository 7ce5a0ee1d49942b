"""Plain data: what can cross between model-written code, robots and records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

MAX_DEPTH = 20
MAX_ITEMS = 1000
MAX_CHARACTERS = 100_000
MAX_ITEMS_IN_ALL = 10_000
_LARGEST_INTEGER = 2**63
_BASIC = (type(None), bool, int, float, str)


class Room:
    """What values may still take of a record.

    Args:
        items: of all collections together.
        characters: of all texts together.
    """

    __slots__ = ("characters", "items")

    def __init__(self, items: int = MAX_ITEMS_IN_ALL, characters: int = MAX_CHARACTERS) -> None:
        self.items = items
        self.characters = characters

    def first(self, items: Iterable[Any]) -> Iterator[Any]:
        """The first items, as many as there is room for."""
        for item in islice(items, MAX_ITEMS):
            if self.items <= 0:
                return
            self.items -= 1
            yield item

    def text(self, text: str) -> str:
        """The text, cut where there is no room for it."""
        left = self.characters - len(text)
        if left >= 0:
            self.characters = left
            return text
        kept, self.characters = shortened(text, self.characters), 0
        return kept


def plain(  # noqa: PLR0911 - one for each kind
    value: object, room: Room | None = None, depth: int = 0
) -> Any:
    """A copy of a value that JSON can hold and read back.

    Lists, tuples and sets become lists, keys become strings. What is too deep, too long, too large
    or of another kind becomes a text that says what it was.

    Args:
        value: the value.
        room: what the copy may take; by default as much as one value may.
        depth: of the value in the one that is copied.
    """
    room = Room() if room is None else room
    match value:
        case str():
            return room.text(value)
        case None | bool():
            return value
        case int():
            return value if abs(value) < _LARGEST_INTEGER else "(a very large number)"
        case float():
            return value if math.isfinite(value) else str(value)
        case _ if depth >= MAX_DEPTH:
            return f"({type(value).__name__}, nested too deep)"
        case dict():
            items = room.first(value.items())
            return {_key(key, room): plain(item, room, depth + 1) for key, item in items}
        case list() | tuple() | set() | frozenset():
            return [plain(item, room, depth + 1) for item in room.first(value)]
    return room.text(described(value))


def sendable(value: object) -> Any:
    """A robot's answer as code can hold it.

    Text, numbers and collections of them stay as they are. Dataclasses and pydantic models become
    dictionaries, NumPy arrays lists.

    Raises:
        TypeError: it is of another kind; says which are allowed.
    """
    if _is_basic(value):
        return value
    try:
        return to_jsonable_python(value, fallback=_listed)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"a value of the type {type(value).__name__} cannot be given to code; return text, "
            "numbers, lists, dictionaries, dataclasses, pydantic models or NumPy arrays"
        ) from error


def _is_basic(value: object) -> bool:
    match value:
        case None | bool() | int() | float() | str():
            return type(value) in _BASIC
        case list() | tuple() | set() | frozenset():
            return all(map(_is_basic, value))
        case dict():
            return all(map(_is_basic, value)) and all(map(_is_basic, value.values()))
    return False


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


def described(value: object, characters: int = 200) -> str:
    """The `repr` of a value, shortened; of one that has none, its type."""
    try:
        return shortened(repr(value), characters)
    except (RecursionError, ValueError, MemoryError):
        return f"({type(value).__name__}, too large to show)"


def shortened(text: str, characters: int = MAX_CHARACTERS) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= characters else f"{text[:characters]}... (cut)"


def _key(key: object, room: Room) -> str:
    return room.text(key if isinstance(key, str) else described(key))
