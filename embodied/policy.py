"""A policy: anything that answers messages. LLM, expert, replay, human."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from embodied.controller import Controller
from embodied.environment import Observation
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, TokenRecord, ToolCall, Usage


@dataclass(frozen=True)
class Reply:
    """A policy's message, with the tokens it took where a server counts them."""

    content: str
    usage: Usage = field(default_factory=Usage)
    tool_calls: tuple[ToolCall, ...] = ()
    """Native function calls, where the action format is made of them."""
    unusable_calls: tuple[str, ...] = ()
    """What is wrong with native function calls that no conversation can hold, in words."""
    reasoning: str | None = None
    """What a thinking model thought before the message."""
    finish_reason: str | None = None
    """Why a model's message ends, in its server's word."""
    tokens: TokenRecord | None = None
    """The tokens of the message and what led to it, where a server sends them."""
    served_model: str | None = None
    """What a server calls the model that answered, where that is not the name asked for."""
    cached: bool = False
    """Whether it was kept from an earlier run."""
    retries: tuple[str, ...] = ()
    """What each failed request for the message met, in words."""


class Policy(ABC):
    """Answers the messages of one episode at a time."""

    name: str = "policy"
    """What reports and trajectories call it."""

    def begin(  # noqa: B027 - most policies need nothing of it
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Start a new episode. Only an oracle may look at the robot's environment.

        Raises:
            ConfigError: the policy cannot play under this protocol or environment.
        """

    def end(self) -> None:  # noqa: B027 - most policies hold nothing
        """Release what `begin` took: the episode is over, however it ended."""

    @abstractmethod
    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Write the next message, or return None to give up.

        Raises:
            ContextOverflow: the conversation has become too long for the policy.
            InfrastructureError: no answer was to be had, for no fault of the policy.
        """

    async def summarize(self, messages: Sequence[Message]) -> Reply | None:
        """Answer a request to sum up old turns, which ends the messages; None leaves them shown.

        Raises:
            ContextOverflow, InfrastructureError: as `reply`.
        """
        return await self.reply(messages)
