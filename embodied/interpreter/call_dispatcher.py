"""The calls that one action makes on a robot: checked, counted and recorded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from embodied._util.jsonable import (
    MAX_BYTES,
    SizeBudget,
    to_jsonable,
)
from embodied.brakes import BegunCall
from embodied.controller import Controller
from embodied.errors import EmbodiedError, EpisodeEnded, InfrastructureError
from embodied.interpreter.session import Output
from embodied.interpreter.typed_values import to_plain, to_plan, to_record
from embodied.limits import Limits
from embodied.trajectory import CallRecord, ErrorRecord

_REFUSALS = 20
"""Calls beyond the limit that are refused with an error before the action is broken off."""
_ACTION_BYTES = 2_000_000
"""What the calls of an action may take in its record, as JSON."""


class ActionAborted(Exception):  # noqa: N818 - a signal, not an error
    """The running action must be broken off; says which limit stopped it, if any."""

    def __init__(self, limit: str | None) -> None:
        super().__init__(limit)
        self.limit = limit


@dataclass(slots=True)
class CallResult:
    """What a call came to: a value that code can hold, or an exception for it to meet."""

    value: Any = None
    """As `to_plan` makes it."""
    exception: Exception | None = None


@dataclass(eq=False)
class DispatchedCall:
    """A call of an action, and what it came to."""

    record: CallRecord | None = None
    """None: it was refused."""
    begun: BegunCall | None = None
    result: CallResult | None = None
    """None: it has not ended yet."""
    budget: SizeBudget = field(default_factory=SizeBudget)
    """What the record may still take."""

    @property
    def failed(self) -> bool:
        """Whether it has ended with an exception."""
        return self.result is not None and self.result.exception is not None

    def note_end(self, future: Future[Any]) -> None:
        """Note how long it took."""
        if self.record is not None and self.begun is not None:
            self.record.seconds = time.perf_counter() - self.begun.begun


class CallDispatcher:
    """Makes the calls of one action and records them in its output.

    `call` makes one and waits for it. Those that `begin` begins run side by side, where the robot
    can do so; `take` hands out their results. `end`, or `break_off`, ends what still runs.
    """

    def __init__(self, robot: Controller, limits: Limits, output: Output) -> None:
        self.seconds = 0.0
        """Time that calls were waited for so far."""
        self._robot = robot
        self._limits = limits
        self._output = output
        self._refused = 0
        self._left = _ACTION_BYTES
        self._open: list[DispatchedCall] = []
        """Calls whose results nobody has taken, in the order in which they began."""
        self._together: list[CallRecord] = []
        """The calls since there was no open one."""
        self._groups = 0

    def call(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], line: int | None = None
    ) -> CallResult:
        """Make one call and wait for it.

        Args:
            name: an action of the robot.
            args: as the action gave them, values of the robot's types as instances and members;
                nothing about them is trusted.
            kwargs: likewise.
            line: where in its source the action makes the call.

        Raises:
            ActionAborted: the episode has ended, or the action goes on calling beyond its limit.
            InfrastructureError: the simulator failed, or the robot returned what code cannot hold.
        """
        call = self.begin(name, args, kwargs, line)
        while call.result is None:
            self._wait()
        self._open.remove(call)
        return call.result

    def begin(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], line: int | None = None
    ) -> DispatchedCall:
        """Begin one call, and go on; arguments and errors are those of `call`."""
        if len(self._output.calls) >= self._limits.calls:
            call = DispatchedCall(result=CallResult(exception=self._refusal()))
            self._open.append(call)
            return call
        with _recording(name):
            args = [to_plain(value) for value in args]
            kwargs = {key: to_plain(value) for key, value in kwargs.items()}
            call = self._begun(name, args, kwargs, line)
        self._settle()
        return call

    def take(self) -> DispatchedCall | None:
        """Wait until a call has ended whose result nobody has taken; of several, return the one
        that began first. None: all were taken.

        Raises:
            ActionAborted, InfrastructureError: as `call`.
        """
        while self._open:
            for call in self._open:
                if call.result is not None:
                    self._open.remove(call)
                    return call
            self._wait()
        return None

    def end(self) -> None:
        """Break off what still runs after the last line of an action, which is an error, as is a
        call that failed unnoticed.
        """
        unseen = [call for call in self._open if call.record is not None]
        running = self.break_off()
        if self._output.error is not None:
            return
        if running:
            message = (
                f"the code ended while {running[0].name}() was running; it was broken off, and the "
                "robot stopped. Await every call"
            )
            line = running[0].line
            self._output.error = ErrorRecord(type="RuntimeError", message=message, line=line)
        else:
            failed = (call.record for call in unseen if call.record and call.record.error)
            self._output.error = next((_failure(record) for record in failed), None)

    def break_off(self) -> list[CallRecord]:
        """Break off the calls that still run, and stop the robot; return their records."""
        running = [c.begun for c in self._open if c.begun and not c.begun.future.done()]
        if running:
            self._robot.brakes.abandon(running)
        records = []
        for call in self._open:
            if call.begun is not None and call.begun.future.cancelled() and call.record is not None:
                error = ErrorRecord(type="CancelledError", message="it was broken off")
                call.record.error, call.result = error, CallResult()
                call.record.steps, call.record.approval = call.begun.steps, call.begun.approval
                records.append(call.record)
        try:
            self._finish_those_done()
        finally:
            self._open.clear()
        return records

    def _begun(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], line: int | None
    ) -> DispatchedCall:
        size = min(MAX_BYTES, self._left)
        budget = SizeBudget(size=size)
        arguments = _by_name(self._robot, name, args, kwargs, budget)
        self._left -= size - budget.size
        record = CallRecord(name=name, arguments=arguments, line=line, seconds=0.0)
        call = DispatchedCall(record=record, budget=budget)
        self._output.calls.append(record)
        self._join(record)
        self._open.append(call)
        started = time.perf_counter()
        try:
            call.begun = self._robot.begin_call(name, args, kwargs)
        except NameError as error:
            self._note(call, CallResult(exception=error))
            return call
        call.begun.future.add_done_callback(call.note_end)
        self.seconds += time.perf_counter() - started
        return call

    def _join(self, record: CallRecord) -> None:
        """Give calls that run side by side the same number."""
        if not self._open:
            self._together = []
        self._together.append(record)
        if len(self._together) == 2:
            self._groups += 1
        if len(self._together) >= 2:
            self._together[0].group = record.group = self._groups

    def _wait(self) -> None:
        """Wait until one more call has ended."""
        running = [c.begun.future for c in self._open if c.result is None and c.begun]
        started = time.perf_counter()
        self._robot.brakes.wait_for_any(running)
        self.seconds += time.perf_counter() - started
        self._settle()

    def _settle(self) -> None:
        """Finish the calls that have ended; raise ActionAborted where the episode has."""
        self._finish_those_done()
        if self._output.calls and self._robot.ended and self._robot.after_end == "stop":
            self._output.ended = True
            raise ActionAborted(None)

    def _finish_those_done(self) -> None:
        for call in self._open:
            if call.result is None and call.begun is not None and call.begun.future.done():
                with _recording(call.begun.name):
                    self._note(call, self._answer(call.begun))

    def _note(self, call: DispatchedCall, result: CallResult) -> None:
        """Complete the record of a call."""
        call.result = result
        record, begun, budget = call.record, call.begun, call.budget
        if record is None:
            return
        size = budget.size = min(budget.size, self._left)
        record.result = to_jsonable(to_record(result.value), budget)
        if (raised := result.exception) is not None:
            message = budget.text(str(raised))
            record.error = ErrorRecord(type=type(raised).__name__, message=message)
        self._left -= size - budget.size
        if begun is not None:
            record.approval, record.steps = begun.approval, begun.steps

    def _answer(self, begun: BegunCall) -> CallResult:
        try:
            result = self._robot.result(begun)
        except EpisodeEnded:
            return CallResult()
        except EmbodiedError:
            raise
        except Exception as raised:
            return CallResult(exception=raised)
        try:
            return CallResult(to_plan(result, self._robot.plan_types(), self._robot.handles))
        except TypeError as error:
            raise InfrastructureError(f"{begun.name}(): {error}") from error

    def _refusal(self) -> RuntimeError:
        message = f"an action may make no more than {self._limits.calls} calls"
        self._refused += 1
        if self._refused > _REFUSALS:
            raise ActionAborted(message)
        return RuntimeError(message)


@contextmanager
def _recording(name: str) -> Iterator[None]:
    """Make of what goes wrong with a record an error of the host's."""
    try:
        yield
    except (EmbodiedError, ActionAborted):
        raise
    except Exception as error:
        raise InfrastructureError(f"{name}() could not be recorded: {error!r}") from error


def _failure(record: CallRecord) -> ErrorRecord:
    """Make the error of an action of that of a call."""
    assert record.error is not None  # noqa: S101 - of a call that failed
    return record.error.model_copy(update={"line": record.line})


def _by_name(
    robot: Controller, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], budget: SizeBudget
) -> dict[str, Any]:
    spec = robot.actions().get(name)
    try:
        if spec is not None:
            given = spec.given(args, kwargs)
            return {parameter: to_jsonable(value, budget) for parameter, value in given.items()}
    except TypeError:
        pass
    values = {str(i): value for i, value in enumerate(args)} | dict(kwargs)
    recorded: dict[str, Any] = to_jsonable(values, budget)
    return recorded
