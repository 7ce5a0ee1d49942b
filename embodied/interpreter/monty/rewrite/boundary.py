"""The ways by which values leave a session, each led through a guard of `polyfills`.

`goto(place)` becomes `_polyfill_…_call_goto(_polyfill_…_fits(place))`, so that the call stays where
it is. Anywhere else the name of an action stands for a function that guards its arguments itself.
"""

from __future__ import annotations

import ast
from collections.abc import Set
from dataclasses import dataclass

from embodied.interpreter.monty.polyfills import Guards
from embodied.interpreter.source_edits import SourceEdits

_MOST_ARGUMENTS = 8
"""Calls with more are left as they are: then all arguments are measured together."""


@dataclass(frozen=True)
class Boundary:
    """What of some code reaches the host."""

    guards: Guards
    actions: Set[str]
    """Names that can only mean actions of the robot."""
    characters: int
    """How much of the last expression is shown."""
    names: Set[str] = frozenset()
    """Names of all actions, whatever they mean now."""

    def guard_result(self, source: SourceEdits, tree: ast.Module) -> None:
        """Lead the value of a last expression through a guard."""
        match tree.body[-1:]:
            case [ast.Expr(value=value)]:
                start, end = source.start(value), source.end(value)
                source.insert_before(start, f"{self.guards.name('shown')}((")
                source.insert_after(end, f"), {self.characters + 1})")

    def guard_call(self, source: SourceEdits, call: ast.Call) -> None:
        """Lead the arguments through guards, if this is a direct call of an action."""
        if not isinstance(call.func, ast.Name) or call.func.id not in self.actions:
            return
        if len(call.args) + len(call.keywords) > _MOST_ARGUMENTS:
            return
        function = self.guards.call(call.func.id)
        source.replace(source.start(call.func), source.end(call.func), function)
        fits = self.guards.name("fits")
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

    def restore(self, name: str) -> str:
        """Code that follows a deletion: an action that the name hid has it again."""
        if name not in self.names:
            return ""
        return f"; {name} = {self.guards.name('action')}({self.guards.call(name)})"
