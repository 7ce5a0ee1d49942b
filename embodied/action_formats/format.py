"""The contract of all action formats. Each is derived from a controller's actions, nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from embodied._util.jsonable import safe_repr
from embodied.action_formats.diagnostics import explain_calls
from embodied.controller import Controller
from embodied.interpreter.session import Output
from embodied.policy import Reply


@dataclass(frozen=True)
class Call:
    """A call of a controller's action, as a policy writes it: nothing about it is checked yet."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        values = [*self.args, *self.kwargs.values()]
        return f"{self.name}({', '.join(safe_repr(value, 80) for value in values)})"


@dataclass(frozen=True)
class Reading:
    """What a policy's message says in an action format."""

    action: str | None = None
    """The action as it stands in the message, without what surrounds it; None: there is none."""
    problem: str | None = None
    """Why there is none, in a sentence for the policy, where more can be said than that."""


class ActionFormat(ABC):
    """One way of writing actions for a controller."""

    name: ClassVar[str]
    """As the protocol names it."""

    def __init__(self, controller: type[Controller]) -> None:
        self.controller = controller

    @abstractmethod
    def document(self) -> str:
        """The robot's API, for the prompt."""

    @abstractmethod
    def example(self) -> str:
        """The right form of an action, with one call as its example."""

    @abstractmethod
    def read(self, reply: Reply) -> Reading:
        """Find the action in a policy's message. Never raises, whatever the message holds."""

    @abstractmethod
    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        """A message that `read` reads back: the thought in words, then the calls."""

    @abstractmethod
    def calls_robot(self, action: str) -> bool:
        """Whether an action that `read` has found makes a call that its text shows."""

    @abstractmethod
    def explain(self, action: str, output: Output) -> Iterator[str]:
        """Lines on an action that did not run to its end: where it stopped, what was done before
        and what was not run. Nothing on one that did.
        """


class FormatError(ValueError):
    """An action is not in its format; the message says where and what is wrong."""


class CallFormat(ActionFormat):
    """A format whose action is a list of calls."""

    @abstractmethod
    def calls(self, action: str) -> list[Call]:
        """The calls of an action that `read` has found.

        Raises:
            FormatError: the action is not in this format.
        """

    def calls_robot(self, action: str) -> bool:
        """Always: it is nothing but calls."""
        return True

    def explain(self, action: str, output: Output) -> Iterator[str]:
        """The call that failed, those made before and those not made."""
        return explain_calls([str(call) for call in self.calls(action)], output)
