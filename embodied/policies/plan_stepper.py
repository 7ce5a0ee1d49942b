"""Plays an expert's Python in action formats that have no control flow: one call a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embodied.action_formats import Call
from embodied.controller import ActionSpec, Controller
from embodied.errors import EpisodeEnded
from embodied.interpreter import Output, make_interpreter


class PlanStepper:
    """Runs the code of an expert's steps against a stand-in for the robot, call by call.

    The code is run up to its next call, which is then made in the episode; with the answers of all
    calls so far it is run again from its start, up to the call after them. An action that is broken
    off leaves no variables, so that the code takes effect once, when all its calls are answered.
    """

    def __init__(self, robot: Controller) -> None:
        self._robot = robot
        self._stand_in = _StandIn(robot)
        self._session = make_interpreter("restricted", self._stand_in, check=False)
        self._code = ""

    def start(self, code: str) -> Call | Output:
        """Start a step: return its first call, or what it printed where it makes none."""
        self._code = code
        self._stand_in.answers.clear()
        return self._go_on()

    def next(self) -> Call | Output:
        """Return the step's next call, now that the last one is made; after it, what it printed."""
        self._stand_in.answers.append(self._robot.last_answer)
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

    It never sends a command to the environment.
    """

    def __init__(self, robot: Controller) -> None:
        self.answers: list[Any] = []
        self.pending: Call | None = None
        self._specs_of_robot = robot.actions()
        self.given = 0
        super().__init__(robot.environment)

    def actions(self) -> Mapping[str, ActionSpec]:  # type: ignore[override]
        return self._specs_of_robot

    @property
    def ended(self) -> bool:
        return self.pending is not None

    def call(self, name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = {}) -> Any:
        if self.given == len(self.answers):
            self.pending = Call(name, tuple(args), dict(kwargs))
            raise EpisodeEnded
        answer = self.answers[self.given]
        self.given += 1
        if isinstance(answer, Exception):
            raise answer
        return answer
