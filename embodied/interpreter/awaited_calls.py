"""The calls of the robot whose results code awaits: these begin, and the code goes on.

In plans, actions are called plainly: `x = move(1)` waits for the result. A call that is awaited, as
in `await move(1)` or `await asyncio.gather(left(1), right(2))`, is begun instead. Which calls these
are is read off the code: those that stand where something is awaited, and those that get there by a
variable, a list or a function's result.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import TypeAlias

from embodied._util import parsing
from embodied.controller import Controller
from embodied.interpreter.confined.begun_calls import PREFIX

__all__ = ["PREFIX", "AwaitedCalls", "awaited_calls"]

AwaitedCalls: TypeAlias = Mapping[ast.expr, str]
"""The actions that are called, by the parts of the code that name them."""
_AWAITING = {"as_completed", "create_task", "ensure_future", "gather", "shield", "wait_for"}
_AWAITING |= {"run_until_complete"}
"""Functions that await what they are given."""
_OF_ASYNCIO = {"run", "wait"}
"""Likewise, where they are called as asyncio's."""
_ADDING = {"add", "append", "appendleft", "extend", "insert", "setdefault"}
"""Methods that put something into what they are called on."""
_PASSING = {"dict", "enumerate", "filter", "list", "reversed", "set", "sorted", "tuple", "zip"}
"""Functions that hand on what they are given."""


def awaited_calls(nodes: Sequence[ast.AST], actions: Mapping[str, str]) -> AwaitedCalls:
    """Find the calls of actions that are awaited.

    Args:
        nodes: all parts of the code.
        actions: the robot's actions, by what can only mean them in code: a name, or one with a dot.

    """
    if not any(isinstance(node, ast.Await | ast.Call) and _awaits(node) for node in nodes):
        return {}
    return _Search(nodes, actions).found


def _awaits(node: ast.AST) -> bool:
    match node:
        case ast.Await():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in _AWAITING
        case ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr=name)):
            return name in _AWAITING | _OF_ASYNCIO
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _AWAITING
    return False


class _Search:
    """Follows what is awaited back to where it comes from."""

    def __init__(self, nodes: Sequence[ast.AST], actions: Mapping[str, str]) -> None:
        self.found: dict[ast.expr, str] = {}
        self._actions = actions
        self._names: set[str] = set()
        """Variables, and functions, that hold or return what is awaited."""
        functions = (n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        self._functions = {node.name: node for node in functions}
        for node in nodes:
            if isinstance(node, ast.Await):
                self._follow(node.value)
            elif isinstance(node, ast.Call) and _awaits(node):
                self._follow_all([*node.args, *(keyword.value for keyword in node.keywords)])
        known = -1
        while known < len(self._names):
            known = len(self._names)
            for node in nodes:
                self._follow_all(self._given(node))

    def _follow_all(self, expressions: Sequence[ast.expr]) -> None:
        for expression in expressions:
            self._follow(expression)

    def _follow(self, expression: ast.expr) -> None:
        match expression:
            case ast.Call(func=ast.Name(id=name) as called) if name in self._actions:
                self.found[called] = self._actions[name]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=robot), attr=name) as called) if (
                f"{robot}.{name}" in self._actions
            ):
                self.found[called] = self._actions[f"{robot}.{name}"]
            case ast.Call(func=ast.Name(id=name), args=args) if name in _PASSING:
                self._follow_all(args)
            case ast.Call(func=ast.Name(id=name)):
                self._names.add(name)
            case ast.Call(func=ast.Attribute(value=value)):
                self._follow(value)
            case ast.Name(id=name):
                self._names.add(name)
            case ast.Dict(values=values):
                self._follow_all(values)
            case ast.DictComp(value=value):
                self._follow(value)
            case ast.Await() | ast.Compare() | ast.Lambda() | ast.JoinedStr() | ast.Attribute():
                pass
            case ast.Subscript(value=value):
                self._follow(value)
            case ast.IfExp(body=body, orelse=other):
                self._follow_all([body, other])
            case _:
                self._follow_all(list(_parts(expression)))

    def _given(self, node: ast.AST) -> list[ast.expr]:
        """List what a part of the code puts into the variables, and returns from the functions."""
        found: list[ast.expr] = []
        match node:
            case ast.Assign(targets=targets, value=value) if any(map(self._is_known, targets)):
                found = [value]
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
                | ast.For(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ) if self._is_known(target):
                found = [value]
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=args):
                found = args if name in self._names and method in _ADDING else []
            case ast.Call(func=ast.Name(id=name)) if name in self._functions:
                found = list(self._awaited_arguments(node))
            case ast.FunctionDef(name=name) if name in self._names:
                returns = (part for part in parsing.walk(node) if isinstance(part, ast.Return))
                found = [part.value for part in returns if part.value is not None]
        return found

    def _awaited_arguments(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield the arguments that a function awaits, of a call of a function of the code."""
        assert isinstance(call.func, ast.Name)  # noqa: S101 - it names the function
        parameters = self._functions[call.func.id].args
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        pairs = zip(names, call.args, strict=False)
        yield from (given for name, given in pairs if name in self._names)
        yield from (keyword.value for keyword in call.keywords if keyword.arg in self._names)

    def _is_known(self, target: ast.expr) -> bool:
        match target:
            case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
                return name in self._names
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return any(map(self._is_known, parts))
            case ast.Starred(value=value):
                return self._is_known(value)
        return False


def _parts(expression: ast.expr) -> Iterator[ast.expr]:
    return (part for part in parsing.children(expression) if isinstance(part, ast.expr))


def names_of_actions(robot: Controller, hidden: Set[str]) -> dict[str, str]:
    """Map how code names actions to the actions, `left.move_to` of several robots among them.

    Args:
        robot: whose actions they are.
        hidden: names that may stand for something else.
    """
    names = {name: name for name in robot.actions() if name not in hidden}
    members = {name: own for name, own in robot.robots().items() if name not in hidden}
    return names | {f"{name}.{n}": a for name, own in members.items() for n, a in own.items()}
