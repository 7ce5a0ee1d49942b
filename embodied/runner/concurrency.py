"""Decides how many episodes are in flight: as many as keep the LLM server full, by measurement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from anyio import CapacityLimiter

from embodied.llm.server_metrics import ServerTotals

INITIAL = 16
"""Episodes that a worker begins with where their number is found by measurement."""
MAX = 1024
"""Episodes that it then has at most."""

_SECONDS = 15.0
"""Time between two adjustments: a few turns, so that the last one shows."""
_GROWTH = 2.0
MIN_SPEEDUP = 1.15
"""By how much more episodes must raise the tokens that the server writes, or they are too many."""
MAX_QUEUE_RATIO = 0.05
"""Requests that wait for each that runs, from which the server counts as full."""
_OVERLOAD_QUEUE_RATIO = 0.5
"""The same, from which there are too many episodes: they push each other's prefixes out of the
server's cache."""

_LOG = logging.getLogger(__name__)


def max_episodes(episodes: int | Literal["auto"]) -> int:
    """Return how many episodes a worker must bear at most, by its setting."""
    return MAX if episodes == "auto" else episodes


@dataclass(frozen=True)
class Measured:
    """What the server did since the last adjustment, on average."""

    running: float
    waiting: float
    tokens: float
    """Written a second."""

    @classmethod
    def between(cls, before: ServerTotals, after: ServerTotals) -> Measured | None:
        """From two sums of its readings; None: it gave too few figures."""
        seconds = after.observed_seconds - before.observed_seconds
        if seconds < _SECONDS / 2:
            return None
        return cls(
            running=(after.running_seconds - before.running_seconds) / seconds,
            waiting=(after.waiting_seconds - before.waiting_seconds) / seconds,
            tokens=(after.completion_tokens - before.completion_tokens) / seconds,
        )


class EpisodeConcurrencyController:
    """Limits the episodes in flight, to as many at each worker.

    Args:
        episodes: at each worker; `auto`: as many as keep the server full. They are doubled as long
            as the server writes the more for it and has no queue.
        worker_bytes: memory that no worker should exceed; it takes part in proportion.
    """

    def __init__(self, episodes: int | Literal["auto"], worker_bytes: int) -> None:
        self._adapts = episodes == "auto"
        self._each = INITIAL if episodes == "auto" else episodes
        self._worker_bytes = worker_bytes
        self._workers: list[tuple[CapacityLimiter, int]] = []
        self._largest = 0
        self._last: tuple[int, float] | None = None
        self._grows = True

    @contextmanager
    def worker(self, slots: int) -> Iterator[CapacityLimiter]:
        """Limit a worker of so many slots, while it is there."""
        member = CapacityLimiter(min(slots, self._each)), slots
        self._workers.append(member)
        try:
            yield member[0]
        finally:
            self._workers.remove(member)

    def note_memory(self, size: int) -> None:
        """Note the memory that a worker has."""
        self._largest = max(self._largest, size)

    async def follow(self, totals: ServerTotals | None) -> None:
        """Adjust to a server until cancelled; `totals` is what its readings add up to."""
        if totals is None or not self._adapts:
            return
        before = totals.model_copy()
        while True:
            await asyncio.sleep(_SECONDS)
            measured = Measured.between(before, totals)
            if measured is not None:
                self.adjust(measured)
            before = totals.model_copy()

    def adjust(self, measured: Measured) -> None:
        """Change the number of episodes, by what the server did with so many."""
        if measured.waiting > _OVERLOAD_QUEUE_RATIO * measured.running:
            wanted = (
                measured.running * (1 + MAX_QUEUE_RATIO) / (measured.running + measured.waiting)
            )
            taken = sum(limiter.borrowed_tokens for limiter, _ in self._workers)
            self._resize(wanted * taken / max(1, len(self._workers)))
            self._grows = False
        elif self._last is not None and measured.tokens < MIN_SPEEDUP * self._last[1]:
            self._resize(self._last[0])
            self._grows = False
        elif self._may_grow(measured):
            self._last = self._each, measured.tokens
            self._resize(min(self._each * _GROWTH, MAX))
            return
        self._last = None

    def _may_grow(self, measured: Measured) -> bool:
        return (
            self._grows
            and self._each < MAX
            and measured.waiting < MAX_QUEUE_RATIO * measured.running
            and self._largest * _GROWTH <= self._worker_bytes
            and all(limiter.available_tokens <= 0 for limiter, _ in self._workers)
            and any(slots > self._each for _, slots in self._workers)
        )

    def _resize(self, each: float) -> None:
        self._each = max(1, round(each))
        for limiter, slots in self._workers:
            limiter.total_tokens = min(slots, self._each)
        _LOG.info("%d episodes in flight at each worker", self._each)
