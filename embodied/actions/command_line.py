"""Command lines: one call each, as `name, argument, ...` or `name(argument, ...)`."""

from __future__ import annotations

import inspect
import re
from typing import Any

from embodied.actions.arguments import by_name, placed
from embodied.actions.format import Call, FormatError
from embodied.actions.json_values import JsonError, decode, decode_whole, encode
from embodied.actions.literals import enclosed, literal
from embodied.controller import ActionSpec, Controller

_HEAD = re.compile(r"(?P<name>[^\W\d]\w*)\s*(?P<opening>[,(]|\Z)")
_KEYWORD = re.compile(r"(?P<name>[^\W\d]\w*)\s*=(?!=)\s*")
_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(
    r""""(?P<double>[^"\\]*+(?:\\.[^"\\]*+)*+)"|'(?P<single>[^'\\]*+(?:\\.[^'\\]*+)*+)'"""
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_CONSTANTS = {"True": True, "False": False, "None": None}
_NOT_BARE = re.compile(r"[,<\n\r]")
_MODULES = re.compile(r"\b(?:\w+\.)+")


class LineError(FormatError):
    """A line is no command.

    Args:
        what: what is wrong.
        position: where in the line, if one place is to blame.
    """

    def __init__(self, what: str, position: int | None = None) -> None:
        super().__init__(what if position is None else f"column {position + 1}: {what}")


def parse(line: str, controller: type[Controller], *, known: bool = False) -> Call:
    """The call that a line makes, in the form of this module or as a command of the simulator.

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
    spec = controller.actions().get(head["name"]) if head else None
    if head is None or spec is None:
        try:
            name, arguments = controller.command_call(line)
            return Call(name, kwargs=arguments)
        except ValueError:
            if head is None or known:
                raise LineError("this is no command") from None
    return placed(controller, _call(line, head, spec))


def write(controller: type[Controller], call: Call) -> str:
    """The line that `parse` reads as the call. It holds no `<`, so that it cannot hold a tag.

    Raises:
        ValueError: a value cannot be written, or an argument has no name.
    """
    call = placed(controller, call)
    spec = controller.actions().get(call.name)
    arguments = by_name(controller, call)
    parts = [call.name]
    for name in _positional(spec):
        if name not in arguments:
            break
        parts.append(_written(arguments.pop(name), spec, name))
    parts += [f"{name}={_written(value, spec, name)}" for name, value in arguments.items()]
    return ", ".join(parts)


def pattern(spec: ActionSpec) -> str:
    """The form of an action's line, such as `goto, <receptacle>[, <times: int = 1>]`."""
    slots = [(p, _slot(p)) for p in spec.signature.parameters.values()]
    return spec.name + "".join(
        f", {slot}" if p.default is p.empty else f"[, {slot}]" for p, slot in slots
    )


def _slot(parameter: inspect.Parameter) -> str:
    hint = _MODULES.sub("", inspect.formatannotation(parameter.annotation))
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    if parameter.kind is parameter.KEYWORD_ONLY:
        return f"{parameter.name}=<{hint}{default}>"
    return f"<{parameter.name}{'' if hint == 'str' else f': {hint}'}{default}>"


def _positional(spec: ActionSpec | None) -> list[str]:
    parameters = spec.signature.parameters.values() if spec else ()
    return [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]


def _call(line: str, head: re.Match[str], spec: ActionSpec | None) -> Call:
    """The call of a line that begins with a name and what may follow one."""
    in_brackets = head["opening"] == "("
    if in_brackets and not line.endswith(")"):
        raise LineError('expected ")"', len(line))
    text = line[:-1] if in_brackets else line
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    position = _SPACE.match(text, head.end()).end()
    while position < len(text):
        keyword = _KEYWORD.match(text, position)
        if keyword and (in_brackets or _has(spec, keyword["name"])):
            name = keyword["name"]
            if name in kwargs:
                raise LineError(f"{name} is given twice", position)
            kwargs[name], position = _value(text, keyword.end(), spec, name)
        else:
            names = _positional(spec)[len(args) :]
            value, position = _value(text, position, spec, names[0] if names else None)
            args.append(value)
        position = _after(text, position)
    return Call(head["name"], tuple(args), kwargs)
