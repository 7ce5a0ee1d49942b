"""Restricted until the code imports what only the full interpreter has; full from then on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from importlib.util import find_spec

from embodied.errors import DataError
from embodied.interpreter.code import parse
from embodied.interpreter.restricted import MODULES
from embodied.interpreter.session import Output, Session

_RESTRICTED, _FULL = b"restricted:", b"full:"


class AutoSession(Session):
    """Moves an episode from the restricted to the full interpreter when its code needs that.

    Variables that hold plain data move along, as do imports and functions; a note in the output
    names what does not.

    Args:
        restricted: what runs the first actions.
        make_full: makes the session that takes over.
    """

    def __init__(self, restricted: Session, make_full: Callable[[], Session]) -> None:
        self._session = restricted
        self._make_full = make_full
        self._moved = False
        self._names: dict[str, None] = {}
        self._definitions: dict[str, str] = {}

    def run(self, code: str) -> Output:
        """Run one code action, in the full interpreter if this or an earlier one needs it."""
        try:
            tree = parse(code)
        except (SyntaxError, RecursionError, MemoryError):
            return self._session.run(code)
        note = ""
        if not self._moved and any(map(_only_full_has, _imports(tree))):
            note = self._move()
        output = self._session.run(code)
        output.stdout = note + output.stdout
        self._remember(code, tree)
        return output

    def dump(self) -> bytes:
        """The state of the session that runs now, with its kind."""
        return (_FULL if self._moved else _RESTRICTED) + self._session.dump()

    def load(self, state: bytes) -> None:
        """Go on where `dump` was called, in the interpreter of then."""
        kind, separator, rest = state.partition(b":")
        if kind + separator not in (_FULL, _RESTRICTED):
            raise DataError("this is no state of a session that chooses its interpreter")
        if kind + separator == _FULL and not self._moved:
            self._take_over()
        self._session.load(rest)

    def _close(self) -> None:
        self._session.close()

    def _remember(self, code: str, tree: ast.Module) -> None:
        for node in tree.body:
            match node:
                case ast.Import() | ast.ImportFrom() | ast.FunctionDef(decorator_list=[]):
                    source = ast.get_source_segment(code, node) or ""
                    self._definitions[getattr(node, "name", source)] = source
                case _:
                    self._names |= dict.fromkeys(_stored(node))

    def _move(self) -> str:
        """Take over with the full interpreter; returns a note on what was left behind."""
        values = {name: self._session.run(name) for name in self._names}
        self._take_over()
        for source in self._definitions.values():
            self._session.run(source)
        lost = []
        for name, shown in values.items():
            if shown.error is None and _is_literal(shown.value or "None"):
                self._session.run(f"{name} = {shown.value}")
            elif shown.error is None:
                lost.append(name)
        left = f"; left behind: {', '.join(lost)}" if lost else ""
        return f"[now in the full interpreter{left}]\n"

    def _take_over(self) -> None:
        self._session.close()
        self._session, self._moved = self._make_full(), True


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _only_full_has(module: str) -> bool:
    try:
        return module not in MODULES and find_spec(module) is not None
    except ValueError:
        return False


def _stored(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for child in ast.walk(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return True
