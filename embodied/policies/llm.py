"""LLM: a language model behind a chat-completions server plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.calls_schema import calls_schema
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.llm.client import LLMClient
from embodied.llm.seeds import turn_seed
from embodied.policy import Policy, PolicyContext, Reply
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message


class LLMPolicy(Policy):
    """Asks a model for each message of one episode.

    Args:
        client: the server; many episodes may share one.
        sample: number of the episode among those of its task, so that samples of one task differ
            where the config sets a seed.
    """

    asks_llm = True

    @classmethod
    def create(cls, context: PolicyContext) -> Self:
        """Make the policy over the worker's client of the run's section `llm`."""
        client = context.client(context.config.llm_section())
        return cls(client, sample=context.sample, **context.options)

    @classmethod
    def label(cls, config: Any, sample: int) -> str:
        """Name the policy by its model."""
        return f"llm:{config.llm_section().model}"

    def __init__(self, client: LLMClient, *, sample: int = 0) -> None:
        self.name = f"llm:{client.config.model}"
        self._client = client
        self._sample = sample
        self._episode = ""
        self._tools: Sequence[Mapping[str, Any]] = ()
        self._schema: Mapping[str, Any] | None = None

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Take the episode's name, from which the seeds of its turns come, and the robot's
        functions where the model calls them natively or is to write nothing else.
        """
        self._episode = f"{task.environment}/{task.split}/{task.id}#{self._sample}"
        natively = protocol.action == "tools"
        self._tools = ToolsFormat(type(robot)).tools() if natively else ()
        bare = protocol.action == "json" and protocol.conversation == "default"
        structured = bare and self._client.config.structured
        self._schema = calls_schema(type(robot)) if structured else None

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """The model's answer with its function calls, its thoughts, and the tokens it took.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key, has no such model or takes no functions.
            InfrastructureError: no usable answer was to be had.
        """
        seed = turn_seed(self._client.config.seed, self._episode, len(messages))
        completion = await self._client.complete(
            messages, seed=seed, tools=self._tools, schema=self._schema
        )
        served = completion.model
        return Reply(
            completion.content,
            completion.usage,
            completion.tool_calls,
            completion.unusable_calls,
            reasoning=completion.reasoning,
            finish_reason=completion.finish_reason,
            tokens=completion.tokens,
            served_model=None if served == self._client.config.model else served,
            cached=completion.cached,
            retries=completion.retries,
        )
