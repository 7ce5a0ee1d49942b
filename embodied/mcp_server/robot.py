"""A robot that somebody outside drives: one environment, one episode at a time."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from embodied._util.closeable import Closeable
from embodied._util.jsonable import safe_repr, truncate
from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.call_session import CallSession
from embodied.approval import Approver
from embodied.controller import ActionSpec, Controller
from embodied.environment import Attachment
from embodied.errors import EmbodiedError, ErrorBoundary
from embodied.interpreter import Output
from embodied.limits import Limits
from embodied.policy import Reply
from embodied.task import Task
from embodied.trajectory import ToolCall

START = "start_episode"
"""The tool that begins an episode anew."""
TASKS = "embodied://tasks"
"""The resource that lists the tasks, by which a client knows this server."""
TEXT_CHARACTERS = 20_000
"""A longer result is cut."""
_log = logging.getLogger(__name__)
_ANEW = f"{START} begins it anew"


@dataclass(frozen=True)
class ToolResult:
    """What a tool call came to."""

    text: str
    """For the agent to read."""
    refused: bool
    """Whether the call was a mistake, or failed."""
    status: Mapping[str, Any]
    """Where the episode stands, as plain data."""
    attachments: tuple[Attachment, ...] = ()
    result: Any = None
    """What the call returned, as plain data; of the beginning of an episode, what is seen first."""


class HostedRobot(Closeable):
    """A robot and the episode that it is in.

    Not for two threads at a time.

    Args:
        make_robot: makes the environment and the robot in it.
        tasks: those that may be played, by id.
        task: the id of the first one.
        max_steps: environment steps of an episode; None: no bound.
        seed: of tasks that have none of their own.

    Raises:
        EmbodiedError: the first episode cannot be started.
    """

    def __init__(
        self,
        make_robot: Callable[[], Controller],
        tasks: Mapping[str, Task],
        task: str,
        max_steps: int | None,
        seed: int,
    ) -> None:
        self.tasks = tasks
        self.task = tasks[task]
        self._make_robot = make_robot
        self._max_steps = max_steps
        self._seed = seed
        self._robot: Controller | None = None
        self._start()

    @property
    def opening(self) -> str:
        """The running episode's first observation, and what it may take."""
        if self._robot is None:
            return f"There is no running episode; {START} begins one."
        steps = f"\nIt may take {self._max_steps} steps." if self._max_steps is not None else ""
        return f"{self._robot.first_observation.text}{steps}"

    @property
    def introduction(self) -> str:
        """What the robot says of itself above its functions; may be empty."""
        return self._format.controller.introduction

    def tools(self) -> list[dict[str, Any]]:
        """Describe each of the robot's functions: name, description, parameters, and the schema
        of what it returns where that is no text.
        """
        specs = self._format.controller.actions().values()
        described = zip(self._format.tools(), specs, strict=True)
        return [{**tool["function"], "returns": _returned(spec)} for tool, spec in described]

    def start(self, task: object = None) -> ToolResult:
        """Begin an episode.

        Args:
            task: the task's id, as the agent gave it; None: the same task again.
        """
        if task is not None and not (isinstance(task, str) and task in self.tasks):
            return self._answer(f"there is no task {safe_repr(task, 80)}", refused=True)
        self.task = self.task if task is None else self.tasks[str(task)]
        try:
            robot = self._start()
        except EmbodiedError as error:
            _log.error("%s", error, exc_info=error.__cause__)
            return self._answer(f"the episode does not start: {error}", refused=True)
        first = robot.first_observation
        return self._answer(self.opening, first.attachments, result=first.text)

    def call(
        self, tool: str, arguments: Mapping[str, Any], approver: Approver | None = None
    ) -> ToolResult:
        """Call one of the robot's functions with unchecked arguments.

        Args:
            tool: its name.
            arguments: by parameter name.
            approver: judges the call; None: one that needs to be approved is refused.
        """
        robot = self._robot
        if robot is None:
            return self._answer(f"there is no running episode; {START} begins one", refused=True)
        if robot.ended:
            return self._answer(f"{self._ending(robot)} {_ANEW}.", refused=True)
        call = ToolCall(id="call", name=tool, arguments=json.dumps(arguments))
        reading = self._format.parse(Reply("", tool_calls=(call,)))
        if reading.action is None:
            return self._answer(str(reading.problem), refused=True)
        robot.approver = approver
        try:
            output = CallSession(robot, Limits(), self._format).run(reading.action)
        except EmbodiedError as error:
            _log.error("%s", error, exc_info=error.__cause__)
            self.close()
            return self._answer(f"the episode broke off: {error}; {_ANEW}", refused=True)
        return self._told(robot, output)

    def close(self) -> None:
        """Stop the robot and release its environment; calling it again does nothing."""
        if self._robot is not None:
            self._robot.brakes.halt()
            with contextlib.suppress(Exception):
                self._robot.environment.close()
        self._robot = None

    def break_off(self) -> None:
        """Let no further call begin. Any thread may do so."""
        if self._robot is not None:
            self._robot.brakes.break_off()

    def stop(self) -> None:
        """Bring the robot to rest, in any thread."""
        if self._robot is not None:
            self._robot.brakes.halt()

    def _start(self) -> Controller:
        try:
            self.stop()
            robot = self._robot or self._make_robot()
            self._robot = robot
            robot.brakes.begin()
            seed = self._seed if self.task.seed is None else self.task.seed
            with ErrorBoundary("the simulator"):
                robot.begin(robot.environment.reset(self.task, seed), self._max_steps)
        except EmbodiedError:
            self.close()
            raise
        self._format = ToolsFormat(type(robot))
        return robot

    def _told(self, robot: Controller, output: Output) -> ToolResult:
        attachments = tuple(robot.take_attachments())
        text, refused, result = output.limit or "", output.limit is not None, None
        if output.calls:
            text, refused = _said(robot, output)
            result = None if refused else output.calls[-1].result
        if robot.ended:
            robot.brakes.halt()
            text = f"{text}\n{self._ending(robot)}"
        return self._answer(text, attachments, refused=refused, result=result)

    def _ending(self, robot: Controller) -> str:
        count = len(robot.steps)
        steps = f"{count} step{'' if count == 1 else 's'}"
        if robot.success:
            return f"The episode is over: the task is solved, in {steps}."
        why = "no step is left" if robot.out_of_steps else "the simulator ended it"
        return f"The episode is over: {why}, and the task is not solved after {steps}."

    def _answer(
        self,
        text: str,
        attachments: tuple[Attachment, ...] = (),
        *,
        refused: bool = False,
        result: Any = None,
    ) -> ToolResult:
        text = truncate(text, TEXT_CHARACTERS)
        return ToolResult(text, refused, self._status(), attachments, result)

    def _status(self) -> dict[str, Any]:
        robot = self._robot
        return {
            "task": self.task.id,
            "running": robot is not None and not robot.ended,
            "success": robot is not None and robot.success,
            "steps": len(robot.steps) if robot is not None else 0,
            "max_steps": self._max_steps,
        }


def _returned(spec: ActionSpec) -> dict[str, Any] | None:
    """Make the schema of what an action returns; None: a text, or what JSON cannot express."""
    kind = spec.signature.return_annotation
    if kind in (str, None, type(None)):
        return None
    try:
        return TypeAdapter(kind).json_schema(mode="serialization")
    except PydanticUserError:
        return None


def _said(robot: Controller, output: Output) -> tuple[str, bool]:
    """Return what the call returned, or why it failed, and whether it did."""
    record = output.calls[-1]
    if record.error is not None:
        return record.error.message or record.error.type, True
    if record.result is None and output.ended and robot.last_result is not None:
        return robot.last_result.observation.text, False
    text = record.result if isinstance(record.result, str) else json.dumps(record.result)
    return text, False
