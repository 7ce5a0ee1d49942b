"""What a turn did: whether it failed, whether a later one mended it, what its code is made of."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal, TypeAlias

from embodied._util import parsing
from embodied.trajectory import Turn

MaskKind: TypeAlias = Literal["errors", "none"]
"""Which of the policy's messages are not trained on: those that `is_failed`, or none."""

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.comprehension)
_CONDITIONS = (ast.If, ast.IfExp, ast.Match)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def failed_action(turn: Turn) -> bool:
    """Tell whether the turn's action raised an error or was stopped by a limit."""
    return turn.error is not None or turn.limit is not None


def is_failed(turn: Turn) -> bool:
    """Tell whether a turn is a mistake: its action failed, or its message could not be read, was
    left unread by the server, or ends where the model ran out of tokens.
    """
    return failed_action(turn) or turn.format_error or turn.unread_calls or turn.is_cut


def is_trained(turn: Turn, mask: MaskKind) -> bool:
    """Tell whether the turn's message is trained on. One that the record has cut never is."""
    return not turn.cut and (mask == "none" or not is_failed(turn))


def recoveries(turns: Sequence[Turn]) -> int:
    """Count the mistakes that were mended: one or more failed turns, then one that acts and does
    not fail.
    """
    count, broken = 0, False
    for turn in turns:
        if is_failed(turn):
            broken = True
        elif broken and turn.action is not None:
            count, broken = count + 1, False
    return count


def control_flow(action: str) -> tuple[bool, bool, bool]:
    """Tell whether Python code has loops or comprehensions, conditions, and functions of its own.

    Code that Python cannot read has none.
    """
    try:
        nodes = parsing.walk(parsing.parse(action))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False, False, False
    loops, conditions, functions = (
        any(isinstance(node, kinds) for node in nodes)
        for kinds in (_LOOPS, _CONDITIONS, _FUNCTIONS)
    )
    return loops, conditions, functions
