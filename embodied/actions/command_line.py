"""Command lines: one call each, as `name, argument, ...` or `name(argument, ...)`."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from embodied.actions.arguments import by_name, placed
from embodied.actions.format import Call, FormatError
from embodied.actions.json_values import JsonError, decode, encode
from embodied.actions.literals import enclosed, literal
from embodied.controller import ActionSpec, Controller

_NAME = re.compile(r"[^\W\d]\w*")
_KEYWORD = re.compile(r"(?P<name>[^\W\d]\w*)\s*=(?!=)\s*")
_SINGLE_QUOTED = re.compile(r"'(?P<text>[^'\\]*+(?:\\.[^'\\]*+)*+)'")
_DOUBLE_QUOTED = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_CONSTANTS = {"True": True, "False": False, "None": None, "true": True, "false": False, "null": None}


class LineError(FormatError):
    """A line is no command; `column` counts from 1."""

    def __init__(self, what: str, column: int | None = None) -> None:
        self.what = what
        self.column = column
        super().__init__(what if column is None else f"column {column}: {what}")


def parse(line: str, controller: type[Controller], *, known: bool = False) -> Call:
    """The call that a line makes, in the form of this module or as a command of the simulator.

    Args:
        line: without a line break.
        controller: whose actions, with their types, the line is read for.
        known: whether only actions of the controller count.

    Raises:
        LineError: it makes none.
    """
    actions = controller.actions()
    name = _NAME.match(line)
    inside = _inside(line, name.end()) if name else None
    if name is None or inside is None or name[0] not in actions:
        try:
            return Call(*_command(controller, line))
        except ValueError:
            if known or name is None or inside is None:
                raise LineError("this is no command") from None
    arguments = _Arguments(line, *inside, actions.get(name[0]))
    return placed(controller, arguments.call(name[0]))
