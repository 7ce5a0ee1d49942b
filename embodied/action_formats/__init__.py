"""The action formats."""

from __future__ import annotations

from importlib import import_module

from embodied.action_formats.format import ActionFormat, Call, CallFormat, FormatError, Reading
from embodied.controller import Controller

__all__ = ["ActionFormat", "Call", "CallFormat", "FormatError", "Reading", "make_format"]

_FORMATS = {
    "code": "CodeFormat",
    "json": "JsonFormat",
    "text": "TextFormat",
    "tools": "ToolsFormat",
}


def make_format(name: str, controller: type[Controller]) -> ActionFormat:
    """The action format of the given name (`code`, `json`, `text`, `tools`) for a controller."""
    module = import_module(f"embodied.action_formats.as_{name}")
    made: ActionFormat = getattr(module, _FORMATS[name])(controller)
    return made
