"""The refusal of code before any of it has run."""

from __future__ import annotations

import ast
from typing import Any

from embodied.trajectory import ErrorRecord


class UnsupportedError(Exception):
    """Code cannot be run, for a part of it.

    Args:
        node: that part.
        message: what is wrong, and what to write instead.
        kind: of the error that the policy is shown.
        lacking: whether the restricted interpreter lacks it, rather than Python itself.
    """

    def __init__(
        self,
        node: ast.AST,
        message: str,
        kind: str = "NotImplementedError",
        *,
        lacking: bool = True,
    ) -> None:
        super().__init__(message)
        place: Any = node
        self.lacking = lacking
        self.record = ErrorRecord(
            type=kind, message=message, line=place.lineno, column=place.col_offset + 1
        )
