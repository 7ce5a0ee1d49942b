"""Python that Monty lacks, as source text that it can run.

Each file here is ordinary Python, kept to what Monty runs: no inheritance, generators, decorators
or methods of built-in types as values. A session is given a whole file when it first needs a part
of it, so that its state stays small. Its names live inside one function; only what the file offers
is bound in the session, under names that no code would choose. Code that replaces them only changes
what it runs itself: nothing that the host relies on is here.
"""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Iterable, Set
from functools import cache
from importlib.resources import files

from embodied._util import parsing
from embodied.interpreter.parsed_code import BoundNames

FILES = ("display", "iterators", "objects")

TRANSLATE = "_polyfill_translate"
"""The host's function that writes patterns for Monty's engine."""
SHOWN = "_polyfill_shown"
"""The function that shows a last expression."""
_KEPT = "_polyfill_builtins"
"""The name under which a session keeps the built-in functions."""


def first_code() -> str:
    """Code that begins a session: it keeps the built-in functions, whatever is named so later."""
    return f"{_KEPT} = {', '.join(_kept())}"


def shown(characters: int) -> str:
    """Code that defines `SHOWN` anew for an action, for the beginning of a value's text.

    As long as it can show a value it uses no name that code could have replaced.
    """
    return (
        f"def {SHOWN}(value):\n"
        "    if value is None:\n"
        "        return None\n"
        "    try:\n"
        f"        return f'{{value!r}}'[:{characters}]\n"
        "    except (RecursionError, ValueError):\n"
        "        return f'({type(value).__name__}, too large to show)'"
    )


def sources(needed: Iterable[str], known: Set[str]) -> dict[str, str]:
    """Return the code of the needed files that a session does not have yet."""
    return {file: _code(file) for file in needed if file not in known}


def global_name(definition: str) -> str:
    """Name a definition, `file.name`, in a session."""
    return "_polyfill_" + definition.replace(".", "_")


def _code(file: str) -> str:
    """Code that binds what a file offers."""
    names = [global_name(f"{file}.{name}") for name in public(file)]
    return f"def {names[0]}():\n{_body(file)}\n{', '.join(names)}, = {names[0]}()"


@cache
def public(file: str) -> tuple[str, ...]:
    """List what a file offers."""
    return tuple(sorted(name for name in _bound(file) if not name.startswith("_")))


@cache
def _kept() -> tuple[str, ...]:
    """List the built-in functions that a session keeps."""
    return tuple(sorted({name for file in FILES for name in _builtins(file)}))


@cache
def _body(file: str) -> str:
    kept = [f"{name} = {_KEPT}[{_kept().index(name)}]" for name in sorted(_builtins(file))]
    lines = [*kept, ast.unparse(_read(file)), f"return {', '.join(public(file))},"]
    return textwrap.indent("\n".join(lines), "    ")


def _builtins(file: str) -> set[str]:
    names = {node.id for node in ast.walk(_read(file)) if isinstance(node, ast.Name)}
    return {name for name in names - _bound(file) if hasattr(builtins, name)}


def _bound(file: str) -> Set[str]:
    """List the names that a file binds at its top."""
    statements = _read(file).body
    parts = [part for node in statements for part in (node, *ast.iter_child_nodes(node))]
    return BoundNames.of(parts).bound


@cache
def _read(file: str) -> ast.Module:
    """Read a file without its documentation, which only takes room in a session."""
    tree = parsing.parse((files(__name__) / f"{file}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            node.body = [part for part in node.body if not _is_remark(part)] or [ast.Pass()]
    return tree


def _is_remark(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(ast.Constant()) | ast.ImportFrom(module="__future__" | "typing"):
            return True
    return False
