"""Python that the restricted interpreter lacks, as source text that it can run.

`iterators`, `ordering` and `objects` hold what lowered code calls; `modules` holds the modules that
code can import beside those of Monty itself; `guards` measures what goes to the host. They are
ordinary Python, kept to what Monty runs: no inheritance, generators, decorators or bound methods as
values. An assignment `_native_x = x` at the top keeps the built-in `x` where the same file defines
another.

A session is given each definition when it first needs it, so that its state stays small.
"""

from __future__ import annotations

import ast
import builtins
import secrets
import string
import textwrap
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from embodied._util import parsing

GUARDS = ("fits", "shown", "action")
HELPERS = ("iterators", "ordering", "objects")
MODULES = (
    "contextlib",
    "heapq",
    "operator",
    "statistics",
    "string",
    "textwrap",
)
"""What code can import from here."""

_PREFIX = "_lowered_"
_NATIVE = "_native_"
_SECRET_LETTERS = 16


@dataclass(frozen=True)
class Definition:
    """One function, class, constant or import, or the namespace of a module."""

    code: str
    needs: tuple[str, ...]
    """Definitions that must be there before."""


@dataclass(frozen=True)
class Guards:
    """The names under which a session keeps its guards and the robot's actions.

    Args:
        secret: part of every name; small letters.
    """

    secret: str

    def name(self, guard: str) -> str:
        """The name of one of `GUARDS`."""
        return global_name(f"{self.secret}_{guard}")

    def call(self, action: str) -> str:
        """The name of an action that takes what it is given unmeasured."""
        return global_name(f"{self.secret}_call_{action}")

    def code(self) -> str:
        """Code that defines the guards; it must run before any other can change built-in names."""
        make, names = self.name("make"), ", ".join(map(self.name, GUARDS))
        return f"def {make}():\n{_guards()}\n    return {', '.join(GUARDS)}\n{names} = {make}()"

    def wrapping(self, actions: Iterable[str]) -> str:
        """Code that gives the actions their own names, as functions that measure."""
        return "\n".join(f"{a} = {self.name('action')}({self.call(a)})" for a in actions)


def new_secret() -> str:
    """A part of names that nobody can guess."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_SECRET_LETTERS))


def global_name(definition: str) -> str:
    """Under which name a session knows a definition; never a name that code would choose."""
    return _PREFIX + definition.replace(".", "_")


def public(module: str) -> frozenset[str]:
    """What a module offers."""
    return frozenset(name for name in _definitions(module) if not name.startswith("_"))


@cache
def beginning() -> str:
    """Code that keeps the built-in functions, before anything else can take their names."""
    lines = sorted({line for part in (*HELPERS, *MODULES) for line in _kept_builtins(part)})
    return "\n".join(lines)


def definitions(wanted: Iterable[str], known: Set[str]) -> dict[str, str]:
    """The code of the wanted definitions and of those that they need, in order, without known ones.

    Args:
        wanted: `file.name` each, or `module` for its namespace.
        known: what the session has been given before.
    """
    found: dict[str, str] = {}
    _collect(wanted, set(known), found)
    return found


@cache
def _guards() -> str:
    return textwrap.indent(ast.unparse(_read("guards")), "    ")


def _collect(wanted: Iterable[str], seen: set[str], found: dict[str, str]) -> None:
    for name in wanted:
        if name not in seen:
            seen.add(name)
            definition = _definition(name)
            _collect(definition.needs, seen, found)
            found[name] = definition.code


def _definition(name: str) -> Definition:
    file, _, inner = name.partition(".")
    if inner:
        return _definitions(file)[inner]
    make = global_name("objects.module")
    return Definition(f"{global_name(file)} = {make}({file!r})", ("objects.module",))


@cache
def _definitions(file: str) -> dict[str, Definition]:
    tree = _read(file)
    names = frozenset(name for node in tree.body for name in _names(node))
    made = {}
    for node in tree.body:
        for name in _names(node):
            renamed = _Renamed(file, names - _locals(node), own=name)
            if not name.startswith(_NATIVE):
                code = _code(renamed.visit(_copy(node)), name, global_name(f"{file}.{name}"))
                made[name] = _in_module(file, name, Definition(code, tuple(renamed.needs)))
    return made


def _in_module(file: str, name: str, definition: Definition) -> Definition:
    if file not in MODULES or name.startswith("_"):
        return definition
    code = f"{definition.code}\n{global_name(file)}.{name} = {global_name(f'{file}.{name}')}"
    return Definition(code, (*definition.needs, file))


@cache
def _kept_builtins(file: str) -> frozenset[str]:
    tree = _read(file)
    names = frozenset(name for node in tree.body for name in _names(node))
    renamed = _Renamed(file, names, own="")
    renamed.visit(tree)
    return frozenset(f"{global_name('builtin.' + name)} = {name}" for name in renamed.builtins)


def _code(node: ast.stmt, name: str, known_as: str) -> str:
    """A definition under its global name; the object itself keeps its own name."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            body = "\n".join(f"    {line}" for line in ast.unparse(node).splitlines())
            return f"def {known_as}():\n{body}\n    return {name}\n{known_as} = {known_as}()"
        case ast.Assign(value=value):
            return f"{known_as} = {ast.unparse(value)}"
        case ast.ImportFrom(module=module, names=[alias]):
            return f"from {module} import {alias.name} as {known_as}"
    return f"import {name} as {known_as}"


class _Renamed(ast.NodeTransformer):
    """Replaces the names of a file's other definitions and of builtins by their global names."""

    def __init__(self, file: str, names: frozenset[str], own: str) -> None:
        self.needs: dict[str, None] = {}
        self.builtins: set[str] = set()
        self._file = file
        self._names = names
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == self._own or not isinstance(node.ctx, ast.Load):
            return node
        plain = node.id.removeprefix(_NATIVE)
        if plain != node.id or (plain not in self._names and hasattr(builtins, plain)):
            self.builtins.add(plain)
            return ast.Name(global_name("builtin." + plain), ast.Load())
        if node.id in self._names:
            self.needs[f"{self._file}.{node.id}"] = None
            return ast.Name(global_name(f"{self._file}.{node.id}"), ast.Load())
        return node


def _locals(definition: ast.stmt) -> set[str]:
    """Names that a definition binds inside."""
    inner = [node for child in ast.iter_child_nodes(definition) for node in ast.walk(child)]
    names = {node.arg for node in inner if isinstance(node, ast.arg)}
    stored = (node for node in inner if isinstance(node, ast.Name))
    return names | {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def _read(file: str) -> ast.Module:
    folder = files(__name__) / "modules" if file in MODULES else files(__name__)
    tree = parsing.parse((folder / f"{file}.py").read_text("utf-8"))
    tree.body = [node for node in tree.body if not _is_remark(node)]
    for node in ast.walk(tree):
        _strip(node)
    return tree


def _copy(node: ast.stmt) -> ast.stmt:
    return parsing.parse(ast.unparse(node)).body[0]


def _is_remark(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(ast.Constant()):
            return True
        case ast.ImportFrom(module="__future__" | "typing"):
            return True
    return False


def _strip(node: ast.AST) -> None:
    """Remove documentation and type hints, which only take room in a session."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            node.body = [child for child in node.body if not _is_remark(child)] or [ast.Pass()]
        case ast.arg():
            node.annotation = None
    if isinstance(node, ast.FunctionDef):
        node.returns = None


def _names(node: ast.stmt) -> tuple[str, ...]:
    """What a statement of the top level binds."""
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return (node.name,)
        case ast.Assign():
            return tuple(target.id for target in node.targets if isinstance(target, ast.Name))
        case ast.Import() | ast.ImportFrom():
            return tuple(alias.asname or alias.name for alias in node.names)
    return ()
