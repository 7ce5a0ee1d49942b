"""Python's own parser, one thread at a time, and quick ways through what it finds.

Before 3.11.8 and 3.12.2, CPython counts the depths of trees that several threads build together and
fails with a SystemError when they meet (python/cpython#106905).
"""

from __future__ import annotations

import ast
from threading import RLock
from typing import Any

PARSER = RLock()
"""Held while anything parses: also while a plugin is imported, as pydantic parses its models."""


def parse(code: str | bytes) -> ast.Module:
    """Parse code into its syntax tree; raises what `ast.parse` raises."""
    with PARSER:
        return ast.parse(code)


def parse_expression(code: str | bytes) -> ast.Expression:
    """Parse one expression into its syntax tree; raises what `ast.parse` raises."""
    with PARSER:
        return ast.parse(code, mode="eval")


def literal(code: str | ast.expr) -> Any:
    """Evaluate a Python literal; raises what `ast.literal_eval` raises."""
    with PARSER:
        return ast.literal_eval(code)


def children(node: ast.AST) -> list[ast.AST]:
    """List the parts of a node in their order, as `ast.iter_child_nodes` does, but without the
    contexts of names and the like (`ast.Load`, …): a third of all nodes, and of no use.
    """
    found: list[ast.AST] = []
    for name in node._fields:
        if name == "ctx":
            continue
        part = getattr(node, name, None)
        if isinstance(part, ast.AST):
            found.append(part)
        elif isinstance(part, list):
            found += [each for each in part if isinstance(each, ast.AST)]
    return found


def walk(node: ast.AST) -> list[ast.AST]:
    """List a node with all below it, nearer ones first, without what `children` leaves out."""
    found = [node]
    for each in found:
        found += children(each)
    return found
