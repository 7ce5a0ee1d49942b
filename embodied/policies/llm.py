"""LLM: a language model behind a chat-completions server plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from embodied.controller import Controller
from embodied.environment import Observation
from embodied.llm.client import LLMClient
from embodied.policy import Policy, PolicyContext, Reply
from embodied.prompting import make_prompt
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
        self._position = 0
        """Of the last message that was asked for, in the conversation; it grows even where the
        policy is not shown all of it."""
        self._tools: Sequence[Mapping[str, Any]] = ()
        self._schema: Mapping[str, Any] | None = None

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Take the episode's name, from which the seeds of its turns come, and the robot's
        functions where the model calls them natively or is to write nothing else.
        """
        self._episode = f"{task.environment}/{task.split}/{task.id}#{self._sample}"
        self._position = 0
        prompt = make_prompt(protocol, type(robot))
        self._tools = prompt.format.tools()
        self._schema = prompt.reply_schema() if self._client.config.structured else None

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """Ask for the model's answer with its function calls, thoughts, and the tokens it took.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key, has no such model or takes no functions.
            InfrastructureError: no usable answer was to be had.
        """
        return await self._ask(messages, self._tools, self._schema)

    async def summarize(self, messages: Sequence[Message]) -> Reply:
        """Ask the model for a summary, without offering it functions."""
        return await self._ask(messages)

    async def _ask(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> Reply:
        self._position = max(len(messages), self._position + 1)
        seed = self._client.config.turn_seed(self._episode, self._position)
        completion = await self._client.complete(messages, seed=seed, tools=tools, schema=schema)
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
