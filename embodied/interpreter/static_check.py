"""The check before a run: calls that cannot succeed and names that nothing defines.

It reads the code beside the controller's signatures and refuses only what must fail whenever it is
reached. Left alone is code that prepares for the failure, by a `try` or `suppress` that catches it,
and what is evaluated later or never: annotations, and functions that the code does not use.
"""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from embodied._util import parsing
from embodied.controller import ActionSpec
from embodied.interpreter.parsed_code import BoundNames, ParsedCode
from embodied.trajectory import ErrorRecord

_BUILTINS = frozenset(dir(builtins))
_CATCH_ALL = {"Exception", "BaseException"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CATCHING = (ast.Try, ast.TryStar, ast.With)
_LONGEST_NAME = 50
_NEAR_NAMES = 200


class StaticChecker:
    """Checks the actions of one session, one after another.

    Args:
        actions: the robot's API.
        types: whether arguments must fit the type hints.
        others: further names that there are.
        robots: the actions of several robots, as `Controller.robots`.
    """

    def __init__(
        self,
        actions: Mapping[str, ActionSpec],
        types: bool,
        others: Set[str] = frozenset(),
        robots: Mapping[str, Mapping[str, str]] = {},
    ) -> None:
        self._actions = actions
        self._robots = robots
        self._types = types
        self._others = others
        self._left = BoundNames()

    def problem(self, code: ParsedCode) -> ErrorRecord | None:
        """Find the first thing in code that must fail, if there is one."""
        names, used = self._left | code.names, _used_names(code)
        others = self._others | self._robots.keys()
        finder = _Finder(self._actions, names, self._types, used, others, self._robots)
        try:
            finder.visit(code.tree)
        except _Found as found:
            kind, message, node = found.args
            before = code.text.encode().splitlines()[node.lineno - 1][: node.col_offset]
            column = len(before.decode()) + 1
            return ErrorRecord(type=kind, message=message, line=node.lineno, column=column)
        return None

    def ran(self, names: BoundNames) -> None:
        """Remember what an action may have left behind."""
        self._left |= names


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Write the message of a NameError, with the nearest name that exists.

    Finding it takes time for each name, so that of very many only the first ones count.
    """
    near = [other for other in known if len(other) <= _LONGEST_NAME]
    close = difflib.get_close_matches(name[:_LONGEST_NAME], near[:_NEAR_NAMES], n=1)
    hint = f". Did you mean: {close[0]!r}?" if close else ""
    return f"name {name!r} is not defined{hint}"


class _Found(Exception):  # noqa: N818 - a signal, not an error
    """Something that must fail: the kind of error, its message and the node. Ends the search."""


class _Finder(ast.NodeVisitor):
    """Visits all of the code that must be reached; raises `_Found`."""

    def __init__(
        self,
        actions: Mapping[str, ActionSpec],
        names: BoundNames,
        types: bool,
        used: set[str],
        others: Set[str],
        robots: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._robots = robots
        self._actions = actions
        self._bound = names.bound
        self._known = names.bound | actions.keys() | others | _BUILTINS
        self._anything = names.dynamic
        self._types = types
        self._caught: set[str] = set()
        self._used = used

    def generic_visit(self, node: ast.AST) -> None:
        for child in parsing.children(node):
            self.visit(child)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        before = self._caught
        self._caught = before | set(_caught(node))
        self._visit_all(node.body)
        self._caught = before
        self._visit_all([*node.handlers, *node.orelse, *node.finalbody])

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

    def visit_With(self, node: ast.With) -> None:
        before = self._caught
        if any(map(_suppresses, node.items)):
            self._caught = before | _CATCH_ALL
        self.generic_visit(node)
        self._caught = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        self._visit_all([*node.decorator_list, *defaults])
        if node.name in self._used:
            self._visit_all(node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Left alone: its body has names of its own, and its methods run later."""

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Left alone: it runs later."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._visit_all([node.target, *filter(None, [node.value])])

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        known = self._anything or node.id in self._known or node.id.startswith("__")
        if isinstance(node.ctx, ast.Load) and not known and not self._is_caught("NameError"):
            others = [*self._actions, *self._bound, *_BUILTINS]
            raise _Found("NameError", unknown_name(node.id, others), node)

    def visit_Call(self, node: ast.Call) -> None:
        name, hidden = self._called(node.func)
        checked = name in self._actions and not hidden and not self._anything
        if checked and not self._is_caught("TypeError"):
            try:
                self._bind(self._actions[name], node)
            except TypeError as error:
                raise _Found("TypeError", str(error), node) from None
        self.generic_visit(node)

    def _called(self, function: ast.expr) -> tuple[str, bool]:
        """Name the action that is called, if one is, and tell whether the name may be hidden.

        Raises:
            _Found: the robot has no such action.
        """
        match function:
            case ast.Name(id=name):
                return name, name in self._bound
            case ast.Attribute(value=ast.Name(id=robot), attr=name) if robot in self._robots:
                hidden, actions = robot in self._bound, self._robots[robot]
                if not (name in actions or hidden or self._is_caught("AttributeError")):
                    message = f"{robot} has no action {name!r}; there are: {', '.join(actions)}"
                    raise _Found("AttributeError", message, function)
                return actions.get(name, ""), hidden
        return "", False

    def _bind(self, spec: ActionSpec, node: ast.Call) -> None:
        unpacked = any(isinstance(arg, ast.Starred) for arg in node.args)
        if unpacked or any(keyword.arg is None for keyword in node.keywords):
            return
        kwargs = {str(keyword.arg): keyword.value for keyword in node.keywords}
        for name, value in spec.bind(node.args, kwargs, check_types=False).items():
            if self._types and isinstance(value, ast.expr):
                try:
                    literal = ast.literal_eval(value)
                except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                    continue
                spec.checked(name, literal)

    def _is_caught(self, kind: str) -> bool:
        return bool(self._caught & {kind, *_CATCH_ALL})


def _suppresses(item: ast.withitem) -> bool:
    names = (getattr(n, "id", getattr(n, "attr", "")) for n in ast.walk(item.context_expr))
    return "suppress" in names


def _used_names(code: ParsedCode) -> set[str]:
    """Names that code reads where it runs: not in functions that nothing uses.

    Where a `try` or a `with` may stand in the way of an error, nothing counts as used.
    """
    functions = {n.name: n for n in code.nodes if isinstance(n, _FUNCTIONS)}
    if not functions or any(isinstance(n, _CATCHING) for n in code.nodes):
        return set()
    used: set[str] = set()
    waiting = [n for n in code.tree.body if not isinstance(n, (*_FUNCTIONS, ast.ClassDef))]
    while waiting:
        names = {n.id for n in parsing.walk(waiting.pop()) if isinstance(n, ast.Name)} - used
        waiting += [part for name in names & functions.keys() for part in functions[name].body]
        used |= names
    return used


def _caught(node: ast.Try | ast.TryStar) -> Iterator[str]:
    """Names of the exceptions that a `try` catches, `Exception` for all."""
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        for kind in kinds:
            yield kind.id if isinstance(kind, ast.Name) else "Exception"
