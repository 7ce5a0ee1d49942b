"""The expert: solves tasks from what it observes, in code actions as a good model would write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

from embodied.actions import as_code
from embodied.controller import Controller
from embodied.environment import Observation
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
    """Plays the expert that is registered for the protocol's controller."""

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

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """The expert's next plan as a code action; None when it ends or fails."""
        try:
            plan = self._plans.send(messages[-1].content) if self._started else next(self._plans)
        except StopIteration:
            return None
        except Exception as error:
            _log.warning("the expert gave up on %s: %r", self._task, error)
            return None
        self._started = True
        return Reply(as_code.render(plan.thought, plan.code))
