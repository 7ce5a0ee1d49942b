"""LLM: a language model behind a chat-completions server plays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from embodied.controller import Controller
from embodied.environment import Observation
from embodied.llm.client import LLMClient
from embodied.policy import Policy, Reply
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

    def __init__(self, client: LLMClient, *, sample: int = 0) -> None:
        self.name = f"llm:{client.config.model}"
        self._client = client
        self._sample = sample
        self._episode = ""

    def begin(
        self, task: Task, robot: Controller, observation: Observation, protocol: Protocol
    ) -> None:
        """Take the episode's name, from which the seeds of its turns come."""
        self._episode = f"{task.environment}/{task.split}/{task.id}#{self._sample}"

    async def reply(self, messages: Sequence[Message]) -> Reply:
        """The model's answer, with the tokens it took.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key, or has no such model.
            InfrastructureError: no usable answer was to be had.
        """
        completion = await self._client.complete(messages, seed=self._seed(len(messages)))
        return Reply(completion.content, completion.usage)

    def _seed(self, turn: int) -> int | None:
        """A seed of 31 bits that no other turn of the run shares, the same in every run."""
        base = self._client.config.seed
        if base is None:
            return None
        digest = hashlib.sha256(f"{base}:{self._episode}:{turn}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1
