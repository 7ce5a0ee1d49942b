"""JSON as policies write it: read strictly, within bounds, with the place of each mistake. And
Python literals that stand for it.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from typing import Any, NoReturn

from embodied._util import parsing
from embodied._util.jsonable import safe_repr
from embodied.action_formats.format import FormatError

MAX_DEPTH = 100
"""Lists and objects within each other."""
MAX_DIGITS = 100
"""Of a whole number."""
MAX_CHARACTERS = 50_000
"""Of one Python literal."""

_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
    r"|'[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z)"
    r"|[\[\](){}]",
    re.DOTALL,
)
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

    def __init__(self, what: str, text: str = "", position: int | None = None) -> None:
        self.what = what
        self.position = position
        if position is not None:
            line = text.count("\n", 0, position) + 1
            column = position - text.rfind("\n", 0, position)
            what = f"line {line}, column {column}: {what}"
        super().__init__(what)


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
    except RecursionError:
        raise JsonError(_TOO_DEEP) from None
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


def enclosed(text: str, start: int) -> int | None:
    """Where the bracket that opens at `start` ends, text in quotes skipped; None: it does not."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0] in "([{":
            depth += 1
        elif token[0] in ")]}":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def literal(text: str | ast.expr) -> Any:
    """Read a Python literal, as JSON holds its value.

    Raises:
        ValueError: it is none, or JSON cannot hold it.
    """
    if isinstance(text, str) and len(text) > MAX_CHARACTERS:
        raise ValueError(f"a value may have no more than {MAX_CHARACTERS} characters")
    try:
        return decode_whole(json.dumps(parsing.literal(text), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError("this is no literal that JSON can hold") from None


def encode(value: Any) -> str:
    """Write a value as one line of JSON that has no `<`, so that it cannot end or begin a tag.

    Raises:
        ValueError: JSON cannot hold it.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


_TOO_DEEP = f"lists and objects are nested deeper than {MAX_DEPTH}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise JsonError(f"the key {safe_repr(twice, 80)} stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonError(f"the number {safe_repr(digits, 80)} is too large")
    return number


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not a number that can be used")


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
                try:
                    item.encode()
                except UnicodeEncodeError:
                    shown = safe_repr(item, 80)
                    raise JsonError(f"the text {shown} holds half a character") from None
            case dict() | list() if depth > MAX_DEPTH:
                raise JsonError(_TOO_DEEP)
            case dict():
                waiting += [(part, depth + 1) for pair in item.items() for part in pair]
            case list():
                waiting += [(part, depth + 1) for part in item]


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
