"""Feedback without a model, by errors and by progress towards the goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real

from embodied._util.jsonable import safe_repr, truncate
from embodied.controller import Controller
from embodied.feedback.base import (
    BAD,
    FEEDBACK_CHARACTERS,
    GOOD,
    Feedback,
    FeedbackMode,
    FeedbackProvider,
)
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import CallRecord, ErrorRecord, Message, Turn

_PART_CHARACTERS = 400


class RuleFeedback(FeedbackProvider):
    """Calls a turn good that could be read, ran without an error, a failing call or a limit, and
    lost no progress. It knows no simulator: progress counts where the environment reports it.

    Args:
        mode: `binary`: the verdict; `textual`: why, and what to do next.
    """

    def __init__(self, mode: FeedbackMode) -> None:
        self.mode = mode
        self._robot: Controller | None = None
        self._before: float | None = None

    def begin(self, task: Task, robot: Controller, protocol: Protocol) -> None:
        """Note the robot's progress so far."""
        self._robot = robot
        self._before = _progress(robot)

    async def feedback(self, messages: Sequence[Message], turn: Turn) -> Feedback:
        """Judge a turn, or say why."""
        fault = self._fault(turn)
        if self.mode == "binary":
            return Feedback(BAD if fault else GOOD)
        return Feedback(truncate(fault or _praise(turn), FEEDBACK_CHARACTERS))

    def _fault(self, turn: Turn) -> str | None:
        """Describe the first thing wrong with a turn and what to do about it; None: nothing is."""
        lost = self._loses_progress()
        if turn.format_error:
            return (
                "No action could be read from your message. Write the next one in the form that "
                "you were shown."
            )
        if failure := _failure(turn):
            return failure
        if lost:
            return (
                "The last action undid a part of what the task asks for. Look again at what it "
                "changed, and put that right first."
            )
        if turn.answer is not None:
            return (
                "The goal is not reached, so there is nothing to answer yet. Go on with the task."
            )
        return None

    def _loses_progress(self) -> bool:
        if self._robot is None:
            return False
        before, now = self._before, _progress(self._robot)
        self._before = before if now is None else now
        return before is not None and now is not None and now < before


def _failure(turn: Turn) -> str | None:
    if turn.limit is not None:
        limit = truncate(turn.limit, _PART_CHARACTERS).rstrip(".")
        return f"The action was broken off: {limit}. Do less in one action."
    error = turn.error
    failing = [(call, call.error) for call in turn.calls if call.error is not None]
    if failing:
        call, cause = failing[-1] if error else failing[0]
        if error is None or (cause.type, cause.message) == (error.type, error.message):
            return (
                f"The call {_written(call)} failed: {_said(cause)} Do what this asks for before "
                "you try the call again."
            )
    if error is None:
        return None
    where = f" in line {error.line}" if error.line else ""
    return f"The action failed{where}: {_said(error)} Correct this before you go on."


def _praise(turn: Turn) -> str:
    match len(turn.calls):
        case 0:
            done = "The action ran without an error, but the robot did nothing."
        case 1:
            done = f"The call {_written(turn.calls[0])} worked."
        case number:
            done = f"All {number} calls worked."
    return f"{done} Use what you have learned and go on with the task."


def _written(call: CallRecord) -> str:
    arguments = (
        safe_repr(value, 80) if name.isdigit() else f"{name}={safe_repr(value, 80)}"
        for name, value in call.arguments.items()
    )
    return truncate(f"{call.name}({', '.join(arguments)})", _PART_CHARACTERS)


def _said(error: ErrorRecord) -> str:
    words = " ".join(error.message.split())
    text = truncate(f"{error.type}: {words}" if words else error.type, _PART_CHARACTERS)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _progress(robot: Controller) -> float | None:
    """Measure progress after the last step: it grows as the goal comes nearer; None: unknown.

    `info["progress"]` is a number that grows, or conditions of the goal with whether each holds.
    Those of another way to the goal may take their place, so what counts is how many are unmet.
    """
    if robot.last_result is None:
        return None
    match robot.last_result.info.get("progress"):
        case Mapping() as conditions:
            return -sum(not held for held in conditions.values()) if conditions else None
        case Real() as number:
            return float(number)
    return None
