"""The planned expert: plays the simulator's own solution, a few calls an action."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence

from embodied.action_formats import Call, CodeFormat
from embodied.controller import Controller
from embodied.errors import DataError
from embodied.policies.expert_step import ExpertStep, ExpertSteps
from embodied.protocol import Protocol
from embodied.task import Task

CALLS = 8
"""Of one action, where the solution is short enough for the episode's turns."""


def plan_steps(task: Task, robot: Controller, protocol: Protocol) -> ExpertSteps:
    """Cut the environment's plan into actions, of so many calls that it fits the turns.

    Privileged: the plan is the simulator's, and what the calls return changes nothing.

    Raises:
        DataError: there is no plan, or the robot cannot send one of its commands.
    """
    calls = solution(task, robot)
    size = max(CALLS, -(-len(calls) // protocol.limits.turns))
    return _steps(calls, min(size, protocol.action_limits.calls), CodeFormat(type(robot)))


def solution(task: Task, robot: Controller) -> list[Call]:
    """Find the calls that send the commands of the environment's plan.

    Raises:
        DataError: there is no plan, or the robot cannot send one of its commands.
    """
    try:
        calls = [robot.command_call(command) for command in robot.environment.plan()]
    except ValueError as error:
        raise DataError(f"no plan for {task.id}: {error}") from error
    return [Call(name, kwargs=arguments) for name, arguments in calls]


def _steps(calls: Sequence[Call], size: int, code: CodeFormat) -> ExpertSteps:
    thought = "I know how to solve this."
    for start in range(0, len(calls), size):
        part = tuple(calls[start : start + size])
        yield ExpertStep(thought, _write(part, code), part)
        thought = "I go on with my plan."


def _write(calls: Sequence[Call], code: CodeFormat) -> str:
    """Write one line a call; runs of the same call as a loop."""
    runs = ((call, len(list(run))) for call, run in itertools.groupby(calls))
    return "\n".join(_repeated(code.line(call), times) for call, times in runs)


def _repeated(line: str, times: int) -> str:
    if times == 1:
        return line
    return f"for _ in range({times}):\n{textwrap.indent(line, '    ')}"
