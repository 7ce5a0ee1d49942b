"""A policy: anything that answers messages. LLM, expert, replay, human."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

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


@dataclass(frozen=True)
class PolicyContext:
    """What a worker offers to the policy of one episode."""

    task: Task
    sample: int
    """Number of the episode among those of its task."""
    options: Mapping[str, Any]
    """The run's setting `policy.options`."""
    config: Any
    """The whole configuration of the run, an `embodied.config.schema.RunConfig`."""
    client: Callable[[Any], Any]
    """Returns the worker's `LLMClient` of an `LLMConfig`; all episodes share its connections."""


class Policy(ABC):
    """Answers the messages of one episode at a time.

    A subclass is named in a run by its entry point in the group `embodied.policies`, by
    `path/to/file.py:Class`, or given as the class itself.
    """

    name: str = "policy"
    """What reports and trajectories call it."""
    asks_llm: ClassVar[bool] = False
    """Whether it asks the model of the run's section `llm`, which is then checked before the first
    episode and recorded in the protocol."""
    interactive: ClassVar[bool] = False
    """Whether it needs this terminal: only a local pool has it, for one episode at a time."""

    @classmethod
    def create(cls, context: PolicyContext) -> Self:
        """Make the policy of one episode; by default, of the run's `policy.options` as keywords.

        Raises:
            ConfigError: the run's configuration does not allow it.
        """
        return cls(**context.options)

    @classmethod
    def label(cls, config: Any, sample: int) -> str:
        """Name the policy of an episode before there is one; `config` as in `PolicyContext`."""
        return str(config.policy.short_name)

    def begin(  # noqa: B027 - most policies need nothing of it
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Start an episode. Only an oracle may look at the robot's environment.

        Raises:
            ConfigError: the policy cannot play under this protocol or environment.
        """

    def end(self) -> None:  # noqa: B027 - most policies hold nothing
        """Release what `begin` took; the episode is over, however it ended."""

    @abstractmethod
    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Return the next message, or None to give up.

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
