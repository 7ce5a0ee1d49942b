"""Restricted until the code needs what only the full interpreter has; full from then on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Set

from pydantic import BaseModel, ValidationError

from embodied._util import parsing
from embodied.controller import Controller
from embodied.errors import ConfigError, DataError, EmbodiedError
from embodied.interpreter.code_session import CodeSession
from embodied.interpreter.monty.monty_session import MontySession
from embodied.interpreter.monty.subset.surface import only_full_has
from embodied.interpreter.parsed_code import BoundNames, ParsedCode
from embodied.interpreter.session import Output, Session
from embodied.interpreter.source_edits import SourceEdits
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits

_CHARACTERS = 2_000_000
"""What the variables that move along may take, as text."""
_NOTE = "now in the full interpreter"
_EVALUATED = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.comprehension)
"""Parts of an annotation that may do more than name a type."""


class _Head(BaseModel, extra="forbid", strict=True):
    """What a state holds beside that of the session that runs."""

    moved: bool
    names: list[str]
    definitions: dict[str, str]


class AutoSession(CodeSession):
    """Moves an episode from the restricted to the full interpreter when its code needs that.

    Variables that hold plain data or values of the robot's types move along, as do imports and
    functions; a note in the output names what does not, or says that an action that failed can be
    run now. Moving runs no code of the policy: its functions are defined anew only where that
    evaluates nothing. Where the full interpreter cannot run, the episode stays where it is.

    Args:
        robot: whose actions the code may call.
        limits: of one action.
        check: as for every session of code; the two sessions behind this one check nothing.
        restricted: where the episode begins.
        make_full: makes a session of the full interpreter, or raises a `ConfigError`.
    """

    def __init__(
        self,
        robot: Controller,
        limits: Limits,
        check: bool,
        restricted: MontySession,
        make_full: Callable[[], Session],
    ) -> None:
        super().__init__(robot, limits, check)
        self._restricted: MontySession | None = restricted
        """The session before the move."""
        self._session: Session = restricted
        self._make_full = make_full
        self._stays = False
        self._names: set[str] = set()
        self._definitions: dict[str, str] = {}
        """By name, the source of imports and functions."""

    def dump(self) -> bytes:
        """Dump the session that runs now, with what is known of its names."""
        moved, names = self._restricted is None, sorted(self._names)
        head = _Head(moved=moved, names=names, definitions=self._definitions)
        return f"{head.model_dump_json()}\n".encode() + self._session.dump()

    def load(self, state: bytes) -> None:
        """Go on where `dump` was called, in the interpreter of then."""
        line, _, rest = state.partition(b"\n")
        try:
            head = _Head.model_validate_json(line)
        except ValidationError:
            message = "this is no state of a session that chooses its interpreter"
            raise DataError(message) from None
        if head.moved and self._restricted is not None:
            self._take_over(self._make_full(), None)
        self._session.load(rest)
        self._names, self._definitions = set(head.names), head.definitions
        if self._checker is not None:
            self._checker.ran(BoundNames(frozenset(head.names)))

    def _run(self, code: ParsedCode) -> Output:
        note, restricted = "", self._restricted
        needs_full = restricted and any(map(only_full_has, _imports(code)))
        if needs_full and (full := self._start_full()):
            note = self._take_over(full, restricted)
        if self._restricted is None or self._stays:
            output = self._session.run(code.text)
        else:
            output, note = self._try_restricted(self._restricted, code)
        output.stdout = note + output.stdout
        self._remember(code)
        return output

    def _try_restricted(self, session: MontySession, code: ParsedCode) -> tuple[Output, str]:
        """Run code, and move where it cannot be run; then run it again, unless it called the robot.

        Also returns a note on the move.
        """
        before = session.state
        output = session.run_parsed(code)
        if not output.unsupported or (full := self._start_full()) is None:
            return output, ""
        if output.calls:
            self._remember(code)
            return output, self._take_over(full, session) or f"[{_NOTE}]\n"
        session.state = before
        note = self._take_over(full, session)
        return full.run(code.text), note

    def _close(self) -> None:
        self._session.close()

    def _remember(self, code: ParsedCode) -> None:
        self._names |= code.names.bound
        source = SourceEdits(code.text)
        for node in code.tree.body:
            if isinstance(node, ast.Delete):
                self._names -= {part.id for part in node.targets if isinstance(part, ast.Name)}
            for name in BoundNames.of(parsing.walk(node)).bound:
                self._definitions.pop(name, None)
            text = source.text[source.start(node) : source.end(node)].decode()
            self._definitions |= dict.fromkeys(_defined(node), text)

    def _start_full(self) -> Session | None:
        """Start a session of the full interpreter; None where the host has none."""
        if self._stays:
            return None
        full: Session | None = None
        try:
            full = self._make_full()
            full.run("None")
        except EmbodiedError as error:
            if full is not None:
                full.close()
            if not isinstance(error, ConfigError):
                raise
            self._stays = True
            return None
        return full

    def _take_over(self, full: Session, restricted: MontySession | None) -> str:
        """Go on in the full interpreter; returns a note on what was left behind."""
        found = restricted.literals(_CHARACTERS) if restricted else {}
        variables = {name: text for name, text in found.items() if name in self._names}
        functions_last = sorted(
            variables, key=lambda name: "def " in self._definitions.get(name, "")
        )
        lost = [name for name in functions_last if not self._moves(full, name, variables[name])]
        self._session.close()
        self._session, self._restricted = full, None
        return f"[{_NOTE}; left behind: {', '.join(sorted(lost))}]\n" if lost else ""

    def _moves(self, full: Session, name: str, text: str | None) -> bool:
        """Give a variable to the full interpreter; False where nothing can stand for it."""
        source = self._definitions.get(name, "") if text is None else f"{name} = {text}"
        types = PlanTypes(self._robot.plan_types()).named.keys()
        if not (_only_defines(source, name) if text is None else _is_literal(text, types)):
            return False
        output = full.run(source)
        return output.error is None and output.limit is None


def _imports(code: ParsedCode) -> Iterator[str]:
    for node in code.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _defined(node: ast.stmt) -> list[str]:
    """List the names that an import or a function binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [alias.asname or alias.name.partition(".")[0] for alias in names]
    return []


def _only_defines(source: str, name: str) -> bool:
    """Whether source text binds a name and runs nothing else: no decorators, no computed parts."""
    try:
        body = ParsedCode.parse(source).tree.body
    except (SyntaxError, RecursionError, MemoryError):
        return False
    if len(body) != 1 or name not in _defined(body[0]):
        return False
    node = body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    hints = [part.annotation for part in ast.walk(node.args) if isinstance(part, ast.arg)]
    evaluated = (part for hint in (*hints, node.returns) if hint for part in ast.walk(hint))
    return (
        not node.decorator_list
        and not getattr(node, "type_params", [])
        and all(isinstance(default, ast.Constant) for default in defaults)
        and not any(isinstance(part, _EVALUATED) for part in evaluated)
    )


def _is_literal(text: str, types: Set[str]) -> bool:
    """Whether source text is a literal, in which values of the robot's types may stand."""
    try:
        tree = parsing.parse_expression(text).body
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:
            if not (isinstance(call.func, ast.Name) and call.func.id in types):
                return False
        parsing.literal(_Emptied().visit(tree))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return True


class _Emptied(ast.NodeTransformer):
    """Puts the tuple of its arguments in the place of each call."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        return ast.Tuple([self.visit(part) for part in parts], ast.Load())
