"""Limits the requests that a client has in flight to what its server bears.

Additive increase, multiplicative decrease, as in TCP's congestion control (RFC 5681): the clients
of any number of workers find a fair share of one server without knowing of each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from anyio import CapacityLimiter

INITIAL_LIMIT = 64
"""Requests in flight at first. Until congestion is met, a limit that is reached doubles in a round
trip."""
RECOVERY = 16
"""Round trips in which a limit that is reached regains what a halving took, but by no less than one
request a round trip."""


class Admission(NamedTuple):
    """The state of the limiter when it admitted a request."""

    halvings: int
    """How often the limit had been halved."""
    in_flight: int
    """Requests in flight, this one included."""


class AIMDLimiter:
    """Admits requests in the order in which they come; each task has at most one in flight.

    The limit grows with successes, is halved on congestion, and stays while less than half of it
    is used: what was not tried is not known.

    Args:
        max_limit: the limit never grows beyond it.
    """

    def __init__(self, max_limit: int) -> None:
        self._max_limit = max_limit
        self._exact_limit = float(min(INITIAL_LIMIT, max_limit))
        self._capacity = CapacityLimiter(self.limit)
        self._threshold = float(max_limit)
        self._halvings = 0

    @property
    def limit(self) -> int:
        """Requests that may be in flight, now."""
        return int(self._exact_limit)

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[Admission]:
        """Hold a place among the requests in flight, once one is free."""
        async with self._capacity:
            yield Admission(self._halvings, self._capacity.borrowed_tokens)

    def on_success(self) -> None:
        """Raise the limit for a request that was answered and still holds its place."""
        if 2 * self._capacity.borrowed_tokens < self.limit:
            return
        step = max(1.0, self._threshold / RECOVERY)
        gain = 1.0 if self._exact_limit < self._threshold else step / self._exact_limit
        self._set_limit(min(self._exact_limit + gain, float(self._max_limit)))

    def on_congestion(self, admission: Admission) -> None:
        """Halve the limit for a request that met congestion, once in a round trip.

        Requests that were in flight at the last halving tell nothing new.
        """
        if admission.halvings < self._halvings:
            return
        self._halvings += 1
        self._set_limit(max(1.0, min(self._exact_limit, admission.in_flight) / 2))
        self._threshold = self._exact_limit

    def _set_limit(self, limit: float) -> None:
        self._exact_limit = limit
        self._capacity.total_tokens = self.limit
