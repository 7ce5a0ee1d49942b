"""How many requests a client has in flight: as many as its server bears.

Additive increase, multiplicative decrease, as in TCP's congestion control (RFC 5681): the clients
of any number of workers find a fair share of one server without knowing of each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from embodied._util.places import Places

START = 64
"""Requests in flight at first. Until congestion is met, a window that is full doubles in a round
trip."""
RECOVERY = 16
"""Round trips in which a window that is full regains what a halving took, but by no less than one
request a round trip."""


class Entry(NamedTuple):
    """The moment at which a request got its place."""

    halvings: int
    """How often the window had been halved."""
    in_flight: int
    """Requests in flight, this one included."""


class Window:
    """Places for requests in flight. It grows while it is used and answers come, is halved where
    the server is congested, and lets nobody in while the server wants a pause.

    It does not grow while less than half of it is used: what was not tried is not known.

    Args:
        most: no more places than this.
        sleep: waits for the end of a pause, in seconds.
        clock: seconds since any moment.
    """

    def __init__(
        self,
        most: int,
        *,
        sleep: Callable[[float], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._most = most
        self._size = float(min(START, most))
        self._places = Places(self.size)
        self._threshold = float(most)
        self._halvings = 0
        self._paused_until = clock()
        self._sleep = sleep
        self._clock = clock

    @property
    def size(self) -> int:
        """Places, now."""
        return int(self._size)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Entry]:
        """A place, once one is free and no pause is wanted; first come, first served."""
        async with self._places.place():
            while (seconds := self._paused_until - self._clock()) > 0:
                await self._sleep(seconds)
            yield Entry(self._halvings, self._places.taken)

    def answered(self) -> None:
        """A request that still holds its place was answered."""
        if 2 * self._places.taken < self.size:
            return
        step = max(1.0, self._threshold / RECOVERY)
        gain = 1.0 if self._size < self._threshold else step / self._size
        self._resize(min(self._size + gain, float(self._most)))

    def congested(self, entry: Entry) -> None:
        """A request met congestion.

        Requests that were in flight when the window was last halved tell nothing new: it is
        halved once in a round trip.
        """
        if entry.halvings < self._halvings:
            return
        self._halvings += 1
        self._resize(max(1.0, min(self._size, entry.in_flight) / 2))
        self._threshold = self._size

    def pause(self, seconds: float) -> None:
        """Let nobody in for so many seconds."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def _resize(self, size: float) -> None:
        self._size = size
        self._places.resize(self.size)
