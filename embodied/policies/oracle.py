"""The oracle: reads the simulator's state and plays a shortest plan."""

from __future__ import annotations

from collections.abc import Sequence

from embodied.action_formats import Call, make_format
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError, DataError
from embodied.policy import Policy, Reply
from embodied.prompting import wrap_action
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message


class OraclePolicy(Policy):
    """Privileged: for upper bounds and for proofs that tasks are solvable, not for comparison."""

    name = "oracle"

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Ask the environment for its plan.

        Raises:
            ConfigError: the environment has no planner.
            DataError: there is no plan, or the robot cannot send one of its commands.
        """
        if not robot.environment.capabilities.plan:
            raise ConfigError(f"the environment {task.environment!r} has no planner for an oracle")
        plan = solution(task, robot)
        action_format = make_format(protocol.action, type(robot))
        rendered = action_format.render("I know a shortest plan.", plan) if plan else None
        self._message = wrap_action(rendered, protocol) if rendered else None

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Say the whole plan in one action; nothing after it."""
        message, self._message = self._message, None
        return message

    async def summarize(self, messages: Sequence[Message]) -> None:
        """Write none: the plan is made."""


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
