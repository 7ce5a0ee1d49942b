"""The action formats."""

from __future__ import annotations

from embodied.action_formats.as_code import CodeFormat
from embodied.action_formats.format import ActionFormat, Call, CallFormat, FormatError, ParsedAction
from embodied.controller import Controller
from embodied.plugins.registry import load

__all__ = [
    "FORMATS",
    "ActionFormat",
    "Call",
    "CallFormat",
    "CodeFormat",
    "FormatError",
    "ParsedAction",
    "format_class",
    "make_format",
]

FORMATS = "embodied.action_formats"
"""The entry-point group."""


def format_class(name: str) -> type[ActionFormat]:
    """Find an action format by its name, as registered or `path/to/file.py:Class`.

    Raises:
        ConfigError: there is none of this name, or it cannot be loaded.
    """
    return load(FORMATS, name, ActionFormat)  # type: ignore[no-any-return]


def make_format(name: str, controller: type[Controller]) -> ActionFormat:
    """Make the action format of a name for a controller."""
    return format_class(name)(controller)
