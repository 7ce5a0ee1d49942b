"""The contract of a conversation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from embodied.action_formats import make_format
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.interpreter.session import Output, Session
from embodied.policy import Reply
from embodied.protocol import Protocol
from embodied.trajectory import Message


@dataclass(frozen=True)
class Move:
    """What a policy's message asks for. Neither action nor answer: it could not be read."""

    action: str | None = None
    answer: str | None = None
    tries_to_answer: bool = False
    """The message spends one of the episode's answers, even if it could not be read."""
    problem: str | None = None
    """Why the message could not be read, where more can be said than that."""


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
        self.format = make_format(protocol.action, controller)

    @abstractmethod
    def opening(self, observation: Observation) -> list[Message]:
        """The messages before the first turn."""

    @abstractmethod
    def read(self, reply: Reply) -> Move:
        """Find the action and the answer in a policy's message."""

    @classmethod
    def worded(cls, content: str) -> str:
        """A message whose action stands in `<execute>` tags, as a policy writes it here."""
        return content

    def execute(self, action: str, session: Session) -> Output:
        """Run an action."""
        return session.run(action)

    @abstractmethod
    def body(self, move: Move, output: Output, remaining: Remaining) -> str:
        """What came of a turn, without what surrounds it."""

    def outcome(self, action: str, output: Output) -> str:
        """What an action printed or returned and the files it left, then why it stopped, if it
        did.
        """
        parts = [output.stdout.rstrip("\n"), output.value or ""]
        parts += [f"[file: {file.name}]" for file in output.attachments]
        parts += self.format.explain(action, output)
        return "\n".join(part for part in parts if part)

    @abstractmethod
    def framed(self, body: str, remaining: Remaining) -> str:
        """What came of a turn, as the policy is shown it."""

    def tool_results(
        self, calls: int, move: Move, output: Output, remaining: Remaining
    ) -> list[str]:
        """What each of a message's native function calls is answered, in their order.

        The last one also holds all that is not the result of a call.
        """
        texts = output.texts[: calls - 1]
        texts += [_without_result(output, number) for number in range(len(texts) + 1, calls)]
        own = output.texts[calls - 1] if len(output.texts) >= calls else ""
        rest = Output(**{**vars(output), "stdout": own})
        return [*texts, self.framed(self.body(move, rest, remaining), remaining)]


def _without_result(output: Output, number: int) -> str:
    """What is said of a call, counted from 1, that returned nothing."""
    if output.error is not None and output.error.line == number:
        return f"{output.error.type}: {output.error.message}"
    return "(not run)" if number > len(output.calls) else "The episode has ended."
