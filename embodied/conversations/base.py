"""The contract of a conversation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from embodied.controller import Controller
from embodied.environment import Observation
from embodied.interpreter.session import Output, Session
from embodied.protocol import Protocol
from embodied.trajectory import Message


@dataclass(frozen=True)
class Move:
    """What a policy's message asks for. Neither action nor answer: it could not be read."""

    action: str | None = None
    answer: str | None = None
    tries_to_answer: bool = False
    """The message spends one of the episode's answers, even if it could not be read."""


@dataclass(frozen=True)
class Remaining:
    """What is left of the episode's limits after a turn."""

    turns: int
    answers: int
    steps: int | None


class Conversation(ABC):
    """The wording of one protocol. It only ever appends, so that servers can cache prefixes."""

    def __init__(self, protocol: Protocol, controller: type[Controller]) -> None:
        self.protocol = protocol
        self.controller = controller

    @abstractmethod
    def opening(self, observation: Observation) -> list[Message]:
        """The messages before the first turn."""

    @abstractmethod
    def read(self, message: str) -> Move:
        """Find the action and the answer in a policy's message."""

    def execute(self, action: str, session: Session) -> Output:
        """Run an action."""
        return session.run(action)

    @abstractmethod
    def observation(self, output: Output, remaining: Remaining) -> str:
        """The answer to an action."""

    @abstractmethod
    def wrong_answer(self, remaining: Remaining) -> str:
        """The answer to an answer that does not meet the goal."""

    @abstractmethod
    def unreadable(self, remaining: Remaining) -> str:
        """The answer to a message that could not be read; it shows the right form."""
