"""Plays an expert's Python in action formats that have no control flow: one call a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embodied.action_formats import Call
from embodied.brakes import BegunCall
from embodied.controller import ActionSpec, Controller
from embodied.environment import Observation
from embodied.errors import EpisodeEnded
from embodied.interpreter import Output, Session
from embodied.plan_types import PlanType


class PlanStepper:
    """Runs the code of an expert's steps against a stand-in for the robot, call by call.

    The code is run up to its next call, which is then made in the episode; with the answers of all
    calls so far it is run again from its start, up to the call after them. An action that is broken
    off leaves no variables, so that the code takes effect once, when all its calls are answered.

    Args:
        robot: the robot's class.
        make_session: makes a session of an interpreter on a robot.
    """

    def __init__(
        self, robot: type[Controller], make_session: Callable[[Controller], Session]
    ) -> None:
        self._stand_in = _StandIn(robot)
        self._session = make_session(self._stand_in)
        self._code = ""

    def start(self, code: str) -> Call | Output:
        """Start a step: return its first call, or what it printed where it makes none."""
        self._code = code
        self._stand_in.answers.clear()
        return self._go_on()

    def next(self, answer: Any) -> Call | Output:
        """Return the step's next call, given the answer to its last; after it, what it printed."""
        self._stand_in.answers.append(answer)
        return self._go_on()

    def close(self) -> None:
        """End the interpreter."""
        self._session.close()

    def _go_on(self) -> Call | Output:
        self._stand_in.pending, self._stand_in.given = None, 0
        output = self._session.run(self._code)
        return self._stand_in.pending or output


class _StandIn(Controller):
    """Has a robot's actions; gives the answers that it was told, and then ends the run.

    It has no environment, and sends no command.
    """

    def __init__(self, robot: type[Controller]) -> None:
        self.answers: list[Any] = []
        self.pending: Call | None = None
        self._robot = robot
        self.given = 0
        self.begin(Observation(""), max_steps=None)

    def actions(self) -> Mapping[str, ActionSpec]:  # type: ignore[override]
        return self._robot.actions()

    def plan_types(self) -> Mapping[type, PlanType]:  # type: ignore[override]
        return self._robot.plan_types()

    def robots(self) -> Mapping[str, Mapping[str, str]]:  # type: ignore[override]
        return self._robot.robots()

    @property
    def ended(self) -> bool:
        return self.pending is not None

    def begin_call(
        self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = {}
    ) -> BegunCall:
        call = BegunCall(name)
        if self.given == len(self.answers):
            self.pending = Call(name, tuple(args), dict(kwargs))
            call.future.set_exception(EpisodeEnded())
            return call
        answer = self.answers[self.given]
        self.given += 1
        if isinstance(answer, Exception):
            call.future.set_exception(answer)
        else:
            call.future.set_result(answer)
        return call

    def result(self, call: BegunCall) -> Any:
        return call.future.result()
