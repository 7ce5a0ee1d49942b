"""The calls that one action makes on a robot: checked, counted and recorded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embodied._util.jsonable import (
    MAX_BYTES,
    SizeBudget,
    to_jsonable,
)
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


class CallDispatcher:
    """Makes the calls of one action and records them in its output."""

    def __init__(self, robot: Controller, limits: Limits, output: Output) -> None:
        self.seconds = 0.0
        """Time that the calls have taken so far."""
        self._robot = robot
        self._limits = limits
        self._output = output
        self._refused = 0
        self._left = _ACTION_BYTES

    def call(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], line: int | None = None
    ) -> CallResult:
        """Make one call.

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
        if len(self._output.calls) >= self._limits.calls:
            return CallResult(exception=self._refusal())
        try:
            args = [to_plain(value) for value in args]
            kwargs = {key: to_plain(value) for key, value in kwargs.items()}
            return self._made(name, args, kwargs, line)
        except (EmbodiedError, ActionAborted):
            raise
        except Exception as error:
            raise InfrastructureError(f"{name}() could not be recorded: {error!r}") from error

    def _made(
        self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], line: int | None
    ) -> CallResult:
        first_step, started = len(self._robot.steps), time.perf_counter()
        answer = self._answer(name, args, kwargs)
        seconds = time.perf_counter() - started
        self.seconds += seconds
        size = min(MAX_BYTES, self._left)
        budget = SizeBudget(size=size)
        raised = answer.exception
        self._output.calls.append(
            CallRecord(
                name=name,
                arguments=_by_name(self._robot, name, args, kwargs, budget),
                result=to_jsonable(to_record(answer.value), budget),
                error=None
                if raised is None
                else ErrorRecord(type=type(raised).__name__, message=budget.text(str(raised))),
                line=line,
                approval=self._robot.last_approval,
                seconds=seconds,
                steps=self._robot.steps[first_step:],
            )
        )
        self._left = max(0, self._left - size + budget.size)
        if self._robot.ended and self._robot.after_end == "stop":
            self._output.ended = True
            raise ActionAborted(None)
        return answer

    def _answer(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> CallResult:
        try:
            result = self._robot.call(name, args, kwargs)
        except EpisodeEnded:
            return CallResult()
        except EmbodiedError:
            raise
        except Exception as raised:
            return CallResult(exception=raised)
        try:
            return CallResult(to_plan(result, self._robot.plan_types(), self._robot.handles))
        except TypeError as error:
            raise InfrastructureError(f"{name}(): {error}") from error

    def _refusal(self) -> RuntimeError:
        message = f"an action may make no more than {self._limits.calls} calls"
        self._refused += 1
        if self._refused > _REFUSALS:
            raise ActionAborted(message)
        return RuntimeError(message)


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
