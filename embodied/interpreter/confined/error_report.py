"""What an exception of an action looked like: type, message, line, variables of the line."""

from __future__ import annotations

import ast
import difflib
import traceback
from collections.abc import Iterator, Mapping
from itertools import islice
from types import FrameType, FunctionType, ModuleType
from typing import Any

from .frames import MESSAGE_CHARACTERS
from .values import clean

MAX_VARIABLES = 8
VARIABLE_CHARACTERS = 200
_UNINTERESTING = (FunctionType, ModuleType, type)


def described(value: object, characters: int = VARIABLE_CHARACTERS) -> str:
    """Return the `repr` of a value, shortened; of one that has none, its type."""
    try:
        return shortened(repr(value), characters)
    except (RecursionError, ValueError, MemoryError):
        return f"({type(value).__name__}, too large to show)"


def shortened(text: str, characters: int) -> str:
    """Cut a text where it is longer."""
    return clean(text if len(text) <= characters else f"{text[:characters]}... (cut)")


def of_form(error: BaseException) -> dict[str, Any]:
    """Report an error that was found before anything ran."""
    record = _record(error)
    if isinstance(error, SyntaxError):
        record |= {"message": clean(error.msg or "invalid syntax")}
        record |= {"line": error.lineno or None, "column": error.offset or None}
    return record


def of_run(error: BaseException, sources: Mapping[str, str]) -> dict[str, Any]:
    """Report an error of running code. Its line is the innermost one in the source of any action.

    Args:
        error: the exception.
        sources: the code of each action by its file name.
    """
    record = _record(error)
    found = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename in sources
    ]
    if found:
        frame, line = found[-1]
        record |= {"line": line, "statement": found[0][1]}
        record["message"] += _meant(error, frame)
        source = sources[frame.f_code.co_filename]
        record["variables"] = dict(islice(_variables(frame, _names(source, line)), MAX_VARIABLES))
    return record


def _record(error: BaseException) -> dict[str, Any]:
    try:
        message = shortened(str(error), MESSAGE_CHARACTERS)
    except Exception:
        message = "(an error that cannot be shown)"
    return {"type": clean(type(error).__name__[:100]), "message": message}


def _meant(error: BaseException, frame: FrameType) -> str:
    """For an unknown name, the nearest one that exists."""
    if type(error) is not NameError or not isinstance(error.name, str):
        return ""
    known = [name for name in {**frame.f_globals, **frame.f_locals} if not name.startswith("__")]
    close = difflib.get_close_matches(error.name, known, n=1)
    return f". Did you mean: {close[0]!r}?" if close else ""


def _names(source: str, line: int) -> list[str]:
    """List the names that are read in a line, from left to right."""
    names = (
        (node.lineno, node.col_offset, node.id)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.lineno == line
    )
    return list(dict.fromkeys(name for _, _, name in sorted(names)))


def _variables(frame: FrameType, names: list[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        for scope in (frame.f_locals, frame.f_globals):
            if name in scope and not isinstance(scope[name], _UNINTERESTING):
                try:
                    yield name, described(scope[name])
                except Exception:
                    yield name, f"({type(scope[name]).__name__}, cannot be shown)"
                break
