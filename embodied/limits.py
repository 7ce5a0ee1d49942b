"""How long an episode and an action may last, and what may run an action."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

InterpreterName = Literal["restricted", "full", "auto"]

AfterEnd = Literal["stop", "repeat"]
"""What a command does after the episode's end: stop the action, or repeat the last observation."""


class Limits(BaseModel):
    """What one code action may use."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seconds: float = Field(30.0, gt=0)
    """Running time of the code itself. The time that calls take is not counted, so that a slow or
    busy simulator changes no score."""
    calls: int = Field(100, gt=0)
    """Controller calls."""
    memory_bytes: int = Field(64 * 1024 * 1024, gt=0)
    """Heap of the interpreter; of the full one, what it may use beyond its own libraries."""
    output_characters: int = Field(20_000, gt=0)
    """Printed text; what is beyond is dropped, with a note."""
    code_characters: int = Field(50_000, gt=0)
    """Length of the code itself."""


class EpisodeLimits(BaseModel):
    """How long an episode may last. An episode that meets one of them is `truncated`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    turns: int = Field(20, gt=0)
    """Policy messages."""
    steps: int | None = Field(50, gt=0)
    """Environment steps; null: no bound."""
    answers: int = Field(1, gt=0)
    """Answers that the policy may propose; the last wrong one ends the episode."""
