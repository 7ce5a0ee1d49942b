"""What `asyncio.gather` does otherwise in Monty, and coroutines that nothing awaits."""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence
from typing import TypeGuard

from embodied._util import parsing
from embodied.interpreter.monty.subset.names import called_name
from embodied.interpreter.monty.subset.refusal import UnsupportedError

_BY_NAME = (
    "gather() takes no arguments by name here; catch errors in an `async def` function of your own"
)
_IN_TRY = (
    "gather() of functions of your own cannot stand in a try statement here; catch errors in these "
    "functions"
)
_LOST = "{0}() is an `async def` function; write `await {0}(...)`"


def check(nodes: Sequence[ast.AST], awaited: Container[ast.expr]) -> None:
    """Raise `UnsupportedError` for the first such part.

    Args:
        nodes: all parts of the code.
        awaited: the names of the robot's actions, where calls of them are awaited.
    """
    functions = {node.name for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
    plain = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        match node:
            case ast.Call(keywords=[_, *_]) if _gathers(node) and "gather" not in plain:
                raise UnsupportedError(node, _BY_NAME)
            case ast.Try(body=body):
                parts = (part for statement in body for part in parsing.walk(statement))
                for call in filter(_gathers, parts):
                    if not all(_is_action(given, awaited) for given in call.args):
                        raise UnsupportedError(call, _IN_TRY)
            case ast.Expr(value=ast.Call(func=ast.Name(id=name))) if name in functions - plain:
                raise UnsupportedError(node, _LOST.format(name))


def _gathers(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and called_name(node) == "gather"


def _is_action(given: ast.expr, awaited: Container[ast.expr]) -> bool:
    match given:
        case ast.Call(func=called):
            return called in awaited
        case ast.Starred(value=ast.ListComp(elt=part) | ast.GeneratorExp(elt=part)):
            return _is_action(part, awaited)
    return False
