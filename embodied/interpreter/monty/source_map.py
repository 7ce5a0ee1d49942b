"""Where in the policy's code something happens, as far as Monty tells."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Sequence

from embodied.interpreter.monty.subset.names import called_name
from embodied.interpreter.source_edits import line_starts


class SourceMap:
    """Finds positions in the policy's sources."""

    def __init__(self, sources: Sequence[str | None]) -> None:
        self._sources = sources
        self._last = f"<python-input-{len(sources) - 1}>"
        self._starts: dict[str, list[int]] = {}

    def knows(self, file: str) -> bool:
        """Whether the policy wrote a file."""
        return file == self._last or self._source(file) is not None

    def is_last(self, file: str) -> bool:
        """Whether a file is the action that runs now."""
        return file == self._last

    def line(self, file: str, offset: int) -> int | None:
        """Find the line of a place in a file, counted from 1; the offset is one of bytes."""
        if file not in self._starts:
            source = self._source(file)
            if source is None:
                return None
            self._starts[file] = line_starts(source.encode())
        return bisect_right(self._starts[file], offset)

    def _source(self, file: str) -> str | None:
        number = re.fullmatch(r"<python-input-(\d{1,9})>", file)
        if number is None or int(number[1]) >= len(self._sources):
            return None
        return self._sources[int(number[1])]


def call_lines(tree: ast.Module, name: str) -> list[int]:
    """Find the lines in which code calls a function or, for `__init__`, one of its classes."""
    names = {name}
    if name == "__init__":
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sorted({call.lineno for call in calls if called_name(call) in names})


def odd_raises(tree: ast.Module) -> list[int]:
    """Find the lines that raise an exception made of something else than one piece of text."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(args=[] | [ast.Constant(value=str()) | ast.JoinedStr()])):
                continue
            case ast.Raise(exc=ast.Call()):
                found.add(node.lineno)
    return sorted(found)


def possible_raise_lines(tree: ast.Module, line: int, column: int) -> list[int]:
    """Find the lines where an error may have been raised that Monty places here; none: it is right.

    It places an error wrongly that has passed an `except` without being caught, or a `finally`.

    Args:
        tree: the code.
        line: where Monty places the error, counted from 1.
        column: likewise.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            last = node.finalbody[-1:]
            held: list[ast.expr | ast.stmt] = [
                *last,
                *(h.type for h in node.handlers if h.type is not None),
            ]
            named = [handler.body[-1] for handler in node.handlers if handler.name]
            last += [part for part in named if (part.lineno, part.col_offset + 1) == (line, column)]
            if any(_holds(part, line, column) for part in [*held, *last]):
                body = [part for statement in node.body for part in ast.walk(statement)]
                places = [part for part in (*body, *last) if isinstance(part, ast.stmt)]
                return sorted({part.lineno for part in places})
    return []


def _holds(node: ast.expr | ast.stmt, line: int, column: int) -> bool:
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    return start <= (line, column - 1) < end
