"""Plain data, which can cross between model-written code, robots and records."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

MAX_DEPTH = 20
MAX_ITEMS = 1000
MAX_CHARACTERS = 100_000
MAX_BYTES = 200_000
"""Of a value, in JSON."""
MAX_ITEMS_IN_ALL = 10_000
CUT = "..."
"""Marks what is missing."""
_ITEM_BYTES = 25
"""What an item of a collection takes beside its text, numbers being no longer."""
_CHARACTER_BYTES = 6
_LARGEST_INTEGER = 2**63
_BASIC = (type(None), bool, int, float, str)


class SizeBudget:
    """The size that values may still take in a record.

    Args:
        items: of all collections together.
        size: in bytes of JSON.
    """

    __slots__ = ("items", "size")

    def __init__(self, items: int = MAX_ITEMS_IN_ALL, size: int = MAX_BYTES) -> None:
        self.items = items
        self.size = size

    def first(self, items: Collection[Any]) -> Iterator[Any]:
        """Yield the first items, as many as the budget allows."""
        for item in islice(items, MAX_ITEMS):
            if self.items <= 0 or self.size <= 0:
                return
            self.items -= 1
            self.size -= _ITEM_BYTES
            yield item

    def text(self, text: str) -> str:
        """Return the text, cut where the budget is exceeded."""
        size = json_size(text)
        if size <= self.size:
            self.size -= size
            return text
        kept, self.size = cut_to_size(text, max(self.size, 0)), 0
        return kept


def to_jsonable(  # noqa: PLR0911 - one for each kind
    value: object, budget: SizeBudget | None = None, depth: int = 0
) -> Any:
    """Copy a value into a form that JSON can hold and read back.

    Lists, tuples and sets become lists, keys become strings. What is too deep, too long, too large
    or of another kind becomes a text that says what it was, or how much of it is missing.

    Args:
        value: the value.
        budget: the size that the copy may take; None: that of one value.
        depth: of the value in the one that is copied.
    """
    budget = SizeBudget() if budget is None else budget
    match value:
        case str():
            return budget.text(value)
        case None | bool():
            return value
        case int():
            return value if abs(value) < _LARGEST_INTEGER else "(a very large number)"
        case float():
            return value if math.isfinite(value) else str(value)
        case _ if depth >= MAX_DEPTH:
            return f"({type(value).__name__}, nested too deep)"
        case dict():
            items = budget.first(value.items())
            kept = {_key(key, budget): to_jsonable(item, budget, depth + 1) for key, item in items}
            return kept | ({CUT: f"({more} more)"} if (more := len(value) - len(kept)) else {})
        case list() | tuple() | set() | frozenset():
            part = [to_jsonable(item, budget, depth + 1) for item in budget.first(value)]
            return part + ([f"{CUT} ({more} more)"] if (more := len(value) - len(part)) else [])
    return budget.text(safe_repr(value))


def coerce_result(value: object) -> Any:
    """Convert what a robot returned into a value that code can hold.

    Text, numbers and collections of them stay as they are. Dataclasses and pydantic models become
    dictionaries, NumPy arrays lists.

    Raises:
        TypeError: it is of another kind; says which are allowed.
    """
    if is_basic(value):
        return value
    try:
        return to_jsonable_python(value, fallback=_listed)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"a value of the type {type(value).__name__} cannot be given to code; return text, "
            "numbers, lists, dictionaries, dataclasses, pydantic models or NumPy arrays"
        ) from error


def is_basic(value: object) -> bool:
    """Tell whether a value is text, a number, None or a collection of these, and nothing else."""
    match value:
        case None | bool() | int() | float() | str():
            return type(value) in _BASIC
        case list() | tuple() | set() | frozenset():
            return all(map(is_basic, value))
        case dict():
            return all(map(is_basic, value)) and all(map(is_basic, value.values()))
    return False


def _listed(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


def safe_repr(value: object, characters: int = 200) -> str:
    """Return the `repr` of a value, truncated; of one that has none, its type."""
    try:
        return truncate(repr(value), characters)
    except (RecursionError, ValueError, MemoryError):
        return f"({type(value).__name__}, too large to show)"


def truncate(text: str, characters: int = MAX_CHARACTERS) -> str:
    """Cut a text that is longer, and mark the cut."""
    return text if len(text) <= characters else f"{text[:characters]}... (cut)"


def cut_to_size(text: str, size: int) -> str:
    """Cut a text that takes more bytes of JSON than this, and mark the cut."""
    encoded = _encoded(text)
    return text if len(encoded) <= size else f"{_whole(encoded[:size])}... (cut)"


def json_size(text: str) -> int:
    """Count the bytes that a text takes in JSON, between its quotes."""
    return len(_encoded(text))


def _encoded(text: str) -> bytes:
    """Write a text as JSON does between quotes, halves of surrogate pairs as U+FFFD."""
    try:
        return to_json(text)[1:-1]
    except PydanticSerializationError:
        return to_json(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))[1:-1]


def _whole(encoded: bytes) -> str:
    """Read the beginning of a text that was cut anywhere, perhaps within a character."""
    for end in range(len(encoded), len(encoded) - _CHARACTER_BYTES, -1):
        with suppress(ValueError):
            return str(from_json(b'"%b"' % encoded[:end]))
    return ""


def _key(key: object, budget: SizeBudget) -> str:
    return budget.text(key if isinstance(key, str) else safe_repr(key))
