"""The expert: solves tasks in steps as a good model would write."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import textwrap
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from embodied.action_formats import Call, CodeFormat, make_format
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError, DataError
from embodied.interpreter import make_interpreter
from embodied.plugins.registry import controller_name, has_expert, load
from embodied.policies.oracle import solution
from embodied.policies.plan_stepper import PlanStepper
from embodied.policy import Policy, Reply
from embodied.prompting import wrap_action
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, TextPart

_EXPERTS = "embodied.experts"
_log = logging.getLogger("embodied.policies")

CALLS = 8
"""Of one action of the environment's plan, where it is short enough for the episode's turns."""


@dataclass(frozen=True)
class ExpertStep:
    """One action of an expert: why, and the code."""

    thought: str
    code: str
    calls: tuple[Call, ...] = ()
    """The calls that the code makes, where it does nothing else than make them and print what
    they return."""


ExpertSteps = Generator[ExpertStep, str, None]
"""Yields steps, receives what each one printed."""


Expert = Callable[[str], ExpertSteps]
"""Solves a task from its first observation.

Experts are registered under the entry-point group `embodied.experts`, under the name of the
controller whose functions they call. They see only what their steps print.
"""


def call_by_call(
    next_step: Callable[[str | None], ExpertStep | None], stepper: PlanStepper
) -> Generator[tuple[str, Sequence[Call]], tuple[str, Any], None]:
    """Play the steps of an expert one call a message; a step that is nothing but calls is one.

    Yields the thought and the calls of a message. Receives what the policy was shown then, and what
    the last call returned, or the exception that it raised.

    Args:
        next_step: given what the last step printed, None at first; returns None after the last one.
        stepper: runs the code of the steps.
    """
    step = next_step(None)
    while step is not None:
        if step.calls:
            printed, _ = yield step.thought, step.calls
        else:
            thought, reached = step.thought, stepper.start(step.code)
            while isinstance(reached, Call):
                _, answer = yield thought, [reached]
                thought, reached = "", stepper.next(answer)
            printed = reached.stdout
        step = next_step(printed)


class ExpertPolicy(Policy):
    """Plays the expert that is registered for the protocol's controller; where there is none, the
    environment's own plan.

    In action formats of code a step is one action. The others have no control flow. There too a
    step is one action if it is nothing but calls; else its calls are made one a turn, each chosen
    by the step's code when it has seen what the last one returned.

    Args:
        of: the controller whose expert plays, such as `household`; its functions must be those of
            the robot. None: the protocol's controller.
    """

    name = "expert"

    def __init__(self, of: str | None = None) -> None:
        self._of = of

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Start the expert on the task's first observation; ConfigError where there is none."""
        self._task = task.id
        try:
            self._steps = _steps(task, robot, observation, protocol, self._of)
        except DataError as error:
            self._gives_up(error)
            self._steps = _nothing()
        self._started = False
        self._protocol = protocol
        self._format = make_format(protocol.action, type(robot))
        self._robot = robot
        self._stepper = None
        if not isinstance(self._format, CodeFormat):
            make = functools.partial(make_interpreter, "restricted", check=False)
            self._stepper = PlanStepper(type(robot), make)
            self._calls = call_by_call(self._next_step, self._stepper)

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Say the expert's next step, or its next call; None when it ends or fails."""
        printed = _shown(messages)
        if self._stepper is None:
            step = self._next_step(printed if self._started else None)
            reply = CodeFormat.render_code(step.thought, step.code) if step else None
        else:
            reply = await asyncio.to_thread(self._next_call, printed)
        return wrap_action(reply, self._protocol) if reply else None

    async def summarize(self, messages: Sequence[Message]) -> None:
        """Write none: the expert remembers by itself."""

    def end(self) -> None:
        """Leave the expert where it is."""
        if self._stepper is not None:
            self._stepper.close()

    def _next_step(self, printed: str | None) -> ExpertStep | None:
        self._started = True
        try:
            return next(self._steps) if printed is None else self._steps.send(printed)
        except StopIteration:
            return None
        except Exception as error:
            self._gives_up(error)
            return None

    def _gives_up(self, error: Exception) -> None:
        _log.warning("the expert gave up on %s: %r", self._task, error)

    def _next_call(self, printed: str) -> Reply | None:
        try:
            if not self._started:
                thought, calls = next(self._calls)
            else:
                thought, calls = self._calls.send((printed, self._robot.last_answer))
        except StopIteration:
            return None
        return self._format.render(thought, calls)


def _shown(messages: Sequence[Message]) -> str:
    """Return the text that answers the last action; pictures stand behind it, or in a message of
    their own behind the answers of function calls.
    """
    last = messages[-1]
    if last.role == "user" and len(messages) > 1 and messages[-2].role == "tool":
        last = messages[-2]
    first = last.parts[0]
    return first.text if isinstance(first, TextPart) else ""


def _steps(
    task: Task, robot: Controller, observation: Observation, protocol: Protocol, of: str | None
) -> ExpertSteps:
    environment = type(robot.environment)
    name = of or controller_name(protocol.controller, task.environment, environment)
    if has_expert(name):
        expert: Expert = load(_EXPERTS, name)
        return expert(observation.text)
    if robot.environment.capabilities.plan and of is None:
        return plan_steps(task, robot, protocol)
    raise ConfigError(
        f"no expert for the controller {name!r} in the environment {task.environment!r}: register "
        f"a function under the entry point {name!r} of the group {_EXPERTS}, or give the "
        "environment a plan (capabilities.plan and the method plan)"
    )


def _nothing() -> ExpertSteps:
    yield from ()


def plan_steps(task: Task, robot: Controller, protocol: Protocol) -> ExpertSteps:
    """Cut the environment's plan into actions, of so many calls that it fits the turns.

    Privileged: the plan is the simulator's, and what the calls return changes nothing.

    Raises:
        DataError: there is no plan, or the robot cannot send one of its commands.
    """
    calls = solution(task, robot)
    size = max(CALLS, -(-len(calls) // protocol.limits.turns))
    return _cut(calls, min(size, protocol.action_limits.calls), CodeFormat(type(robot)))


def _cut(calls: Sequence[Call], size: int, code: CodeFormat) -> ExpertSteps:
    thought = "I know how to solve this."
    for start in range(0, len(calls), size):
        part = tuple(calls[start : start + size])
        yield ExpertStep(thought, _written(part, code), part)
        thought = "I go on with my plan."


def _written(calls: Sequence[Call], code: CodeFormat) -> str:
    """Write one line a call; runs of the same call as a loop."""
    lines = []
    for call, run in itertools.groupby(calls):
        line, times = code.line(call), len(list(run))
        loop = f"for _ in range({times}):\n{textwrap.indent(line, '    ')}"
        lines.append(line if times == 1 else loop)
    return "\n".join(lines)
