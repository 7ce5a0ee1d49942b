"""The expressions between braces in a game's grammar, e.g. `{o.indefinite + ' ' + o.name}`.

TextWorld hands them to Python's `eval`, which would run whatever a game file holds (and which finds
no variables on Python 3.13). Here they are what the grammars of ALFWorld use and nothing else:
names, a few attributes of entities, strings, `+` and `or`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from embodied._util.parsing import parse_expression

Expression = Callable[[Mapping[str, Any]], Any]
"""The value of an expression under the entities that its names stand for."""

ATTRIBUTES = frozenset({"id", "name", "type", "definite", "indefinite"})
MAX_LENGTH = 1000


class UnsupportedExpressionError(ValueError):
    """A grammar holds an expression of another kind."""


@lru_cache(maxsize=1024)
def compile_expression(text: str) -> Expression:
    """Compile the expression that a text holds.

    Raises:
        UnsupportedExpressionError: it uses anything else than said above.
    """
    if len(text) > MAX_LENGTH:
        raise UnsupportedExpressionError("an expression is too long")
    try:
        return _compiled(parse_expression(text.strip()).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnsupportedExpressionError(f"the expression {text!r:.80}: {error}") from None


@lru_cache(maxsize=1024)
def names_in(text: str) -> frozenset[str]:
    """Return the variables of an expression that compiles."""
    nodes = ast.walk(parse_expression(text.strip()))
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def _compiled(node: ast.expr) -> Expression:
    match node:
        case ast.Constant(value=str() as value):
            return lambda entities: value
        case ast.Name(id=name):
            return lambda entities: entities[name]
        case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in ATTRIBUTES:
            return lambda entities: getattr(entities[name], attribute)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(left) and _is_text(right):
            first, second = _compiled(left), _compiled(right)
            return lambda entities: first(entities) + second(entities)
        case ast.BoolOp(op=ast.Or(), values=[left, right]):
            first, second = _compiled(left), _compiled(right)
            return lambda entities: first(entities) or second(entities)
    raise UnsupportedExpressionError(f"{ast.unparse(node)!r:.80} is not allowed")


def _is_text(node: ast.expr) -> bool:
    """Return whether a value is always a string, not an entity."""
    if isinstance(node, ast.BoolOp):
        return all(_is_text(value) for value in node.values)
    return not isinstance(node, ast.Name)
