"""The contract of who comments on turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from embodied.controller import Controller
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, Turn, Usage

Form = Literal["binary", "textual"]
"""Whether a comment is a verdict, or says in words what to make of the turn."""

COMMENT_CHARACTERS = 1000
"""A longer comment is cut."""

GOOD, BAD, UNDECIDED = "This is GOOD.", "This is BAD.", "I cannot tell."
"""The binary comments. The last one stands where a model gives no verdict."""


@dataclass(frozen=True)
class Comment:
    """What is said to the policy about one of its turns."""

    text: str
    usage: Usage = field(default_factory=Usage)
    """Tokens that the comment took; they are never counted among the policy's."""
    retries: tuple[str, ...] = ()
    """What each failed request for the comment met, in words."""


class Commentator(ABC):
    """Comments on the turns of one episode at a time."""

    def begin(  # noqa: B027 - some commentators need nothing of it
        self, task: Task, robot: Controller, protocol: Protocol
    ) -> None:
        """A new episode starts; the robot has taken no step yet."""

    @abstractmethod
    async def comment(self, messages: Sequence[Message], turn: Turn) -> Comment:
        """A comment on the turn just played; it must name nothing that the policy may not know.

        Args:
            messages: the conversation before the turn.
            turn: the policy's message, what its action did and what it was answered.

        Raises:
            ConfigError: the model's server cannot be used as configured.
            InfrastructureError: no comment was to be had.
        """
