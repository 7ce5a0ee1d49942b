"""The expert: solves tasks from what it observes, in plans as a good model would write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from embodied.actions import Call, as_code, make_format
from embodied.controller import Controller
from embodied.conversations import worded
from embodied.environment import Observation
from embodied.interpreter import Output
from embodied.policies.call_by_call import CallByCall
from embodied.policy import Policy, Reply
from embodied.protocol import Protocol
from embodied.registry import controller_name, load
from embodied.task import Task
from embodied.trajectory import Message

_log = logging.getLogger("embodied.policies")


@dataclass(frozen=True)
class Plan:
    """One action of an expert: why, and the code."""

    thought: str
    code: str


Expert = Callable[[str], Generator[Plan, str, None]]
"""Solves a task from its first observation: yields plans, receives what each one printed.

Experts are registered under the entry-point group `embodied.experts`, under the name of the
controller whose functions they call. They see only what their plans print.
"""


class ExpertPolicy(Policy):
    """Plays the expert that is registered for the protocol's controller.

    In the action format `code` a plan is one action. The others have no control flow, so a plan's
    calls are made one a turn, each chosen by the plan when it has seen what the last one returned.
    """

    name = "expert"

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Start the expert on the task's first observation."""
        environment = type(robot.environment)
        name = controller_name(protocol.controller, task.environment, environment)
        expert: Expert = load("embodied.experts", name)
        self._task = task.id
        self._plans = expert(observation.text)
        self._started = False
        self._protocol = protocol
        self._format = make_format(protocol.action, type(robot))
        self._steps = None if protocol.action == "code" else CallByCall(robot)
        self._in_plan = False

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """The expert's next plan, or its next call; None when it ends or fails."""
        if self._steps is None:
            plan = self._next_plan(messages[-1].content)
            reply = as_code.message(plan.thought, plan.code) if plan else None
        else:
            reply = self._next_call(self._steps)
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
            _log.warning("the expert gave up on %s: %r", self._task, error)
            return None
        self._started = True
        return plan

    def _next_call(self, steps: CallByCall) -> Reply | None:
        thought = ""
        reached = steps.next() if self._in_plan else Output()
        while not isinstance(reached, Call):
            plan = self._next_plan(reached.stdout)
            if plan is None:
                return None
            thought = plan.thought
            reached = steps.start(plan.code)
        self._in_plan = True
        return self._format.render(thought, [reached])
