"""One code action while Monty runs it: its calls are answered, its errors put into words."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Sequence
from typing import Any

import pydantic_monty as monty

from embodied._util.jsonable import truncate
from embodied.controller import Controller
from embodied.errors import InfrastructureError
from embodied.interpreter.call_dispatcher import ActionAborted, CallDispatcher
from embodied.interpreter.code_session import PrintedText
from embodied.interpreter.monty import error_messages, source_map
from embodied.interpreter.monty.subset import advice, surface
from embodied.interpreter.monty.subset.patterns import UntranslatableError, translate
from embodied.interpreter.session import Output
from embodied.interpreter.source_edits import EditedSource
from embodied.interpreter.static_check import unknown_name
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord

MEASURED = "()"
"""Ends the names of the host's functions, which only guarded calls reach.

No name of code ends so. The arguments of other calls are never looked at: that would copy them."""
TRANSLATE = "re.compile"
"""Names the host's function that writes patterns for Monty's engine."""
_CHARACTERS = 2000


class Execution:
    """One running code action.

    Args:
        robot: whose actions it may call.
        limits: of the action.
        source: what runs, after rewriting.
        tree: the code before that.
        names: that the session may have bound.
    """

    def __init__(
        self,
        robot: Controller,
        limits: Limits,
        source: EditedSource,
        tree: ast.Module,
        names: frozenset[str],
    ) -> None:
        self.output = Output()
        self.names = names
        self.failed_here = False
        """Whether an error comes from this action's own text, not from an earlier action's."""
        self._actions = robot.actions()
        self._limits = limits
        self._source = source
        self._tree = tree
        self._shows = isinstance(tree.body[-1], ast.Expr) if tree.body else False
        self._dispatcher = CallDispatcher(robot, limits, self.output)
        self._started = time.monotonic()
        self._raised: dict[tuple[str, str], str] = {}
        self._last_raised: tuple[str, int | None] = ("", None)
        self._lacking: set[str] = set()
        """Messages about what Monty lacks and the full interpreter has."""
        self._printed = PrintedText(limits.output_characters)

    def drive(self, worker: monty.MontySession, sources: Sequence[str | None]) -> None:
        """Run to the end, answering every suspension.

        Args:
            worker: where the session is loaded.
            sources: what it has been fed before.

        Raises:
            ActionAborted: the worker is left in the middle of the action.
        """
        self._source_map = source_map.SourceMap([*sources, self._source.text])
        try:
            snapshot = worker.feed_start(
                self._source.text, print_callback=lambda _, text: self._printed.add(text)
            )
            while not isinstance(snapshot, monty.MontyComplete):
                snapshot = self._answer(snapshot)
            if self._shows and snapshot.output is not None:
                self.output.value = truncate(snapshot.output, self._limits.output_characters)
        except monty.MontyCrashedError as error:
            what = f"{self._limits.seconds:g} seconds" if error.timed_out else "its memory"
            raise ActionAborted(f"the code used up {what}") from None
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            self._report(error)
        except (RecursionError, OverflowError, TypeError, ValueError) as error:
            message = f"the code made a value that cannot be handled: {error}"
            raise ActionAborted(message) from None
        finally:
            self.output.stdout = str(self._printed)

    def _report(self, error: monty.MontyRuntimeError | monty.MontySyntaxError) -> None:
        exception, frames = error.exception(), error.traceback()
        if isinstance(exception, TimeoutError) and not frames:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds")
        if isinstance(exception, MemoryError) and "memory limit" in str(exception):
            raise ActionAborted(f"the code used up {self._limits.memory_bytes} bytes of memory")
        text = error.display("msg")
        unread = isinstance(error, monty.MontySyntaxError) or error_messages.UNREAD in text
        self.output.parsed = not (unread and all(frame.function_name is None for frame in frames))
        message = _cut(exception if isinstance(exception, KeyError) else text)
        inside = [frame for frame in frames if self._source_map.knows(frame.filename)]
        place = inside[-1] if inside else None
        self.failed_here = place is not None and self._source_map.is_last(place.filename)
        self.output.error = ErrorRecord(
            type=self._kind(exception, message),
            message=self._reword(exception, message),
            line=place.line if place else None,
            statement=next((f.line for f in inside if self._source_map.is_last(f.filename)), None),
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

    def _kind(self, exception: BaseException, message: str) -> str:
        name = type(exception).__name__
        if name == "Incomplete":
            return "EOFError"
        if error_messages.is_about_arguments(message):
            return "NotImplementedError"
        return self._raised.get((name, message), name)

    def _reword(self, exception: BaseException, message: str) -> str:
        """Put a message into the policy's words, and note where it is about what Monty lacks."""
        unknown = re.fullmatch(r"name '(\w+)' is not defined", message)
        if isinstance(exception, NameError) and unknown:
            message = str(self._unknown(unknown[1]))
        self.output.unsupported = message in self._lacking or error_messages.is_gap(message)
        return error_messages.reword(message)

    def _unknown(self, name: str) -> Exception:
        if surface.is_builtin(name) and name not in surface.BUILTINS:
            missing = advice.missing(name)
            self._lacking.add(missing)
            return NotImplementedError(missing)
        return NameError(unknown_name(name, {*self._actions, *self.names} - {name}))

    def _answer(self, snapshot: Any) -> Any:
        if time.monotonic() - self._started - self._dispatcher.seconds > self._limits.seconds:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds")
        if isinstance(snapshot, monty.FunctionSnapshot):
            answer = self._operating_system if snapshot.is_os_function else self._call
            return answer(snapshot)
        if isinstance(snapshot, monty.NameLookupSnapshot):
            return snapshot.resume()
        raise ActionAborted("the code waits for something that never comes (async)")

    def _operating_system(self, snapshot: monty.FunctionSnapshot) -> Any:
        if snapshot.function_name != "import":
            return snapshot.resume_not_handled()
        module = str(snapshot.args[0]) if snapshot.args else "module"
        message = advice.no_module(module)
        if surface.only_full_has(module):
            self._lacking.add(message)
        return snapshot.resume({"exception": ModuleNotFoundError(message)})

    def _call(self, snapshot: monty.FunctionSnapshot) -> Any:
        called = str(snapshot.function_name)
        name = called.removesuffix(MEASURED)
        if name == TRANSLATE and name != called:
            return snapshot.resume(self._translate(*snapshot.args))
        if name == called or name not in self._actions:
            if name == "input":
                return snapshot.resume(self._exception(EOFError("EOF when reading a line")))
            return snapshot.resume({"exception": self._unknown(called)})
        line = self._source_map.line(snapshot.position)
        made = self._dispatcher.call(name, snapshot.args, snapshot.kwargs, line)
        answer: Any = {"return_value": made.value}
        if made.exception is not None:
            answer = self._exception(made.exception)
            self._last_raised = (_cut(made.exception), line)
        try:
            return snapshot.resume(answer)
        except monty.MontyRuntimeError as error:
            if error.traceback() or not isinstance(error.exception(), TypeError | ValueError):
                raise
            raise InfrastructureError(
                f"{name}() returned what code cannot hold: {error}"
            ) from error

    def _translate(self, pattern: str, flags: int, empty: bool) -> Any:
        try:
            return {"return_value": translate(pattern, flags, empty)}
        except UntranslatableError as error:
            message = f"this pattern cannot be used here; {error}"
            return {"exception": NotImplementedError(message)}
        except (re.error, OverflowError, RecursionError) as error:
            return {"exc_type": "re.PatternError", "message": str(error)}

    def _exception(self, exception: Exception) -> Any:
        """Hand an exception to the code; Monty makes those that it does not know their base."""
        known = next(kind for kind in type(exception).__mro__ if kind.__module__ == "builtins")
        self._raised[known.__name__, _cut(exception)] = type(exception).__name__
        if isinstance(exception, EOFError):
            return {"exc_type": "binascii.Incomplete", "message": str(exception)}
        return {"exception": exception}


def _cut(message: object) -> str:
    """Shorten a message to what a record keeps."""
    return truncate(str(message), _CHARACTERS)
