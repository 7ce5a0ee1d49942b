"""Functions that Monty calls without being able to wait, as it must for the robot."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence, Set

from embodied._util import parsing
from embodied.interpreter.monty.subset.advice import NOT_FROM_BUILTIN
from embodied.interpreter.monty.subset.names import called_name
from embodied.interpreter.monty.subset.refusal import UnsupportedError

_FIRST = {
    "defaultdict",
    "dropwhile",
    "filter",
    "filterfalse",
    "map",
    "reduce",
    "starmap",
    "takewhile",
}
"""Functions that call their first argument."""
_WAITING = {"__init__", "__enter__", "__exit__", "__call__"}
"""Special methods in which the robot can be called."""


def reaching(nodes: Sequence[ast.AST], actions: Set[str]) -> frozenset[str]:
    """Find the functions that may call the robot.

    Args:
        nodes: all parts of the code.
        actions: the robot's, and functions of earlier code that may call them.

    Returns:
        Their names, and those of `actions`.
    """
    names = {name: _used(function) for name, function in _functions(nodes)}
    found = set(actions)
    while new := {name for name, used in names.items() if used & found} - found:
        found |= new
    return frozenset(found)


def check(nodes: Sequence[ast.AST], reaching: Set[str]) -> None:
    """Raise `UnsupportedError` where a built-in function or an operator may call the robot."""
    for function in _callbacks(nodes):
        if found := _used(function) & reaching:
            raise UnsupportedError(function, NOT_FROM_BUILTIN.format(min(found)))


def _functions(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda() as function):
                yield name, function


def _used(function: ast.AST) -> set[str]:
    """Collect the names that a function uses, those of methods among them."""
    parts = parsing.walk(function)
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def _callbacks(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        match node:
            case ast.Call(args=args, keywords=keywords):
                is_first = called_name(node) in _FIRST or (called_name(node) == "iter" and args[1:])
                given = args[: bool(is_first)] + [k.value for k in keywords if k.arg == "key"]
                yield from (part for part in given if not _is_evaluated(part))
            case ast.ClassDef(body=body):
                yield from filter(_cannot_wait, body)


def _is_evaluated(node: ast.expr) -> bool:
    """Whether an argument is called before the function that it is given to."""
    return isinstance(node, ast.Call) and called_name(node) != "partial"


def _cannot_wait(node: ast.stmt) -> bool:
    name = node.name if isinstance(node, ast.FunctionDef) else ""
    return name.startswith("__") and name not in _WAITING
