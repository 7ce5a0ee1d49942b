"""Replay: says again what another policy once said."""

from __future__ import annotations

from collections.abc import Sequence

from embodied.policy import Policy, Reply
from embodied.trajectory import Message


class ReplayPolicy(Policy):
    """Answers with the recorded messages of one episode, in order, whatever it is shown."""

    def __init__(self, name: str, messages: Sequence[str]) -> None:
        self.name = f"replay:{name}"
        self._left = iter(messages)

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Say the next recorded message; None after the last."""
        content = next(self._left, None)
        return None if content is None else Reply(content)

    async def summarize(self, messages: Sequence[Message]) -> None:
        """Write none: the recorded messages are all that it says."""
