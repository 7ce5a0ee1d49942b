"""The code that is being rewritten."""

from __future__ import annotations

import ast
import sys
from collections.abc import Set
from typing import NoReturn

from embodied._util import parsing
from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.subset.refusal import UnsupportedError
from embodied.interpreter.source_edits import SourceEdits


class RewriteContext:
    """Source text under change, and what the changed text needs.

    Args:
        source: the text.
        bound: names that are not the built-in ones.
    """

    def __init__(self, source: SourceEdits, bound: Set[str]) -> None:
        self.source = source
        self.bound = bound
        self.needs: dict[str, None] = {}
        self.scopes: list[ast.AST] = []
        """The functions and classes around the part that is looked at, outermost first."""
        self.closed = False
        """Whether that part cannot be changed, as its place in the text is not known."""

    def need(self, definition: str) -> str:
        """Ask for `file.name` of `polyfills`; return its name in the changed text."""
        self.needs[definition.partition(".")[0]] = None
        return polyfills.global_name(definition)

    def is_builtin(self, node: ast.AST, names: Set[str]) -> bool:
        """Whether an expression is one of these built-in names."""
        return isinstance(node, ast.Name) and node.id in names - self.bound

    def is_call_of(self, node: ast.AST, names: Set[str]) -> bool:
        """Whether an expression calls one of these built-in functions."""
        return isinstance(node, ast.Call) and self.is_builtin(node.func, names)

    def can_be_lambda(self, node: ast.AST) -> bool:
        """Whether an expression means the same inside a function: it binds no outer names."""
        if self.scopes and isinstance(self.scopes[-1], ast.ClassDef):
            return False
        parts = parsing.walk(node)
        waits = any(isinstance(part, ast.comprehension) and part.is_async for part in parts)
        return not waits and not any(isinstance(p, ast.NamedExpr | ast.Await) for p in parts)

    def wrap(self, node: ast.expr, opening: str, closing: str = ")") -> None:
        """Put text around an expression."""
        source = self.open(node)
        source.insert_before(source.start(node), opening)
        source.insert_after(source.end(node), closing)

    def refuse(self, node: ast.AST, message: str) -> NoReturn:
        """Refuse the code for a part of it, with what to write instead."""
        raise UnsupportedError(node, message)

    def open(self, node: ast.AST) -> SourceEdits:
        """Return the source, to be changed at a node.

        Raises:
            UnsupportedError: it cannot be changed there.
        """
        if self.closed:
            self.refuse(node, f"put {ast.unparse(node)} into a variable before the f-string")
        return self.source

    def replace(self, node: ast.AST, text: str) -> None:
        """Replace a part of the code."""
        source = self.open(node)
        source.replace(source.start(node), source.end(node), text)

    def is_placed(self, node: ast.FormattedValue) -> bool:
        """Whether the nodes inside the braces of an f-string can be found in the source.

        CPython before 3.12 miscounts some of them; the text before a `=` must stay as it is.
        """
        start, end = self.source.start(node.value), self.source.end(node.value)
        if self.source.text[end:].lstrip(b" )")[:1] == b"=":
            return False
        if sys.version_info >= (3, 12):
            return True
        try:
            found = parsing.parse_expression(b"(" + self.source.text[start:end] + b")").body
        except (SyntaxError, ValueError):
            return False
        return ast.dump(found) == ast.dump(node.value)
