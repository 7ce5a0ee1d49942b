"""The contract of feedback providers, and what a user may configure of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from embodied.controller import Controller
from embodied.llm.config import LLMConfig
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import Message, Turn, Usage

FeedbackMode = Literal["binary", "textual"]
"""Whether feedback is a verdict, or says in words what to make of the turn."""

FEEDBACK_CHARACTERS = 1000
"""Longer feedback is cut."""

GOOD, BAD, UNDECIDED = "This is GOOD.", "This is BAD.", "I cannot tell."
"""Binary feedback. The last one stands where a model gives no verdict."""


@dataclass(frozen=True)
class Feedback:
    """What is said to the policy about one of its turns."""

    text: str
    usage: Usage = field(default_factory=Usage)
    """Tokens that it took; they are never counted among the policy's."""
    retries: tuple[str, ...] = ()
    """Why each failed request for it failed, in words."""


class FeedbackProvider(ABC):
    """Gives feedback on the turns of one episode at a time."""

    def begin(  # noqa: B027 - some providers need none
        self, task: Task, robot: Controller, protocol: Protocol
    ) -> None:
        """Prepare for a new episode, in which the robot has taken no step yet."""

    @abstractmethod
    async def feedback(self, messages: Sequence[Message], turn: Turn) -> Feedback:
        """Comment on the turn just played, and name nothing that the policy may not know.

        Args:
            messages: the conversation before the turn.
            turn: the policy's message, what its action did and what it was answered.

        Raises:
            ConfigError: the model's server cannot be used as configured.
            InfrastructureError: the model gave none.
        """


class FeedbackConfig(BaseModel):
    """Who comments on each turn, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    by: Literal["rule", "llm"] = "rule"
    """`rule`: errors and lost progress are bad, all else is good; `llm`: a model's opinion."""
    form: FeedbackMode = "binary"
    """`binary`: GOOD or BAD; `textual`: a comment in words."""
    llm: LLMConfig | None = None
    """The model that comments; null: the one of the run's own section `llm`."""

    @property
    def protocol(self) -> dict[str, Any]:
        """What makes scores comparable; `llm` is left out where the run's own model comments."""
        who = {"by": self.by, "form": self.form}
        return who if self.llm is None else {**who, "llm": self.llm.protocol}

    @model_validator(mode="after")
    def _model_only_for_llm(self) -> Self:
        if self.llm is not None and self.by != "llm":
            raise ValueError("feedback by a rule has no model; set by to llm, or leave llm out")
        return self
