"""Calls as JSON objects, in the variants that models write, and in the one that is right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from embodied._util.json_text import unwrapped
from embodied._util.jsonable import safe_repr
from embodied.action_formats.arguments import to_named, to_positional
from embodied.action_formats.format import Call, FormatError
from embodied.action_formats.json_values import JsonError, decode, decode_whole, encode
from embodied.controller import Controller

MAX_CALLS = 1000
"""Calls of one action."""

NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action")
ARGUMENT_KEYS = (
    "arguments",
    "args",
    "kwargs",
    "parameters",
    "params",
    "action_input",
    "tool_input",
    "input",
)
TOGETHER = "together"
"""The key of calls that run side by side."""
OTHER_KEYS = ("id", "type", "thought", "thoughts", "reasoning")
"""What may stand beside them and means nothing."""

_VALUE = re.compile(r"[^ \t\r\n,]")
_FORM = '{"name": ..., "arguments": {...}}'


def parse(text: str, controller: type[Controller]) -> list[Call]:
    """Read the calls of a text of JSON values, each an object or a list of objects. An object with
    the one key `together` holds a list of calls that run side by side.

    Raises:
        FormatError: the text is not JSON, or something in it is no call.
    """
    calls: list[Call] = []
    for value, group in _grouped(_values(text)):
        if len(calls) == MAX_CALLS:
            raise FormatError(f"an action may hold no more than {MAX_CALLS} calls")
        call = replace(_call(value, f"call {len(calls) + 1}"), group=group)
        calls.append(to_positional(controller, call))
    return calls


def write(controller: type[Controller], calls: Sequence[Call]) -> str:
    """Write the calls in the right form: one as an object, several as a list, one a line.

    Raises:
        ValueError: JSON cannot hold them, or an argument has no name.
    """
    values = [_written(controller, list(group)) for _, group in groups(calls)]
    return values[0] if len(values) == 1 else _list(values)


def groups(calls: Sequence[Call]) -> Iterator[tuple[int, list[Call]]]:
    """Yield the calls that run side by side together, each other one alone, with the number of the
    first, counted from 1.
    """
    numbered = enumerate(calls, start=1)
    for _, found in groupby(numbered, key=lambda each: (each[1].group, each[1].group or each[0])):
        group = list(found)
        yield group[0][0], [call for _, call in group]


def _written(controller: type[Controller], group: Sequence[Call]) -> str:
    objects = [
        encode({"name": call.name, "arguments": to_named(controller, call)}) for call in group
    ]
    return objects[0] if group[0].group is None else f'{{"{TOGETHER}": {_list(objects)}}}'


def _list(values: Sequence[str]) -> str:
    return "[\n{}\n]".format(",\n".join(values))


def _grouped(values: Iterable[Any]) -> Iterator[tuple[Any, int | None]]:
    """Yield the objects of calls, and the number of the group that each belongs to."""
    number = 0
    for value in values:
        if not (isinstance(value, dict) and value.keys() == {TOGETHER}):
            yield value, None
            continue
        if not isinstance(value[TOGETHER], list):
            raise FormatError(
                f'"{TOGETHER}" holds {safe_repr(value[TOGETHER], 80)}, not a list of calls'
            )
        number += 1
        yield from ((member, number) for member in value[TOGETHER])


def _values(text: str) -> Iterator[Any]:
    """Yield the values, and those of lists; white space and commas may stand between them."""
    position = 0
    while start := _VALUE.search(text, position):
        if start[0] not in "{[":
            raise JsonError(f"expected a call, such as {_FORM}", text, start.start())
        value, position = decode(text, start.start())
        yield from value if isinstance(value, list) else [value]


def _call(value: Any, which: str) -> Call:
    if not isinstance(value, dict):
        raise FormatError(f"{which} is {safe_repr(value, 80)}; a call is an object {_FORM}")
    unknown = value.keys() - {*NAME_KEYS, *ARGUMENT_KEYS, *OTHER_KEYS}
    if unknown:
        raise FormatError(
            f"{which} has the key {safe_repr(min(unknown), 80)}; a call is an object {_FORM}"
        )
    name_key = _the_key(value, NAME_KEYS, which)
    argument_key = _the_key(value, ARGUMENT_KEYS, which)
    name = value[name_key] if name_key else None
    if isinstance(name, dict) and argument_key is None:
        return _call(name, which)
    if not isinstance(name, str) or not name.strip():
        raise FormatError(f"{which} has no name; a call is an object {_FORM}")
    value_of_arguments = value[argument_key] if argument_key else None
    return _with_arguments(name.strip(), value_of_arguments, f"{which} ({safe_repr(name, 80)})")


def _the_key(value: dict[str, Any], keys: Sequence[str], which: str) -> str | None:
    found = [key for key in keys if key in value]
    if len(found) > 1:
        raise FormatError(f'{which} has both "{found[0]}" and "{found[1]}"; give one of them')
    return found[0] if found else None


def _with_arguments(name: str, arguments: Any, which: str) -> Call:
    """Make a call whose arguments are an object, a list, a text of these, or a single value."""
    match unwrapped(arguments) if isinstance(arguments, str) else arguments:
        case None:
            return Call(name)
        case dict() as named:
            return Call(name, kwargs=named)
        case list() as values:
            return Call(name, tuple(values))
        case str() as text if not text.strip():
            return Call(name)
        case str() as text if text.lstrip()[0] in "{[":
            return _with_arguments(name, read_arguments(text.strip(), which), which)
    return Call(name, (arguments,))


def read_arguments(text: str, which: str) -> Any:
    """Read the arguments of a call that are JSON in a text.

    Raises:
        FormatError: they are none.
    """
    try:
        return decode_whole(text)
    except JsonError as error:
        raise FormatError(f"the arguments of {which} are not JSON: {error}") from None
