"""Changes to source text by position, which leave every line where it was."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from typing import Any

_COMMENT = re.compile(rb"#[^\n]*")


class OverlapError(Exception):
    """Two changes concern the same text."""


class SourceEdits:
    """Source text, the positions of syntax nodes in it, and changes to be made.

    Positions are byte offsets into the UTF-8 text, as the nodes of `ast` count them.
    """

    def __init__(self, code: str) -> None:
        self.text = code.encode()
        self._starts = line_starts(self.text)
        self._edits: list[tuple[int, tuple[int, int], int, bytes]] = []
        """Where each begins, its order there, where it ends, and the new text."""

    def start(self, node: ast.AST) -> int:
        """Find where a node begins."""
        place: Any = node
        return int(self._starts[place.lineno - 1] + place.col_offset)

    def end(self, node: ast.AST) -> int:
        """Find where a node ends, exclusive."""
        place: Any = node
        return int(self._starts[place.end_lineno - 1] + place.end_col_offset)

    def between(self, start: int, end: int) -> bytes:
        """Return the text of a gap between nodes, its comments blanked out."""
        return _COMMENT.sub(lambda comment: b" " * len(comment[0]), self.text[start:end])

    def insert_before(self, position: int, text: str) -> None:
        """Insert text in front of what begins here; what was inserted first stays outside."""
        self._edits.append((position, (1, len(self._edits)), position, text.encode()))

    def insert_after(self, position: int, text: str) -> None:
        """Insert text behind what ends here; what was inserted first stays outside."""
        self._edits.append((position, (0, -len(self._edits)), position, text.encode()))

    def replace(self, start: int, end: int, text: str) -> None:
        """Replace text, keeping the line breaks that it contains."""
        breaks = self.text.count(b"\n", start, end)
        self._edits.append((start, (2, 0), end, text.encode() + b"\n" * breaks))

    def edited(self) -> EditedSource:
        """Make all changes.

        Raises:
            OverlapError: two of them concern the same text.
        """
        parts: list[bytes] = []
        shifts: list[tuple[int, int]] = [(0, 0)]
        at = made = 0
        for start, _, end, text in sorted(self._edits):
            if start < at:
                raise OverlapError
            parts += [self.text[at:start], text]
            made += start - at + len(text)
            at = end
            shifts.append((made, at))
        parts.append(self.text[at:])
        return EditedSource(b"".join(parts), self.text, shifts)


class EditedSource:
    """Changed source text that knows where its parts came from."""

    def __init__(self, text: bytes, original: bytes, shifts: list[tuple[int, int]]) -> None:
        self.text = text.decode()
        self._original = original
        self._shifts = shifts
        self._starts = line_starts(text)

    def column(self, line: int, column: int) -> int:
        """Find the column of the original line for one of the changed line; both count from 1."""
        begin = self._starts[line - 1]
        changed = self.text.encode()[begin:].split(b"\n", 1)[0].decode()
        position = begin + len(changed[: column - 1].encode())
        found = bisect_right(self._shifts, position, key=lambda shift: shift[0]) - 1
        made, at = self._shifts[found]
        ends = [*(end for _, end in self._shifts[1:]), len(self._original)]
        original = min(at + position - made, ends[found])
        begin = self._original.rfind(b"\n", 0, original) + 1
        return len(self._original[begin:original].decode(errors="replace")) + 1


def line_starts(text: bytes) -> list[int]:
    """Find the byte offset of the beginning of each line."""
    return [0, *(found.end() for found in re.finditer(rb"\n", text))]
