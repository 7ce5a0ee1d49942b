"""What came of a snippet."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel


class Verdict(StrEnum):
    """From the best to the worst."""

    HELD = "held"
    RECORD = "record"
    """The record of an action is too large, or cannot be stored."""
    MEMORY = "memory"
    """Host, workers or disk took more than the limits allow."""
    HANG = "hang"
    """An action, or the host's work for it, went on beyond its time."""
    CRASH = "crash"
    """The host died, or the interpreter failed instead of answering."""
    BYPASS = "bypass"
    """A bound was stepped around: on calls, on their record, on what a robot is given."""
    MUTATION = "mutation"
    """Objects of the host changed."""
    ESCAPE = "escape"
    """Something outside was read, written, reached or started."""


class Problem(BaseModel):
    """One way in which the sandbox did not hold."""

    outcome: Verdict
    what: str


class Finding(BaseModel):
    """What came of one snippet."""

    id: str
    kind: str
    problems: list[Problem]
    """Empty where the sandbox held."""
    how: str
    """What stopped the snippet: a limit, an error, or that its result was harmless."""
    seconds: float
    """Running time of its actions."""

    @property
    def outcome(self) -> Verdict:
        """The worst of the problems."""
        outcomes = [problem.outcome for problem in self.problems]
        return max(outcomes, key=list(Verdict).index, default=Verdict.HELD)
