"""Values as JSON that keeps what JSON does not know: tuples, sets, keys, special numbers, dates,
values of the robot's types.

Lists, text, truth values, numbers and None are themselves. Everything else is an object with one
key, which names the type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

MAX_DEPTH = 50
MAX_KEYS = 1000
"""Members of a set and keys of a dictionary that are not text: their hashes can be made to collide,
and then time grows with their square."""
MAX_KEYS_TOGETHER = 10_000
"""Likewise, in all sets and dictionaries of a value together."""
_LARGEST = 2**63
_DATES: dict[str, Any] = {"datetime": datetime, "date": date, "time": time}


@dataclass(frozen=True)
class Instance:
    """A value with named fields, of one of the robot's types."""

    type: str
    fields: Mapping[str, Any]
    plain: str = "dict"
    """What stands for it where there are only plain data: a `dict` of the fields, a `list` of them,
    or the `only` one."""

    def __hash__(self) -> int:
        return hash((self.type, tuple(self.fields.values())))


@dataclass(frozen=True)
class Member:
    """A member of one of the robot's enumerations."""

    type: str
    name: str
    value: Any


def _as_it_is(value: object) -> object:
    return value


def encode(
    value: object, *, bounded: bool = False, plain: Callable[[object], object] = _as_it_is
) -> Any:
    """Turn a value into JSON data.

    Args:
        value: the value.
        bounded: it goes to somebody who does not trust its keys.
        plain: turns what is of one of the robot's types into plain data.

    Raises:
        TypeError: it holds something that is not plain data.
        ValueError: it is nested too deep, or holds too many keys.
    """
    return _Encoder(bounded, plain).encode(value, 0)


def _refuse(_value: object) -> Any:
    raise ValueError("no such type is known here")


def decode(data: Any, *, bounded: bool = False, made: Callable[[Any], Any] = _refuse) -> Any:
    """Turn JSON data into the value.

    Args:
        data: the data.
        bounded: nothing about it is trusted.
        made: makes a value of one of the robot's types of `Instance` or `Member`.

    Raises:
        ValueError, TypeError: no value encodes to this.
    """
    return _Decoder(bounded, made).decode(data, 0)


def clean(text: str) -> str:
    """Replace what UTF-8 cannot hold by `?`."""
    return text if text.isascii() else str(text).encode("utf-8", "replace").decode()


class _Keys:
    """Counts the keys of one value."""

    def __init__(self, bounded: bool) -> None:
        self._bounded = bounded
        self._together = 0

    def _count(self, keys: Sequence[object]) -> None:
        if not self._bounded:
            return
        number = sum(not isinstance(key, str) for key in keys)
        self._together += number
        if number > MAX_KEYS or self._together > MAX_KEYS_TOGETHER:
            raise ValueError(f"it holds more than {MAX_KEYS} keys or set members that are not text")


class _Encoder(_Keys):
    def __init__(self, bounded: bool, plain: Callable[[object], object]) -> None:
        super().__init__(bounded)
        self._plain = plain

    def encode(self, value: object, depth: int) -> Any:  # noqa: PLR0911 - one for each kind
        match value := self._plain(value):
            case None | bool():
                return value
            case str():
                return clean(value)
            case int():
                return int(value) if abs(value) < _LARGEST else {"int": hex(value)}
            case float():
                return float(value) if math.isfinite(value) else {"float": repr(float(value))}
            case _ if depth >= MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
            case list():
                return self._all(value, depth)
            case tuple():
                return {"tuple": self._all(value, depth)}
            case set() | frozenset():
                self._count(list(value))
                kind = "set" if isinstance(value, set) else "frozenset"
                return {kind: self._all(list(value), depth)}
            case dict():
                keys = list(value)
                self._count(keys)
                values = self._all(list(value.values()), depth)
                pairs = zip(self._all(keys, depth), values, strict=True)
                return {"dict": list(map(list, pairs))}
        return self._other(value, depth)

    def _other(self, value: object, depth: int) -> Any:
        match value:
            case Instance():
                names, fields = list(value.fields), self._all(list(value.fields.values()), depth)
                return {"instance": [value.type, list(map(list, zip(names, fields, strict=True)))]}
            case Member():
                return {"member": [value.type, value.name]}
            case datetime() | date() | time():
                return {type(value).__name__: value.isoformat()}
            case timedelta():
                return {"timedelta": [value.days, value.seconds, value.microseconds]}
        if hasattr(value, "tolist"):
            return self.encode(value.tolist(), depth + 1)
        raise TypeError(f"a value of the type {type(value).__name__} is no plain data")

    def _all(self, values: Sequence[object], depth: int) -> list[Any]:
        return [self.encode(item, depth + 1) for item in values]


class _Decoder(_Keys):
    def __init__(self, bounded: bool, made: Callable[[Any], Any]) -> None:
        super().__init__(bounded)
        self._made = made

    def decode(self, data: Any, depth: int) -> Any:
        match data:
            case None | bool() | int() | float() | str():
                return data
            case _ if depth >= MAX_DEPTH:
                raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
            case list():
                return self._all(data, depth)
            case dict() if len(data) == 1:
                ((kind, content),) = data.items()
                return self._tagged(kind, content, depth)
        raise ValueError("this encodes no value")

    def _tagged(self, kind: str, content: Any, depth: int) -> Any:  # noqa: PLR0911 - likewise
        match kind, content:
            case "int", str():
                return int(content, 16)
            case "float", str():
                return float(content)
            case "tuple", list():
                return tuple(self._all(content, depth))
            case "set", list():
                return set(self._hashed(content, depth))
            case "frozenset", list():
                return frozenset(self._hashed(content, depth))
            case "dict", list():
                keys = self._hashed([key for key, _ in content], depth)
                values = self._all([value for _, value in content], depth)
                return dict(zip(keys, values, strict=True))
        return self._other(kind, content, depth)

    def _other(self, kind: str, content: Any, depth: int) -> Any:
        match kind, content:
            case "instance", [str(name), list(fields)]:
                decoded = {key: self.decode(part, depth + 1) for key, part in fields}
                return self._made(Instance(name, decoded))
            case "member", [str(name), str(member)]:
                return self._made(Member(name, member, None))
            case (("datetime" | "date" | "time"), str()):
                return _DATES[kind].fromisoformat(content)
            case "timedelta", [int(days), int(seconds), int(microseconds)]:
                return timedelta(days, seconds, microseconds)
        raise ValueError(f"this encodes no value: {kind!r}")

    def _all(self, data: list[Any], depth: int) -> list[Any]:
        return [self.decode(item, depth + 1) for item in data]

    def _hashed(self, members: list[Any], depth: int) -> list[Any]:
        values = self._all(members, depth)
        self._count(values)
        return values
