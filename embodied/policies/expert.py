"""The expert: solves tasks in plans as a good model would write."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from embodied.action_formats import Call, as_code, make_format
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError, DataError
from embodied.interpreter import Output
from embodied.plugins.registry import controller_name, has_expert, load
from embodied.policies.environment_plan import planned
from embodied.policies.plan import Expert, Plan, Plans
from embodied.policies.plan_stepper import CallByCall
from embodied.policy import Policy, Reply
from embodied.prompting import worded
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message

__all__ = ["Expert", "ExpertPolicy", "Plan"]

_EXPERTS = "embodied.experts"
_log = logging.getLogger("embodied.policies")


class ExpertPolicy(Policy):
    """Plays the expert that is registered for the protocol's controller; where there is none, the
    environment's own plan.

    In the action format `code` a plan is one action. The others have no control flow. There too a
    plan is one action if it is nothing but calls; else its calls are made one a turn, each chosen
    by the plan when it has seen what the last one returned.
    """

    name = "expert"

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Start the expert on the task's first observation.

        Raises:
            ConfigError: no expert is registered, and the environment makes no plans.
        """
        self._task = task.id
        try:
            self._plans = _plans(task, robot, observation, protocol)
        except DataError as error:
            self._gives_up(error)
            self._plans = _nothing()
        self._started = False
        self._protocol = protocol
        self._format = make_format(protocol.action, type(robot))
        self._steps = None if protocol.action == "code" else CallByCall(robot)
        self._in_plan = False

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """The expert's next plan, or its next call; None when it ends or fails."""
        printed = messages[-1].content
        if self._steps is None:
            plan = self._next_plan(printed)
            reply = as_code.message(plan.thought, plan.code) if plan else None
        else:
            reply = self._next_call(self._steps, printed)
        return worded(reply, self._protocol) if reply else None

    def end(self) -> None:
        """Leave the expert where it is."""
        if self._steps is not None:
            self._steps.close()

    def _next_plan(self, printed: str) -> Plan | None:
        try:
            plan = self._plans.send(printed) if self._started else next(self._plans)
        except StopIteration:
            return None
        except Exception as error:
            self._gives_up(error)
            return None
        self._started = True
        return plan

    def _gives_up(self, error: Exception) -> None:
        _log.warning("the expert gave up on %s: %r", self._task, error)

    def _next_call(self, steps: CallByCall, printed: str) -> Reply | None:
        thought = ""
        reached = steps.next() if self._in_plan else Output(printed)
        while not isinstance(reached, Call):
            plan = self._next_plan(reached.stdout)
            if plan is None:
                return None
            if plan.calls:
                self._in_plan = False
                return self._format.render(plan.thought, plan.calls)
            thought = plan.thought
            reached = steps.start(plan.code)
        self._in_plan = True
        return self._format.render(thought, [reached])


def _plans(task: Task, robot: Controller, observation: Observation, protocol: Protocol) -> Plans:
    environment = type(robot.environment)
    name = controller_name(protocol.controller, task.environment, environment)
    if has_expert(name):
        expert: Expert = load(_EXPERTS, name)
        return expert(observation.text)
    if robot.environment.capabilities.plan:
        return planned(task, robot, protocol)
    raise ConfigError(
        f"no expert for the controller {name!r} in the environment {task.environment!r}: register "
        f"a function under the entry point {name!r} of the group {_EXPERTS}, or give the "
        "environment a plan (capabilities.plan and the method plan)"
    )


def _nothing() -> Plans:
    yield from ()
