"""One code action while Monty runs it: its calls are answered, its errors put into words."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from embodied._util.jsonable import safe_repr, truncate
from embodied.controller import Controller
from embodied.errors import InfrastructureError
from embodied.interpreter.awaited_calls import PREFIX
from embodied.interpreter.call_dispatcher import (
    ActionAborted,
    CallDispatcher,
    CallResult,
    DispatchedCall,
)
from embodied.interpreter.code_session import PrintedText
from embodied.interpreter.monty import error_messages, source_map, wire
from embodied.interpreter.monty.polyfills import TRANSLATE
from embodied.interpreter.monty.rewrite import Rewritten
from embodied.interpreter.monty.state import State
from embodied.interpreter.monty.subset import advice, surface
from embodied.interpreter.monty.subset.patterns import UntranslatableError, translate
from embodied.interpreter.monty.worker import Worker, WorkerDied
from embodied.interpreter.session import Output
from embodied.interpreter.static_check import unknown_name
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord

_CHARACTERS = 2000


class Execution:
    """One running code action.

    Args:
        robot: whose actions it may call.
        types: of the robot.
        limits: of the action.
        rewritten: what runs.
        tree: the code before that.
        names: that the session may have bound.
    """

    def __init__(
        self,
        robot: Controller,
        types: PlanTypes,
        limits: Limits,
        rewritten: Rewritten,
        tree: ast.Module,
        names: frozenset[str],
    ) -> None:
        self.output = Output()
        self.names = names
        self.failed_here = False
        """Whether an error comes from this action's own text, not from an earlier action's."""
        self._actions = robot.actions()
        self._types = types
        self._robots = robot.robots()
        self._limits = limits
        self._source = rewritten.source
        self._tree = tree
        self._shows = rewritten.shows
        self._dispatcher = CallDispatcher(robot, limits, self.output)
        self._started = time.monotonic()
        self._raised: dict[tuple[str, str], str] = {}
        self._last_raised: tuple[str, int | None] = ("", None)
        self._lacking: set[str] = set()
        """Messages about what Monty lacks and the full interpreter has."""
        self._printed = PrintedText(limits.output_characters)
        self._begun: dict[DispatchedCall, int] = {}
        """Calls that code can await, and their numbers."""

    def drive(self, worker: Worker, state: State) -> None:
        """Run to the end, answering whatever the code waits for.

        Args:
            worker: where the session is loaded.
            state: what it has been fed before, and what it knows.

        Raises:
            ActionAborted: the worker is left in the middle of the action.
        """
        self._source_map = source_map.SourceMap([*state.sources, self._source.text])
        tuples = frozenset(known.name for known in self._types.of_form("tuple"))
        self._known = wire.TypeNames(tuples, state.members)
        try:
            event = worker.feed(self._source.text, self._printed.add)
            while not self._is_end(event):
                event = worker.ask(self._answer(event))
            self._dispatcher.end()
        except WorkerDied as death:
            raise ActionAborted(self._cause(death)) from None
        except wire.MalformedMessage:
            raise ActionAborted("the code disturbed the process that ran it") from None
        finally:
            self._dispatcher.break_off()
            self.output.stdout = str(self._printed)

    def _cause(self, death: WorkerDied) -> str:
        if death.timed_out:
            return f"the code used up {self._limits.seconds:g} seconds"
        if death.out_of_memory:
            return f"the code used up {self._limits.memory_bytes} bytes of memory"
        return "the code used up its memory"

    def _is_end(self, event: wire.Event) -> bool:
        """Whether the code has ended; then this takes note of how."""
        match event:
            case wire.Completed():
                if self._shows:
                    self._show(event)
            case wire.Raised():
                self._report(event)
            case wire.Broken():
                raise ActionAborted("the code used up its memory")
            case _:
                return False
        return True

    def _show(self, event: wire.Completed) -> None:
        try:
            value = event.value()
        except (ValueError, TypeError):
            value = "(too large to show)"
        if value is not None:
            text = value if isinstance(value, str) else safe_repr(value)
            self.output.value = truncate(text, self._limits.output_characters)

    def _report(self, raised: wire.Raised) -> None:
        frames, text = raised.frames, raised.message
        if raised.kind == "TimeoutError" and not frames and "time limit exceeded" in text:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds")
        if raised.kind == "MemoryError" and "memory limit" in text:
            raise ActionAborted(f"the code used up {self._limits.memory_bytes} bytes of memory")
        unread = raised.kind == "SyntaxError" or error_messages.UNREAD in text
        self.output.parsed = not (
            unread and frames and all(frame.function is None for frame in frames)
        )
        message = _cut(repr(text[: _CHARACTERS + 1]) if raised.kind == "KeyError" else text)
        inside = [frame for frame in frames if self._source_map.knows(frame.file)]
        place = inside[-1] if inside else None
        self.failed_here = place is not None and self._source_map.is_last(place.file)
        self.output.error = ErrorRecord(
            type=self._kind(raised.kind, message),
            message=self._reword(raised.kind, message),
            line=place.line if place else None,
            statement=next((f.line for f in inside if self._source_map.is_last(f.file)), None),
            column=self._source.column(place.line, place.column)
            if place and self.failed_here
            else None,
        )
        self._correct_place(self.output.error, message)

    def _correct_place(self, error: ErrorRecord, message: str) -> None:
        """Find the line where Monty names another: that of a function, or of an `except`."""
        lines = self._candidates(error, message)
        if lines:
            self.failed_here = len(lines) == 1
            error.line = lines[0] if self.failed_here else None
            error.column = None

    def _candidates(self, error: ErrorRecord, message: str) -> list[int]:
        """List the lines where an error may have been raised; none: where its record says."""
        misfit = re.match(r"(?:\w+\.)?(\w+)\(\) (?:missing|takes|got) ", message)
        if misfit and error.type == "TypeError":
            lines = source_map.call_lines(self._tree, misfit[1])
            return [] if error.line in lines else lines
        if error_messages.is_about_arguments(message):
            return source_map.odd_raises(self._tree)
        if error.line is None or error.column is None:
            return []
        lines = source_map.possible_raise_lines(self._tree, error.line, error.column)
        raised, line = self._last_raised
        return [line] if lines and line is not None and raised == error.message else lines

    def _kind(self, name: str, message: str) -> str:
        if name == "Incomplete":
            return "EOFError"
        if name == "PatternError":
            return re.error.__name__
        if error_messages.is_about_arguments(message):
            return "NotImplementedError"
        return self._raised.get((name, message), name)

    def _reword(self, kind: str, message: str) -> str:
        """Put a message into the policy's words, and note where it is about what Monty lacks."""
        unknown = re.fullmatch(r"name '(\w+)' is not defined", message)
        if kind == "NameError" and unknown:
            message = str(self._unknown(unknown[1]))
        self.output.unsupported = message in self._lacking or error_messages.is_gap(message)
        return error_messages.reword(message)

    def _unknown(self, name: str) -> Exception:
        if surface.is_builtin(name) and name not in surface.BUILTINS:
            missing = advice.missing(name)
            self._lacking.add(missing)
            return NotImplementedError(missing)
        return NameError(unknown_name(name, {*self._actions, *self.names} - {name}))

    def _answer(self, event: wire.Event) -> bytes:
        if time.monotonic() - self._started - self._dispatcher.seconds > self._limits.seconds:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds")
        match event:
            case wire.Called():
                return self._call(event)
            case wire.SystemCalled(module=None):
                return wire.refuse(event.number)
            case wire.SystemCalled(module=str(module)):
                return self._import(event.number, module)
            case wire.LookedUp(name=name, receiver=b""):
                return self._look_up(name)
            case wire.LookedUp(name=name, receiver=receiver):
                method = self._method(receiver, name)
                return wire.function(method) if method else wire.UNDEFINED
            case wire.Waiting():
                return self._awaited()
        raise wire.MalformedMessage

    def _look_up(self, name: str) -> bytes:
        known = self._types.named.get(name)
        if name in self._robots:
            return wire.robot(name)
        action = name.removeprefix(PREFIX) in self._actions
        if action or name == TRANSLATE or (known and known.form == "tuple"):
            return wire.function(name)
        return wire.class_(known, self._known) if known else wire.UNDEFINED

    def _import(self, number: int, module: str) -> bytes:
        message = advice.no_module(module)
        if surface.only_full_has(module):
            self._lacking.add(message)
        return wire.fail(number, "ModuleNotFoundError", message)

    def _call(self, called: wire.Called) -> bytes:
        own = called.name.removeprefix(PREFIX)
        name = self._method(called.receiver, called.name) if called.receiver else own
        if name == TRANSLATE:
            return self._translate(called)
        try:
            if not name:
                raise AttributeError(f"{self._owner(called)} has no attribute {called.name!r}")
            if name not in self._actions and name not in self._types.named:
                raise self._unknown(name)
            args, kwargs = called.arguments(self._types.named)
            if name not in self._actions:
                made = self._types.make(name, args, kwargs)
                return wire.give(called.number, made, self._known)
        except (ValueError, TypeError, NameError, NotImplementedError, AttributeError) as error:
            return self._fail(called.number, error)
        return self._call_robot(called, name, args, kwargs)

    def _call_robot(
        self, called: wire.Called, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> bytes:
        line = self._source_map.line(called.file, called.offset)
        if called.name.startswith(PREFIX):
            self._begun[self._dispatcher.begin(name, args, kwargs, line)] = called.number
            return wire.begun(called.number)
        made = self._dispatcher.call(name, args, kwargs, line)
        if made.exception is not None:
            self._last_raised = (_cut(made.exception), line)
        return self._result(called.number, made)

    def _awaited(self) -> bytes:
        """Give what the next of the awaited calls came to."""
        call = self._dispatcher.take()
        if call is None or call.result is None:
            raise ActionAborted("the code waits for something that never comes")
        return self._result(self._begun.pop(call), call.result, awaited=True)

    def _result(self, number: int, made: CallResult, *, awaited: bool = False) -> bytes:
        if made.exception is not None:
            return self._fail(number, made.exception, awaited=awaited)
        try:
            return wire.give(number, made.value, self._known, awaited=awaited)
        except (TypeError, ValueError, RecursionError) as error:
            raise InfrastructureError(f"a call returned what code cannot hold: {error}") from error

    def _owner(self, called: wire.Called) -> str:
        """Name what a method was called on, as CPython's errors do."""
        robots = (n for n in self._robots if wire.identity_of(n) == called.receiver)
        return f"'{next(robots, 'this')}' object"

    def _method(self, receiver: bytes, name: str) -> str:
        """Name the type that is called, or the action of one of several robots; empty for another
        method, which no value has.
        """
        for robot, actions in self._robots.items():
            if wire.identity_of(robot) == receiver:
                return actions.get(name, "")
        called_so = (n for n in self._types.named if wire.identity_of(n) == receiver)
        return next(called_so, "") if name == "__call__" else ""

    def _translate(self, called: wire.Called) -> bytes:
        """Write a pattern for Monty's engine."""
        try:
            (pattern, flags, empty), _ = called.arguments()
            return wire.give(called.number, translate(pattern, flags, empty))
        except UntranslatableError as error:
            message = f"this pattern cannot be used here; {error}"
            return self._fail(called.number, NotImplementedError(message))
        except (re.error, OverflowError, RecursionError, TypeError, ValueError) as error:
            return wire.fail(called.number, "re.PatternError", str(error))

    def _fail(self, number: int, exception: Exception, *, awaited: bool = False) -> bytes:
        """Hand an exception to the code; Monty makes those that it does not know their base."""
        known = next(kind for kind in type(exception).__mro__ if kind.__module__ == "builtins")
        self._raised[known.__name__, _cut(exception)] = type(exception).__name__
        kind = "binascii.Incomplete" if isinstance(exception, EOFError) else known.__name__
        message = exception.args[0] if known is KeyError and exception.args else exception
        return wire.fail(number, kind, str(message), awaited=awaited)


def _cut(message: object) -> str:
    """Shorten a message to what a record keeps."""
    return truncate(str(message), _CHARACTERS)
