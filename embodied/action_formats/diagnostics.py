"""What is said of an action that did not run to its end: where it stopped, what was done before,
and what was not run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from embodied._util import parsing
from embodied._util.jsonable import safe_repr, truncate
from embodied.interpreter.session import Output
from embodied.trajectory import CallRecord, ErrorRecord

_CALLS = 8
"""Calls that are listed, the last ones."""
_ONE_FAILED = re.compile(r"Call 1 of 1 failed: [^\n]*\n(?P<type>\w+): (?P<message>.*)", re.DOTALL)
_CHARACTERS = 200
"""Longest line of code, and longest call, that is shown whole."""


def explain_code(code: str, output: Output) -> Iterator[str]:
    """Lines on a code action that failed, met a limit or was ended by the episode."""
    if output.error is not None:
        yield from _error(code, output.error)
        if not output.parsed:
            yield "Nothing of the code was run."
            return
    elif output.limit is not None or output.ended:
        yield from _cut_off(output)
    else:
        return
    if output.calls:
        yield f"Calls made: {_listed(output.calls)}."
    yield from _not_run(code, output)


def explain_calls(calls: Sequence[str], output: Output) -> Iterator[str]:
    """Lines on a list of calls, one of which failed, met a limit or ended the episode."""
    made, number = len(output.calls), len(calls)
    if output.error is not None:
        failed = output.error.line or made
        yield f"Call {failed} of {number} failed: {truncate(calls[failed - 1], _CHARACTERS)}"
        yield f"{output.error.type}: {output.error.message}"
        if failed > 1:
            yield f"Done before: {_listed(output.calls[: failed - 1])}."
        if failed < made:
            yield f"Done beside it: {_listed(output.calls[failed:])}."
        made = max(made, failed)
    elif output.limit is not None or output.ended:
        yield from _cut_off(output)
    else:
        return
    if made < number:
        left = ", ".join(truncate(call, _CHARACTERS) for call in calls[made : made + _CALLS])
        yield f"Not run: {left}{', …' if number - made > _CALLS else ''}."


def read_failure(outcome: str) -> tuple[str, str] | None:
    """Read type and message of the error with which the one call of an action failed, from what
    `explain_calls` said of it; None: it did not fail.
    """
    failed = _ONE_FAILED.match(outcome)
    return (failed["type"], failed["message"]) if failed else None


def _cut_off(output: Output) -> Iterator[str]:
    """Name the limit that stopped the action, or the end of the episode.

    The latter keeps the action from seeing what its last call returned.
    """
    if output.limit is not None:
        yield f"Stopped: {output.limit}."
        return
    if output.calls:
        last = output.calls[-1]
        result = last.result if isinstance(last.result, str) else safe_repr(last.result)
        yield f"{shown_call(last)} returned: {result}"
    yield "The episode has ended."


def shown_call(call: CallRecord) -> str:
    """Write a call as Python would."""
    arguments = ", ".join(safe_repr(value, 80) for value in call.arguments.values())
    failed = " (failed)" if call.error else ""
    return truncate(f"{call.name}({arguments})", _CHARACTERS) + failed


def _error(code: str, error: ErrorRecord) -> Iterator[str]:
    if error.line is None:
        yield f"{error.type}: {error.message}"
        return
    within = error.statement not in (None, error.line)
    where = f"{error.line}, called from line {error.statement}" if within else f"{error.line}"
    yield f"{error.type} in line {where}: {error.message}"
    lines = re.split(r"\r\n|\r|\n", code)
    if error.line <= len(lines):
        line = lines[error.line - 1]
        prefix = f"{error.line:>5} | "
        yield prefix + truncate(line, _CHARACTERS)
        if error.column is not None and error.column <= min(len(line) + 1, _CHARACTERS):
            yield " " * (len(prefix) + error.column - 1) + "^"
    for name, value in error.variables.items():
        yield f"      {name} = {value}"


def _listed(calls: Sequence[CallRecord]) -> str:
    shown = ", ".join(shown_call(call) for call in calls[-_CALLS:])
    more = len(calls) - _CALLS
    return f"{more} others, then {shown}" if more > 0 else shown


def _not_run(code: str, output: Output) -> Iterator[str]:
    """Yield what stands after the statement that stopped; nothing where that is not certain."""
    stop = output.calls[-1].line if output.calls else None
    if output.error is not None:
        stop = output.error.statement or output.error.line
    try:
        statements = parsing.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    at = [node for node in statements if node.lineno <= (stop or 0) <= (node.end_lineno or 0)]
    if not at or isinstance(at[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    node = at[0]
    if isinstance(node, ast.For | ast.While):
        yield f"The loop in line {node.lineno} was not finished."
    after = [other for other in statements if other.lineno > (node.end_lineno or 0)]
    if after:
        first, last = after[0].lineno, after[-1].end_lineno or after[-1].lineno
        yield f"Not run: line {first}." if first == last else f"Not run: lines {first} to {last}."
