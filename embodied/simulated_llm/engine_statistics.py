"""The statistics of a simulated engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydantic import BaseModel


@dataclass
class Totals:
    """Counts since the server started. They only grow. Seconds are simulated ones."""

    requests: int = 0
    aborted: int = 0
    prompt_tokens: int = 0
    generation_tokens: int = 0
    prefix_cache_queries: int = 0
    prefix_cache_hits: int = 0
    running_seconds: float = 0.0
    waiting_seconds: float = 0.0
    busy_seconds: float = 0.0


class Statistics(BaseModel):
    """What the server did in a window of time. Seconds are simulated ones.

    The window lasts from the first request after the last reset (the reset itself, where requests
    were under way) to the end of the last one, or to now while there are any. To look at a batch
    without its beginning and end, reset when it runs at full load and read before it drains.
    """

    seconds: float
    """Length of the window."""
    busy_seconds: float
    """Of these, how long at least one sequence was running."""
    mean_running: float
    """Sequences that the server worked on, on average over the window."""
    mean_waiting: float
    """Requests that waited for a place or for room, on average over the window."""
    peak_running: int
    peak_waiting: int
    running: int
    """Now."""
    waiting: int
    """Now."""
    requests: int
    """Answers written."""
    aborted: int
    """Requests whose client left before the end."""
    prompt_tokens: int
    """Of all requests that started."""
    generation_tokens: int
    """Of all answers written."""
    prefix_cache_queries: int
    """Prompt tokens that were looked for in the prefix cache."""
    prefix_cache_hits: int
    """Prompt tokens that were found there."""
    kv_usage: float
    """Share of the KV cache that running sequences hold, now."""
    faults: dict[str, int] = {}
    """Faults injected, by name."""


class StatisticsRecorder:
    """Counts since the start, and since the last reset."""

    def __init__(self, now: float) -> None:
        self.totals = Totals()
        self._at = now
        self.reset()

    def reset(self) -> None:
        """Start a new window; the totals go on."""
        self._before = replace(self.totals)
        self._started = self._ended = self._at
        self._empty = True
        self._peak_running = self._peak_waiting = 0

    def advance(self, now: float, running: int, waiting: int) -> None:
        """Note that so many sequences were running and waiting until now."""
        if running or waiting:
            totals, seconds = self.totals, now - self._at
            totals.running_seconds += seconds * running
            totals.waiting_seconds += seconds * waiting
            totals.busy_seconds += seconds if running else 0.0
            self._peak_running = max(self._peak_running, running)
            self._peak_waiting = max(self._peak_waiting, waiting)
            if self._empty:
                self._started, self._empty = self._at, False
            self._ended = now
        self._at = now

    def statistics(self, running: int, waiting: int, kv_usage: float) -> Statistics:
        """Compute the figures of the window."""
        counts = {
            name: value - getattr(self._before, name) for name, value in vars(self.totals).items()
        }
        seconds = self._ended - self._started
        return Statistics(
            seconds=seconds,
            mean_running=counts.pop("running_seconds") / seconds if seconds else 0.0,
            mean_waiting=counts.pop("waiting_seconds") / seconds if seconds else 0.0,
            peak_running=max(self._peak_running, running),
            peak_waiting=max(self._peak_waiting, waiting),
            running=running,
            waiting=waiting,
            kv_usage=kv_usage,
            **counts,
        )
