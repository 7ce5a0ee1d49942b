"""A policy that says what a test has written down, in place of a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from embodied.policy import Policy, Reply
from embodied.trajectory import Message


class ScriptedLLM(Policy):
    """Gives the written answers in order, whatever it is shown, and gives up after the last.

    Args:
        answers: messages as a model would write them, or whole replies, e.g. with native function
            calls.

    Example:
        `await run_episode(task, env, robot, ScriptedLLM(["<execute>go('left')</execute>"]), p)`
    """

    name = "scripted"

    def __init__(self, answers: Iterable[str | Reply]) -> None:
        self._left = iter(answers)
        self.seen: list[list[Message]] = []
        """The conversation as it stood before each answer."""

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """Give the next answer; None after the last."""
        self.seen.append(list(messages))
        answer = next(self._left, None)
        return Reply(answer) if isinstance(answer, str) else answer
