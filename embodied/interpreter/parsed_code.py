"""Code as Python's parser read it, and what is found out about it once."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from embodied._util import parsing

_COMMAND = re.compile(r"\s*(?:[\w, ]+=\s*)?(?:!|%%?)\s*[A-Za-z].*")
"""A line for a shell or a notebook."""
_DYNAMIC = {"exec", "eval", "globals", "locals", "vars", "dir"}


@dataclass(frozen=True)
class BoundNames:
    """What actions may leave behind."""

    bound: frozenset[str] = frozenset()
    """Every name that they may bind, in any scope."""
    dynamic: bool = False
    """Whether they can define names that their text does not show."""

    @classmethod
    def of(cls, nodes: Sequence[ast.AST]) -> BoundNames:
        """Collect the names from the parts of a syntax tree, as `parsing.walk` gives them."""
        bound = frozenset(name for node in nodes for name in _bound_by(node))
        return cls(bound, any(map(_is_dynamic, nodes)))

    def __or__(self, other: BoundNames) -> BoundNames:
        return BoundNames(self.bound | other.bound, self.dynamic or other.dynamic)


@dataclass(frozen=True)
class ParsedCode:
    """One code action."""

    text: str
    tree: ast.Module
    """Its syntax tree, which a session may change when it runs it."""

    @classmethod
    def parse(cls, text: str) -> ParsedCode:
        """Read code: lines end as for Python's parser, and `?` is what UTF-8 cannot hold.

        Raises:
            SyntaxError, RecursionError, MemoryError: as CPython's parser; null characters and
                unreadable numbers are syntax errors, too. Lines for a shell are named as such.
        """
        text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
        try:
            return cls(text, parsing.parse(text))
        except SyntaxError as error:
            raise _explained(error, text) from None
        except ValueError as error:
            raise SyntaxError(str(error)) from None

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every part of the tree, as it was before it was changed."""
        return parsing.walk(self.tree)

    @cached_property
    def names(self) -> BoundNames:
        """The names that it may bind."""
        return BoundNames.of(self.nodes)


def _explained(error: SyntaxError, text: str) -> SyntaxError:
    """Say of a line for a shell or a notebook that it is one."""
    lines = text.split("\n")[: error.lineno or 0]
    if lines and _COMMAND.fullmatch(lines[-1]):
        line = lines[-1].strip()[:80]
        error.msg = (
            f"`{line}` is no Python: there is no shell and no notebook here; leave the line out, "
            "and import what you need"
        )
    return error


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
