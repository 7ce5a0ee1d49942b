"""Monty's errors in the policy's words, and which of them CPython would not have raised."""

from __future__ import annotations

import builtins
import re

from embodied.interpreter.monty.subset import surface
from embodied.interpreter.monty.subset.advice import NOT_FROM_BUILTIN, ONE_TEXT

UNREAD = "The monty syntax parser does not yet support"
"""Begins the message of code that Monty's parser refuses."""

_NO_ATTRIBUTE = re.compile(r"(module|type object|)\s?'(\w+)'(?: object)? has no attribute '(\w+)'")
_NO_NAME = re.compile(r"cannot import name '(\w+)' from '(\w+)'")
_ARGUMENTS = "exceptions can only be called with zero or one string argument"
_GAPS = re.compile(
    rf"{UNREAD}|cannot suspend in this synchronous context|is not yet supported|"
    rf"^'list' object is not an iterator|cannot create 'object'|{_ARGUMENTS}|cannot be used here; |"
    r"^re\.Match\.\w+\(\) takes no |^(?:frozen)?set\.\w+\(\) takes exactly one argument |"
    r"^unknown encoding: |^cannot convert '\w+' object to bytes"
)
"""Messages of what only Monty cannot do."""
_LACKING = (
    " here: methods cannot be kept as values, and some are missing; call it where it is named, or "
    "write it in another way"
)
_WORDINGS = (
    (
        r"external function '(\w+)(?:\(\))?' cannot suspend in this synchronous context",
        NOT_FROM_BUILTIN.format(r"\1"),
    ),
    (rf"^.*{_ARGUMENTS}", ONE_TEXT),
    (rf"{UNREAD} (.*)", r"\1 cannot be used here; write it in another way"),
    (
        r"^callable replacement is not yet supported in re\.sub\(\)",
        "re.sub() takes a text here, no function; loop over re.finditer()",
    ),
    (
        r"^cannot create 'object' instances",
        "object() cannot be used here; use a dictionary, or a class of your own",
    ),
    (r" \(unknown location\)", ""),
    (r"\b_polyfill_(?:[a-z]+_)?", ""),
)


def reword(message: str) -> str:
    """Put a message of Monty's into the policy's words."""
    for pattern, wording in _WORDINGS:
        message = re.sub(pattern, wording, message)
    if _is_lacking_attribute(message):
        message += _LACKING
    return message


def is_gap(message: str) -> bool:
    """Whether a message of Monty's is about what it lacks of Python."""
    name = _NO_NAME.search(message)
    lacking = name is not None and surface.lacks(name[2], name[1])
    return lacking or bool(_GAPS.search(message)) or _is_lacking_attribute(message)


def is_about_arguments(message: str) -> bool:
    """Whether a message of Monty's is about what an exception was made of."""
    return _ARGUMENTS in message


def _is_lacking_attribute(message: str) -> bool:
    if not (found := _NO_ATTRIBUTE.search(message)):
        return False
    what, owner, name = found.groups()
    if what == "module":
        return surface.lacks(owner, name)
    return hasattr(getattr(builtins, owner, None), name) or name == "__class__"
