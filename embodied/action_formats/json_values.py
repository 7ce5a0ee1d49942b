"""JSON as policies write it: read strictly, within bounds, with the place of each mistake."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from embodied._util.jsonable import safe_repr
from embodied.action_formats.format import FormatError

MAX_DEPTH = 100
"""Lists and objects within each other."""
MAX_DIGITS = 100
"""Of a whole number."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_WORDING = {
    "Expecting value": "expected a value",
    "Expecting ':' delimiter": 'expected ":"',
    "Expecting property name": "expected a key in double quotes",
    "Unterminated string": "the text in quotes that begins here does not end",
    "Invalid \\escape": "there is no such escape; a backslash itself is written twice",
    "Invalid \\uXXXX": "\\u needs four hexadecimal digits",
    "Illegal trailing comma": "there is a comma too many",
}


class JsonError(FormatError):
    """A text is not JSON as this module reads it.

    Args:
        what: what is wrong.
        text: the whole text.
        position: where in it, if one place is to blame.
    """

    def __init__(self, what: str, text: str, position: int | None = None) -> None:
        self.what = what
        self.position = position
        super().__init__(what if position is None else f"{place(text, position)}: {what}")


def place(text: str, position: int) -> str:
    """Line and column of a position, both counted from 1."""
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def decode(text: str, start: int = 0) -> tuple[Any, int]:
    """Read the JSON value that begins at `start`; return it and where it ends.

    Line breaks may stand in quotes. Keys that stand twice, numbers without a value (NaN,
    Infinity), half characters (lone surrogates) and what exceeds the bounds are refused.

    Raises:
        JsonError: it is no such value.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
        _check(value)
    except json.JSONDecodeError as error:
        raise JsonError(_explained(error, start), text, error.pos) from None
    except _RefusedError as error:
        raise JsonError(str(error), text) from None
    except RecursionError:
        raise JsonError(_TOO_DEEP, text) from None
    return value, end


def decode_whole(text: str) -> Any:
    """Read a text that is one JSON value.

    Raises:
        JsonError: it is none, or more follows.
    """
    start = len(text) - len(text.lstrip())
    value, end = decode(text, start)
    rest = text[end:].lstrip()
    if rest:
        raise JsonError("expected nothing more here", text, len(text) - len(rest))
    return value


def encode(value: Any) -> str:
    """Write a value as one line of JSON that has no `<`, so that it cannot end or begin a tag.

    Raises:
        ValueError: JSON cannot hold it.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


class _RefusedError(Exception):
    pass


_TOO_DEEP = f"lists and objects are nested deeper than {MAX_DEPTH}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _RefusedError(f"the key {safe_repr(twice, 80)} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _RefusedError(f"the number {safe_repr(digits, 80)} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not a number that can be used")


_DECODER = json.JSONDecoder(
    strict=False,
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_constant,
)


def _check(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        match item:
            case str():
                _check_characters(item)
            case dict() | list() if depth > MAX_DEPTH:
                raise _RefusedError(_TOO_DEEP)
            case dict():
                waiting += [(part, depth + 1) for pair in item.items() for part in pair]
            case list():
                waiting += [(part, depth + 1) for part in item]


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _RefusedError(f"the text {safe_repr(text, 80)} holds half a character") from None


def _explained(error: json.JSONDecodeError, start: int) -> str:
    if error.msg.startswith("Expecting ',' delimiter"):
        return f'expected "," or "{_open_bracket(error.doc[start : error.pos])}"'
    known = (words for start, words in _WORDING.items() if error.msg.startswith(start))
    return next(known, error.msg)


def _open_bracket(text: str) -> str:
    """Find what closes the innermost list or object that is open at the end of a JSON text."""
    opened: list[str] = []
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                opened.append(token[0])
            case "]" | "}" if opened:
                opened.pop()
    return "]" if opened[-1:] == ["["] else "}"
