"""How busy an LLM server is, at one moment and summed up over time."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import NonNegativeFloat, NonNegativeInt

from embodied.trajectory import Record

_COUNTERS = ("prompt_tokens", "completion_tokens", "prefix_queries", "prefix_hits")


@dataclass(frozen=True)
class ServerMetrics:
    """One reading of a server, over all its clients. Tokens are counted since its start."""

    running: float
    """Sequences that it works on."""
    waiting: float
    """Requests that it has not begun."""
    prompt_tokens: float
    completion_tokens: float
    prefix_queries: float = 0.0
    """Prompt tokens that were looked for in the prefix cache; 0 where the server does not say."""
    prefix_hits: float = 0.0
    """Prompt tokens that were found there."""


class ServerTotals(Record):
    """The sum of a server's readings. Between two, it was as busy as their mean."""

    observed_seconds: NonNegativeFloat = 0.0
    """Time between readings, without that in which the server gave no figures."""
    busy_seconds: NonNegativeFloat = 0.0
    """Of these, how long at least one sequence was running."""
    running_seconds: NonNegativeFloat = 0.0
    """Sequences that were running, times seconds."""
    waiting_seconds: NonNegativeFloat = 0.0
    """Requests that were waiting, times seconds."""
    prompt_tokens: NonNegativeInt = 0
    completion_tokens: NonNegativeInt = 0
    prefix_queries: NonNegativeInt = 0
    """Prompt tokens that were looked for in the prefix cache."""
    prefix_hits: NonNegativeInt = 0
    """Prompt tokens that were found there."""
    restarts: NonNegativeInt = 0
    """How often the server's counters began anew. What it counted between the last reading before
    and its end is lost."""

    def add(self, before: ServerMetrics, after: ServerMetrics, seconds: float) -> None:
        """Add what happened between two readings.

        Counters only grow. Where one fell, all count from zero again since a restart.

        Args:
            before: the earlier reading.
            after: the later reading.
            seconds: that lie between them and were observed.
        """
        self.observed_seconds += seconds
        self.busy_seconds += seconds * ((before.running > 0) + (after.running > 0)) / 2
        self.running_seconds += seconds * (before.running + after.running) / 2
        self.waiting_seconds += seconds * (before.waiting + after.waiting) / 2
        restarted = any(getattr(after, name) < getattr(before, name) for name in _COUNTERS)
        for name in _COUNTERS:
            start = 0.0 if restarted else getattr(before, name)
            counted = round(getattr(after, name) - start)
            setattr(self, name, getattr(self, name) + counted)
        self.restarts += restarted
