"""Operators as functions."""

from __future__ import annotations

from typing import Any

_native_abs = abs


def itemgetter(item: Any, *items: Any) -> Any:
    """A function that gets the items from its argument."""
    if items:
        keys = (item, *items)
        return lambda value: tuple([value[key] for key in keys])
    return lambda value: value[item]


def attrgetter(attribute: str, *attributes: str) -> Any:
    """A function that gets the attributes of its argument."""
    if attributes:
        paths = (attribute, *attributes)
        return lambda value: tuple([_resolved(value, path) for path in paths])
    return lambda value: _resolved(value, attribute)


def _resolved(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name)
    return value


def add(a: Any, b: Any) -> Any:
    return a + b


def sub(a: Any, b: Any) -> Any:
    return a - b


def mul(a: Any, b: Any) -> Any:
    return a * b


def truediv(a: Any, b: Any) -> Any:
    return a / b


def floordiv(a: Any, b: Any) -> Any:
    return a // b


def mod(a: Any, b: Any) -> Any:
    return a % b


def pow(a: Any, b: Any) -> Any:
    return a**b


def neg(a: Any) -> Any:
    return -a


def abs(a: Any) -> Any:
    return _native_abs(a)


def eq(a: Any, b: Any) -> Any:
    return a == b


def ne(a: Any, b: Any) -> Any:
    return a != b


def lt(a: Any, b: Any) -> Any:
    return a < b


def le(a: Any, b: Any) -> Any:
    return a <= b


def gt(a: Any, b: Any) -> Any:
    return a > b


def ge(a: Any, b: Any) -> Any:
    return a >= b


def is_(a: Any, b: Any) -> Any:
    return a is b


def is_not(a: Any, b: Any) -> Any:
    return a is not b


def not_(a: Any) -> Any:
    return not a


def truth(a: Any) -> Any:
    return bool(a)


def and_(a: Any, b: Any) -> Any:
    return a & b


def or_(a: Any, b: Any) -> Any:
    return a | b


def xor(a: Any, b: Any) -> Any:
    return a ^ b


def contains(a: Any, b: Any) -> Any:
    return b in a


def getitem(a: Any, b: Any) -> Any:
    return a[b]


def setitem(a: Any, b: Any, c: Any) -> None:
    a[b] = c
