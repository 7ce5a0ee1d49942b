"""The ways by which values leave a session, each led through a guard of `prelude`.

`goto(place)` becomes `_lowered_…_call_goto(_lowered_…_fits(place))`, so that the call stays where
it is. Anywhere else the name of an action stands for a function that guards its arguments itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from dataclasses import dataclass

from embodied._util import parsing
from embodied.interpreter.monty.polyfills import Guards
from embodied.interpreter.monty.rewrite.context import Site

_MOST_ARGUMENTS = 8
"""Calls with more are left as they are: then all arguments are measured together."""


@dataclass(frozen=True)
class Crossings:
    """What of some code reaches the host."""

    guards: Guards
    actions: Set[str]
    """Names that can only mean actions of the robot."""
    characters: int
    """How much of the last expression is shown."""

    def guard(self, site: Site, tree: ast.Module) -> None:
        """Lead them through the guards."""
        match tree.body[-1:]:
            case [ast.Expr(value=value)]:
                start, end = site.source.start(value), site.source.end(value)
                site.source.insert_before(start, f"{self.guards.name('shown')}((")
                site.source.insert_after(end, f"), {self.characters + 1})")
        for call, name in _direct_calls(site, tree, self.actions):
            start, end = site.source.start(call.func), site.source.end(call.func)
            site.source.replace(start, end, self.guards.call(name))
            self._guard_arguments(site, call)

    def _guard_arguments(self, site: Site, call: ast.Call) -> None:
        fits, source = self.guards.name("fits"), site.source
        for node in [*call.args, *(keyword.value for keyword in call.keywords)]:
            match node:
                case ast.Constant():
                    continue
                case ast.Starred(value=value):
                    opening, closing = f"{fits}([*", "])"
                case value:
                    opening, closing = f"{fits}(", ")"
            shares_brackets = source.end(value) == source.end(call)
            source.insert_before(source.start(value) + shares_brackets, opening)
            source.insert_after(source.end(value) - shares_brackets, closing)


def _direct_calls(site: Site, tree: ast.AST, names: Set[str]) -> Iterator[tuple[ast.Call, str]]:
    """Calls of names whose places in the text are known, outer ones first."""
    todo: list[tuple[ast.AST, tuple[ast.FormattedValue, ...]]] = [(tree, ())]
    while todo:
        node, around = todo.pop()
        match node:
            case ast.FormattedValue():
                around = (*around, node)
            case ast.Call(func=ast.Name(id=name)) if name in names:
                few = len(node.args) + len(node.keywords) <= _MOST_ARGUMENTS
                if few and all(map(site.is_placed, around)):
                    yield node, name
        todo += [(child, around) for child in parsing.children(node)]
