"""The contract of all action formats. Each is derived from a controller's actions, nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from embodied._util.jsonable import safe_repr
from embodied.action_formats.blocks import MessageParts, Verdict, split
from embodied.action_formats.diagnostics import explain_calls
from embodied.action_formats.schema import Schema
from embodied.controller import Controller
from embodied.interpreter.session import Output
from embodied.policy import Reply


@dataclass(frozen=True)
class Call:
    """A call of a controller's action, as a policy writes it: nothing about it is checked yet."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    group: int | None = None
    """Calls of an action that stand behind each other with the same number run side by side."""

    def __str__(self) -> str:
        values = [*self.args, *self.kwargs.values()]
        return f"{self.name}({', '.join(safe_repr(value, 80) for value in values)})"


@dataclass(frozen=True)
class ParsedAction:
    """What a policy's message says in an action format."""

    action: str | None = None
    """The action as it stands in the message, without what surrounds it; None: there is none."""
    problem: str | None = None
    """Why there is none, in a sentence for the policy, where more can be said than that."""


@dataclass(frozen=True)
class Phrases:
    """How prompts speak of an action format."""

    means: str
    """How the policy controls the robot, such as `by writing Python`."""
    instruction: str
    """What to do in a turn; the right form of an action follows."""
    noun: str
    """What an action is made of, such as `calls`."""
    written: str
    """What a person is asked to write."""
    unreadable: str
    """What a message without an action is answered. `{problem}` is what is wrong with it."""
    rules: str = (
        "The calls are made in order, and you see what each of them returned. The first call that "
        "fails ends the action."
    )
    """What becomes of an action."""
    asynchronous_rules: str = ""
    """The same for robots whose calls can run side by side; empty: no otherwise."""
    heading: str = "These functions control the robot:\n\n"
    """What stands before the robot's functions."""


class ActionFormat(ABC):
    """One way of writing actions for a controller.

    Formats are registered under the entry-point group `embodied.action_formats`. They inherit from
    `CodeFormat` if the interpreter is to run their actions, from `CallFormat` if an action is a
    list of calls.
    """

    phrases: ClassVar[Phrases]
    native_calls: ClassVar[bool] = False
    """Whether an action is made of native function calls of the server's API, and not of text."""

    languages: ClassVar[frozenset[str]] = frozenset()
    """What the Markdown fences that hold its actions are called."""

    def __init__(self, controller: type[Controller]) -> None:
        self.controller = controller

    @property
    def rules(self) -> str:
        """What becomes of an action, in words for the policy."""
        own = self.phrases.asynchronous_rules if self.controller.asynchronous else ""
        return own or self.phrases.rules

    @abstractmethod
    def describe_api(self) -> str:
        """Describe the robot's functions, for the prompt."""

    @abstractmethod
    def example(self) -> str:
        """Show the right form of an action, with one call as its example."""

    @abstractmethod
    def parse(self, reply: Reply) -> ParsedAction:
        """Find the action in a policy's message. Never raises, whatever the message holds."""

    @abstractmethod
    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        """Write a message that `parse` reads back: the thought in words, then the calls.

        Raises:
            ValueError: the format cannot hold the calls.
        """

    @abstractmethod
    def calls_robot(self, action: str) -> bool:
        """Tell whether an action that `parse` has found makes a call that its text shows."""

    @abstractmethod
    def explain(self, action: str, output: Output) -> Iterator[str]:
        """Yield lines on an action that did not run to its end: where it stopped, what was done
        before and what was not run. None on one that did.
        """

    def verdict(self, text: str) -> Verdict:
        """Judge a text that stands in tags or in a fence. Never raises."""
        return Verdict.PROSE

    def split(self, message: str) -> MessageParts:
        """Take a message apart: what is marked as an action, solutions, and the rest."""
        return split(message, self.languages, self.verdict)

    def tools(self) -> list[dict[str, Any]]:
        """Define the functions that a server offers to the model, as the chat-completions API
        takes them; none where actions are text.
        """
        return []

    def action_schema(self) -> Schema | None:
        """Make the JSON schema of a whole message, for servers that constrain answers; None where
        an action is not JSON.
        """
        return None


class FormatError(ValueError):
    """An action is not in its format; the message says where and what is wrong."""


class CallFormat(ActionFormat):
    """A format whose action is a list of calls."""

    @abstractmethod
    def calls(self, action: str) -> list[Call]:
        """Read the calls of an action that `parse` has found, in order.

        Raises:
            FormatError: the action is not in this format; says where and what is wrong.
        """

    def calls_robot(self, action: str) -> bool:
        """Answer yes: the action is nothing but calls."""
        return True

    def explain(self, action: str, output: Output) -> Iterator[str]:
        """Yield lines on the call that failed, those made before and those not made."""
        return explain_calls([str(call) for call in self.calls(action)], output)
