"""Code as Python's parser read it, and what is found out about it once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property

from embodied._util import parsing
from embodied.interpreter.bound_names import BoundNames


@dataclass(frozen=True)
class ParsedCode:
    """One code action."""

    text: str
    tree: ast.Module
    """Its syntax tree, which a session may change when it runs it."""

    @classmethod
    def parse(cls, text: str) -> ParsedCode:
        """Read code.

        Raises:
            SyntaxError, RecursionError, MemoryError: as CPython's parser; null characters and
                unreadable numbers are syntax errors, too.
        """
        try:
            return cls(text, parsing.parse(text))
        except SyntaxError:
            raise
        except ValueError as error:
            raise SyntaxError(str(error)) from None

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every part of the tree, as it was before it was changed."""
        return parsing.walk(self.tree)

    @cached_property
    def names(self) -> BoundNames:
        """The names that it may bind."""
        return BoundNames.of(self.nodes)
