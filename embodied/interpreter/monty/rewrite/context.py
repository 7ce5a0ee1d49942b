"""The code that is being rewritten."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Set

from embodied._util import parsing
from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.rewrite.source_edits import Source
from embodied.interpreter.monty.rewrite.unsupported import RefusedError


class Site:
    """Source text under change, and what the changed text needs.

    Args:
        source: the text.
        bound: names that are not the built-in ones.
    """

    def __init__(self, source: Source, bound: Set[str]) -> None:
        self.source = source
        self.bound = bound
        self.needs: dict[str, None] = {}
        self.scopes: list[ast.AST] = []
        """The functions and classes around the part that is looked at, outermost first."""
        self.closed = False
        """Whether that part cannot be changed, as its place in the text is not known."""

    def need(self, definition: str) -> str:
        """The name under which the changed text finds a definition of the prelude."""
        self.needs[definition] = None
        return polyfills.global_name(definition)

    def is_builtin(self, node: ast.AST, names: Set[str]) -> bool:
        """Whether an expression is one of these built-in names."""
        return isinstance(node, ast.Name) and node.id in names - self.bound

    def open(self, node: ast.AST) -> Source:
        """The source, to be changed at a node.

        Raises:
            RefusedError: it cannot be changed there.
        """
        if self.closed:
            message = f"put {ast.unparse(node)} into a variable before the f-string"
            raise RefusedError(node, "NotImplementedError", message)
        return self.source

    def rename(self, node: ast.AST, definition: str) -> None:
        """Replace a name by that of a definition of the prelude."""
        source = self.open(node)
        source.replace(source.start(node), source.end(node), self.need(definition))

    def wrap(self, node: ast.Attribute, opening: str, closing: str = ")") -> None:
        """Put text before the value of an attribute, and other text in place of the attribute."""
        source = self.open(node)
        value_end, end = source.end(node.value), source.end(node)
        gap = source.between(value_end, end)
        dot = gap.rfind(b".")
        if gap[dot + 1 :].strip() != node.attr.encode():
            raise RefusedError(node, "NotImplementedError", f"write .{node.attr} on one line")
        source.insert_before(source.start(node), opening)
        source.replace(value_end + dot, end, closing)

    def word(self, start: int, end: int, word: str) -> int:
        """Where a keyword or bracket stands in the gap between two nodes."""
        pattern = rf"\b{word}\b" if word.isalpha() else re.escape(word)
        found = re.search(pattern.encode(), self.source.between(start, end))
        if found is None:
            raise ValueError(f"there is no {word!r} between {start} and {end}")
        return start + found.start()

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
