"""The variables that a failing line uses, read without running any code of the policy."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from embodied._util.jsonable import truncate
from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.state import State
from embodied.interpreter.monty.worker import CodeFailed, Worker, WorkerDied

_MOST = 8
_CHARACTERS = 200
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def look_up(worker: Worker, tree: ast.Module, line: int, state: State) -> dict[str, str]:
    """Show the values of global variables that a line names, shortened.

    Only plain data is shown in full; of other objects the type is named. The session in the worker
    is of no use afterwards.

    Args:
        worker: where the code has failed.
        tree: the code.
        line: of it, counted from 1.
        state: of the session, behind the action.
    """
    names = dict.fromkeys(_names_of(tree, line))
    wanted = [name for name in names if name in state.names][:_MOST]
    if not wanted:
        return {}
    result, show = polyfills.global_name("found"), polyfills.global_name("display.show")
    code = [*polyfills.sources(["display"], state.files).values(), f"{result} = {{}}"]
    for name in wanted:
        code += ["try:", f"    {result}[{name!r}] = {show}({name}, 3)"]
        code += ["except NameError:", "    pass"]
    try:
        found = worker.run("\n".join([*code, result])).value()
    except (CodeFailed, WorkerDied, MemoryError, ValueError, TypeError):
        return {}
    if not isinstance(found, dict):
        return {}
    texts = {name: text for name, text in found.items() if isinstance(text, str) and name in wanted}
    return {name: truncate(text, _CHARACTERS) for name, text in texts.items()}


def _names_of(tree: ast.Module, line: int) -> Iterator[str]:
    """Global names that the statement of a line reads."""
    statement, local = _statement(tree, line)
    if statement is None:
        return
    parts = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.expr)]
    for node in (node for part in parts for node in ast.walk(part)):
        match node:
            case ast.comprehension(target=target):
                local |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
            case ast.Lambda():
                local |= _locals(node)
    for node in (node for part in parts for node in ast.walk(part)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in local:
            yield node.id


def _statement(tree: ast.Module, line: int) -> tuple[ast.stmt | None, set[str]]:
    """Find the innermost statement of a line, and the names that are local to its functions."""
    found: ast.stmt | None = None
    local: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0):
            found = node
            if isinstance(node, _FUNCTIONS) and line > node.lineno:
                local |= _locals(node)
    return found, local


def _locals(function: ast.AST) -> set[str]:
    names = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    stored = (node for node in ast.walk(function) if isinstance(node, ast.Name))
    names |= {node.id for node in stored if isinstance(node.ctx, ast.Store)}
    shared = (node for node in ast.walk(function) if isinstance(node, ast.Global))
    return names - {name for node in shared for name in node.names}
