"""Command lines: one call each, as `name, argument, ...` or `name(argument, ...)`."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from typing import Any

from embodied.action_formats.arguments import to_named, to_positional
from embodied.action_formats.format import Call, FormatError
from embodied.action_formats.json_values import (
    JsonError,
    decode,
    decode_whole,
    enclosed,
    encode,
    literal,
)
from embodied.api_text import type_name
from embodied.controller import ActionSpec, Controller

_HEAD = re.compile(r"(?P<name>[^\W\d]\w*)\s*(?P<opening>[,(]|\Z)")
_KEYWORD = re.compile(r"(?P<name>[^\W\d]\w*)\s*=(?!=)\s*")
_QUOTED = re.compile(
    r""""(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)"|'(?P<single>[^'\\]*+(?:\\.[^'\\]*+)*+)'"""
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CONSTANTS = {"True": True, "False": False, "None": None}
_NOT_BARE = re.compile(r"[,<\n\r]|\A['\"=]")


class LineError(FormatError):
    """A line is no command.

    Args:
        what: what is wrong.
        position: where in the line, if one place is to blame.
    """

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(what if position is None else f"column {position + 1}: {what}")


def parse(line: str, controller: type[Controller], *, known: bool = False) -> Call:
    """Read the call that a line makes, in this module's form or as a command of the simulator.

    A parameter of the type `str` takes the bare text up to the next comma, or text in quotes. Any
    other takes JSON or a Python literal, or bare text where only that fits.

    Args:
        line: without white space around it.
        controller: whose actions, with their types, the line is read for.
        known: whether only the controller's own actions count.

    Raises:
        LineError: it makes none.
    """
    head = _HEAD.match(line)
    spec = _action(head["name"], controller) if head else None
    if head is None or spec is None:
        call = _command_call(line, controller)
        if call is not None:
            return to_positional(controller, call)
        if head is None or known:
            raise LineError("this is no command")
    return to_positional(controller, _call(line, head, spec))


def _action(name: str, controller: type[Controller]) -> ActionSpec | None:
    """Find the action of a name; the case counts only where names differ in nothing else."""
    actions = controller.actions()
    alike = [spec for other, spec in actions.items() if other.lower() == name.lower()]
    return actions.get(name) or (alike[0] if len(alike) == 1 else None)


def _command_call(line: str, controller: type[Controller]) -> Call | None:
    """Read a command of the simulator, whose first word, or all of it, may be in another case."""
    first, _, rest = line.partition(" ")
    for command in dict.fromkeys((line, f"{first.lower()} {rest}".rstrip(), line.lower())):
        try:
            name, arguments = controller.command_call(command)
        except ValueError:
            continue
        return Call(name, kwargs=arguments)
    return None


def write(controller: type[Controller], call: Call) -> str:
    """Write the line that `parse` reads as the call. It has no `<`, so that it cannot hold a tag.

    Raises:
        ValueError: a value cannot be written, or an argument has no name.
    """
    call = to_positional(controller, call)
    spec = controller.actions().get(call.name)
    arguments = to_named(controller, call)
    parts = [call.name]
    for name in _positional(spec):
        if name not in arguments:
            break
        parts.append(_write(arguments.pop(name), spec, name))
    parts += [f"{name}={_write(value, spec, name)}" for name, value in arguments.items()]
    return ", ".join(parts)


def pattern(spec: ActionSpec) -> str:
    """Show the form of an action's line, such as `goto, <receptacle>[, <times: int = 1>]`."""
    slots = [(p, _slot(p)) for p in spec.signature.parameters.values()]
    return spec.name + "".join(
        f", {slot}" if p.default is p.empty else f"[, {slot}]" for p, slot in slots
    )


def _slot(parameter: inspect.Parameter) -> str:
    hint = type_name(parameter.annotation)
    default = "" if parameter.default is parameter.empty else f" = {_default(parameter.default)}"
    if parameter.kind is parameter.KEYWORD_ONLY:
        return f"{parameter.name}=<{hint}{default}>"
    return f"<{parameter.name}{'' if hint == 'str' else f': {hint}'}{default}>"


def _default(value: object) -> str:
    return repr(value.value) if isinstance(value, Enum) else repr(value)


def _positional(spec: ActionSpec | None) -> list[str]:
    parameters = spec.signature.parameters.values() if spec else ()
    return [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]


def _call(line: str, head: re.Match[str], spec: ActionSpec | None) -> Call:
    """Read the call of a line that begins with a name and what may follow one."""
    in_brackets = head["opening"] == "("
    if in_brackets and not line.endswith(")"):
        raise LineError('expected ")"', len(line))
    text = line[:-1] if in_brackets else line
    names, parameters = _positional(spec), spec.signature.parameters if spec else {}
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    position = _skip(text, head.end())
    while position < len(text):
        keyword = _KEYWORD.match(text, position)
        if keyword and (in_brackets or spec is None or keyword["name"] in parameters):
            name = keyword["name"]
            if name in kwargs:
                raise LineError(f"{name} is given twice", position)
            kwargs[name], end = _value(text, keyword.end(), spec, name)
        else:
            name = names[len(args)] if len(args) < len(names) else None
            value, end = _value(text, position, spec, name)
            args.append(value)
        position = _after(text, end)
    return Call(spec.name if spec else head["name"], tuple(args), kwargs)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _after(text: str, end: int) -> int:
    """Where the next argument begins, after one that ends at `end`."""
    position = _skip(text, end)
    if position < len(text) and text[position] != ",":
        raise LineError('expected ","', position)
    return _skip(text, position + 1)


def _value(text: str, start: int, spec: ActionSpec | None, name: str | None) -> tuple[Any, int]:
    """Read the argument that begins at `start`; return it and where it ends."""
    parameter = spec.signature.parameters.get(name or "") if spec else None
    is_text = parameter is None or parameter.annotation is str
    match text[start : start + 1]:
        case "" | ",":
            raise LineError("expected an argument", start)
        case '"':
            return _in_double_quotes(text, start)
        case "'" if (quoted := _QUOTED.match(text, start)) and _ends(text, quoted.end()):
            return _unescaped(quoted["single"]), quoted.end()
        case "[" | "{" | "(" if not is_text:
            return _structure(text, start)
    comma = text.find(",", start)
    end = len(text) if comma < 0 else comma
    word = text[start:end].strip()
    if spec is None or parameter is None or is_text:
        return word, end
    return _fitting(word, spec, parameter.name), end


def _ends(text: str, position: int) -> bool:
    after = _skip(text, position)
    return text[after : after + 1] in ("", ",")


def _in_double_quotes(text: str, start: int) -> tuple[str, int]:
    try:
        value, end = decode(text, start)
        return str(value), end
    except JsonError as error:
        quoted = _QUOTED.match(text, start)
        if quoted is None or error.position is None:
            raise LineError(error.what, error.position) from None
        return _unescaped(quoted["double"]), quoted.end()


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[0]), text)


def _structure(text: str, start: int) -> tuple[Any, int]:
    """Read a list or object, as JSON or as a Python literal."""
    try:
        return decode(text, start)
    except JsonError as error:
        end = enclosed(text, start)
        try:
            return literal(text[start:end]), end or len(text)
        except ValueError:
            raise LineError(error.what, error.position) from None


def _fitting(word: str, spec: ActionSpec, name: str) -> Any:
    """Take a bare word for a value that fits the parameter, if there is one."""
    try:
        meanings = [_CONSTANTS[word] if word in _CONSTANTS else decode_whole(word), word]
    except JsonError:
        meanings = [word]
    for meaning in meanings:
        try:
            spec.checked(name, meaning)
        except TypeError:
            continue
        return meaning
    return meanings[0]


def _write(value: Any, spec: ActionSpec | None, name: str) -> str:
    """Write a value as `_value` reads it: bare where it can be, else as JSON."""
    bare = isinstance(value, str) and value and not _NOT_BARE.search(value)
    if bare and not _KEYWORD.match(value):
        try:
            if _value(value, 0, spec, name) == (value, len(value)):
                return str(value)
        except LineError:
            pass
    return encode(value)
