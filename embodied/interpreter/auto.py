"""Restricted until the code imports what only the full interpreter has; full from then on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from pydantic import BaseModel, ConfigDict, ValidationError

from embodied._util import parsing
from embodied.controller import Controller
from embodied.errors import DataError
from embodied.interpreter.bound_names import Names
from embodied.interpreter.code import CodeSession
from embodied.interpreter.monty.restricted import MODULES
from embodied.interpreter.parsed import Code
from embodied.interpreter.session import Output, Session
from embodied.limits import Limits


class _Head(BaseModel):
    """What a state holds beside that of the session that runs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    moved: bool
    names: list[str]
    definitions: dict[str, str]


class AutoSession(CodeSession):
    """Moves an episode from the restricted to the full interpreter when its code needs that.

    Variables that hold plain data move along, as do imports and functions; a note in the output
    names what does not.

    Args:
        robot: whose actions the code may call.
        limits: of one action.
        check: as for every session of code; the two sessions behind this one check nothing.
        make: makes a session of the interpreter of a name, without the check.
    """

    def __init__(
        self, robot: Controller, limits: Limits, *, check: bool, make: Callable[[str], Session]
    ) -> None:
        super().__init__(robot, limits, check=check)
        self._make = make
        self._session = make("restricted")
        self._moved = False
        self._names: dict[str, None] = {}
        self._definitions: dict[str, str] = {}

    def dump(self) -> bytes:
        """The state of the session that runs now, with what is known of its names."""
        head = _Head(moved=self._moved, names=list(self._names), definitions=self._definitions)
        return head.model_dump_json().encode() + b"\n" + self._session.dump()

    def load(self, state: bytes) -> None:
        """Go on where `dump` was called, in the interpreter of then."""
        line, _, rest = state.partition(b"\n")
        try:
            head = _Head.model_validate_json(line)
            defined = Code.parse("\n".join(head.definitions.values())).names
        except (ValidationError, SyntaxError, RecursionError, MemoryError):
            message = "this is no state of a session that chooses its interpreter"
            raise DataError(message) from None
        if head.moved and not self._moved:
            self._take_over()
        self._session.load(rest)
        self._names, self._definitions = dict.fromkeys(head.names), head.definitions
        if self._checker is not None:
            self._checker.ran(defined | Names(frozenset(head.names)))

    def _run(self, code: Code) -> Output:
        note = ""
        if not self._moved and any(map(_only_full_has, _imports(code))):
            note = self._move()
        output = self._session.run(code.text)
        output.stdout = note + output.stdout
        self._remember(code)
        return output

    def _close(self) -> None:
        self._session.close()

    def _remember(self, code: Code) -> None:
        for node in code.tree.body:
            match node:
                case ast.Import() | ast.ImportFrom() | ast.FunctionDef() if _only_defines(node):
                    source = ast.get_source_segment(code.text, node) or ""
                    self._definitions[getattr(node, "name", source)] = source
                case _:
                    self._names |= dict.fromkeys(_stored(node))

    def _move(self) -> str:
        """Take over with the full interpreter; returns a note on what was left behind."""
        values = {name: self._session.run(f"repr({name})") for name in self._names}
        self._take_over()
        lost = []
        for name, shown in values.items():
            if shown.value is not None and not self._assigned(name, shown.value):
                lost.append(name)
        lost += [name for name, source in self._definitions.items() if not self._ran(source)]
        left = f"; left behind: {', '.join(lost)}" if lost else ""
        return f"[now in the full interpreter{left}]\n"

    def _assigned(self, name: str, quoted: str) -> bool:
        """Give a variable the value whose `repr` is quoted; False: no text can stand for it."""
        try:
            text = parsing.literal(quoted)
            parsing.literal(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return False
        return self._ran(f"{name} = {text}")

    def _ran(self, code: str) -> bool:
        output = self._session.run(code)
        return output.error is None and output.limit is None

    def _take_over(self) -> None:
        self._session.close()
        self._session, self._moved = self._make("full"), True


def _imports(code: Code) -> Iterator[str]:
    for node in code.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _only_full_has(module: str) -> bool:
    try:
        return module not in MODULES and find_spec(module) is not None
    except ValueError:
        return False


def _only_defines(node: ast.stmt) -> bool:
    """Whether running a definition again calls nothing: no decorators, no computed defaults."""
    if not isinstance(node, ast.FunctionDef):
        return True
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    return not node.decorator_list and all(isinstance(d, ast.Constant) for d in defaults)


def _stored(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
