"""What Monty lacks of Python: rewritten before it runs, or refused with what to write instead.

The text of the code is changed in place, so that every line stays where it is. Only what is certain
is rewritten: a built-in function counts as one as long as nothing in the session ever bound its
name. What the rewritten code calls is defined by `polyfills`.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from types import MappingProxyType

from embodied.interpreter.awaited_calls import AwaitedCalls
from embodied.interpreter.monty.rewrite import statements
from embodied.interpreter.monty.rewrite.context import RewriteContext
from embodied.interpreter.monty.rewrite.expressions import Rewriter
from embodied.interpreter.monty.subset import gathering
from embodied.interpreter.monty.subset.names import NameChecker
from embodied.interpreter.monty.subset.refusal import UnsupportedError
from embodied.interpreter.parsed_code import ParsedCode
from embodied.interpreter.source_edits import (
    EditedSource,
    OverlapError,
    SourceEdits,
)

__all__ = ["EditedSource", "Rewritten", "UnsupportedError", "rewrite"]


@dataclass(frozen=True)
class Rewritten:
    """Code that Monty can run."""

    source: EditedSource
    needs: tuple[str, ...]
    """Files of `polyfills` that it uses."""
    shows: bool
    """Whether it ends with an expression that is shown."""


def rewrite(
    code: ParsedCode,
    bound: Set[str],
    actions: Set[str] = frozenset(),
    fields: Set[str] = frozenset(),
    awaited: AwaitedCalls = MappingProxyType({}),
    *,
    show: bool = False,
) -> Rewritten:
    """Rewrite code for Monty.

    Args:
        code: what the policy wrote.
        bound: names that the session or this code binds anywhere, and the robot's actions.
        actions: names that can only mean actions of the robot.
        fields: attributes that values of the robot's types have.
        awaited: the calls of actions that are begun.
        show: make a last expression the text that is shown of it.

    Raises:
        UnsupportedError: Monty cannot run it and it cannot be rewritten with certainty.
    """
    try:
        context = RewriteContext(SourceEdits(code.text), bound)
        shown = statements.shown_result(code.tree, bound) if show else None
        if shown is not None:
            statements.show_result(context.source, shown)
        Rewriter(context, actions, awaited).visit(code.tree)
        NameChecker(code, bound, fields).check()
        gathering.check(code.nodes, awaited)
        return Rewritten(context.source.edited(), tuple(context.needs), shown is not None)
    except (OverlapError, RecursionError):
        message = "this code is too entangled; write it in several shorter statements"
        raise UnsupportedError(code.tree.body[0], message) from None
