"""Runs actions that are lists of calls: in order, some side by side, up to the first that fails."""

from __future__ import annotations

from collections.abc import Sequence

from embodied._util.jsonable import safe_repr, truncate
from embodied.action_formats.call_objects import groups
from embodied.action_formats.format import Call, CallFormat
from embodied.controller import Controller
from embodied.errors import DataError
from embodied.interpreter.call_dispatcher import ActionAborted, CallDispatcher, DispatchedCall
from embodied.interpreter.session import Output, Session
from embodied.interpreter.typed_values import pictures_in, to_record
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord


class CallSession(Session):
    """Runs the actions of one episode in a format of calls. Nothing lives on between them."""

    def __init__(self, robot: Controller, limits: Limits, action_format: CallFormat) -> None:
        self._robot = robot
        self._limits = limits
        self._format = action_format

    def run(self, code: str) -> Output:
        """Make the calls of an action; what they return is its output, a line each."""
        output = Output()
        if len(code) > self._limits.code_characters:
            output.limit = f"the action is longer than {self._limits.code_characters} characters"
            return output
        dispatcher = CallDispatcher(self._robot, self._limits, output)
        try:
            for number, calls in groups(self._format.calls(code)):
                self._make(dispatcher, output, number, calls)
                if output.error is not None:
                    break
        except ActionAborted as broken:
            output.limit = broken.limit
        finally:
            dispatcher.break_off()
        output.stdout = _cut("\n".join(output.texts), self._limits.output_characters)
        output.texts = _cut_together(output.texts, self._limits.output_characters)
        return output

    def _make(
        self, dispatcher: CallDispatcher, output: Output, number: int, calls: Sequence[Call]
    ) -> None:
        """Make calls side by side and wait for all; begin none after one that has failed."""
        begun: list[DispatchedCall] = []
        for line, call in enumerate(calls, start=number):
            begun.append(dispatcher.begin(call.name, call.args, call.kwargs, line))
            if begun[-1].failed:
                break
        while dispatcher.take():
            pass
        failures: list[str] = []
        for line, made in enumerate(begun, start=number):
            if made.result is not None and made.result.exception is not None:
                error = _error(made.result.exception, line)
                failures.append(f"{error.type}: {error.message}")
                output.error = output.error or error
            elif made.result is not None:
                for image in pictures_in(made.result.value, self._robot.handles):
                    self._robot.show_picture(image)
                value = to_record(made.result.value)
                text = value if isinstance(value, str) else safe_repr(value, 20_000)
                output.texts += [*failures, text]
                failures = []

    def dump(self) -> bytes:
        """Return nothing: there are no variables."""
        return b""

    def load(self, state: bytes) -> None:
        """Refuse any state: there are no variables."""
        if state:
            raise DataError("a session of calls has no variables to load")

    def _close(self) -> None:
        pass


def _error(raised: Exception, line: int) -> ErrorRecord:
    message = truncate(str(raised))
    return ErrorRecord(type=type(raised).__name__, message=message, line=line)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}\n[output cut at {limit} characters]"


def _cut_together(texts: Sequence[str], limit: int) -> list[str]:
    """Cut the texts where all of them together, a line break after each, reach the limit."""
    kept: list[str] = []
    left = limit
    for text in texts:
        note = f"{text[:left]}\n[output cut at {limit} characters]".lstrip("\n")
        kept.append(text if len(text) <= left else note)
        left = max(left - len(text) - 1, 0)
    return kept
