"""What only the full interpreter can do with pictures: look at their pixels, and make new ones."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from embodied.interpreter.monty.subset.refusal import UnsupportedError

_METHODS = {"to_array", "to_pil", "from_array", "from_pil"}


def check(nodes: Sequence[ast.AST]) -> None:
    """Raise `UnsupportedError` where code does that."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in _METHODS:
            raise UnsupportedError(
                node, f"{node.attr}() is not available here; pictures can be shown and passed on"
            )
