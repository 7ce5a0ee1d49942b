"""Plain data as JSON that keeps what JSON does not know: tuples, sets, keys, special numbers.

Lists, text, truth values, numbers and None are themselves. Everything else is an object with one
key, which names the type.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 50
MAX_KEYS = 1000
"""Keys and members of sets that are not text, in one value: their hashes can be made to collide."""
_LARGEST = 2**63
_SETS: dict[str, type] = {"set": set, "frozenset": frozenset}


def encode(value: object, depth: int = 0) -> Any:  # noqa: PLR0911 - one for each kind
    """A value as JSON data.

    Raises:
        TypeError: it holds something that is not plain data.
        ValueError: it is nested too deep.
    """
    match value:
        case None | bool():
            return value
        case str():
            return clean(value)
        case int():
            return int(value) if abs(value) < _LARGEST else {"int": hex(value)}
        case float():
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        case _ if depth >= MAX_DEPTH:
            raise ValueError(f"the value is nested deeper than {MAX_DEPTH} levels")
        case list():
            return [encode(item, depth + 1) for item in value]
        case tuple() | set() | frozenset():
            kind = next(k for k in (tuple, set, frozenset) if isinstance(value, k))
            return {kind.__name__: [encode(item, depth + 1) for item in value]}
        case dict():
            pairs = [[encode(k, depth + 1), encode(v, depth + 1)] for k, v in value.items()]
            return {"dict": pairs}
    if hasattr(value, "tolist"):
        return encode(value.tolist(), depth + 1)
    raise TypeError(
        f"a value of the type {type(value).__name__} cannot be handed over; pass text, numbers, "
        "None, and lists, tuples, sets and dictionaries of them"
    )


def clean(text: str) -> str:
    """The text, with what UTF-8 cannot hold replaced by `?`."""
    return text if text.isascii() else str(text).encode("utf-8", "replace").decode()


def decode(data: Any) -> Any:
    """The value that was encoded.

    Raises:
        ValueError, TypeError: no value encodes to this.
    """
    return _Decoder().decode(data, 0)


class _Decoder:
    """Counts keys over a whole value."""

    def __init__(self) -> None:
        self._keys = 0

    def decode(self, data: Any, depth: int) -> Any:
        match data:
            case None | bool() | int() | float() | str():
                return data
            case _ if depth > MAX_DEPTH:
                raise ValueError("nested too deep")
            case list():
                return [self.decode(item, depth + 1) for item in data]
            case dict() if len(data) == 1:
                ((kind, content),) = data.items()
                return self._tagged(kind, content, depth + 1)
        raise ValueError("this encodes no value")

    def _tagged(self, kind: str, content: Any, depth: int) -> Any:
        match kind, content:
            case "int", str():
                return int(content, 16)
            case "float", str():
                return float(content)
            case "tuple", list():
                return tuple([self.decode(item, depth) for item in content])
            case ("set" | "frozenset"), list():
                return _SETS[kind](self._hashed(content, depth))
            case "dict", list():
                keys = self._hashed([key for key, _ in content], depth)
                return dict(zip(keys, [self.decode(v, depth) for _, v in content], strict=True))
        raise ValueError(f"this encodes no value: {kind!r}")

    def _hashed(self, members: Iterable[Any], depth: int) -> list[Any]:
        values = [self.decode(member, depth) for member in members]
        self._keys += sum(type(value) is not str for value in values)
        if self._keys > MAX_KEYS:
            raise ValueError(f"more than {MAX_KEYS} keys that are not text")
        return values
