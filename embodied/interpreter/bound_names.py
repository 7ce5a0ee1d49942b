"""The names that code may bind, found in one walk through it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_DYNAMIC = {"exec", "eval", "globals", "locals", "vars", "dir"}


@dataclass(frozen=True)
class BoundNames:
    """What actions may leave behind."""

    bound: frozenset[str] = frozenset()
    """Every name that they may bind, in any scope."""
    dynamic: bool = False
    """Whether they can define names that their text does not show."""

    @classmethod
    def of(cls, nodes: Iterable[ast.AST]) -> BoundNames:
        """Collect the names from the parts of a syntax tree, as `parsing.walk` gives them."""
        bound: set[str] = set()
        dynamic = False
        for node in nodes:
            bound.update(_bound_by(node))
            dynamic = dynamic or _is_dynamic(node)
        return cls(frozenset(bound), dynamic)

    def __or__(self, other: BoundNames) -> BoundNames:
        return BoundNames(self.bound | other.bound, self.dynamic or other.dynamic)


def _is_dynamic(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name):
            return name in _DYNAMIC
        case ast.alias(name=name):
            return name == "*"
    return False


def _bound_by(node: ast.AST) -> Sequence[str]:
    names: Sequence[str] = ()
    match node:
        case ast.Name(id=name):
            names = () if isinstance(node.ctx, ast.Load) else (name,)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            names = (node.name,)
        case ast.arg(arg=name):
            names = (name,)
        case ast.alias(name=name, asname=other):
            names = (other or name.partition(".")[0],)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
            names = (name,)
        case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            names = (name,)
        case ast.Global() | ast.Nonlocal():
            names = node.names
    return names
