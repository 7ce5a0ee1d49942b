"""Spaces the requests of a client as its server's rate limit wants, which it learns."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds for which requests are remembered; most limits are of requests or tokens a minute."""
MAX_INTERVAL = 60.0
"""Most seconds between two requests, where nothing longer is asked for."""
_CARE = 1.05
"""By how much the rate after a refusal stays below the one that was measured."""
_GROWTH = 0.01
"""Each request since the refusal raises the rate by so much more than the last one did: by an
eighth in five requests, and by two thirds in ten. So a server that refuses single requests at
random, as gateways do, is soon asked as often as before."""


@dataclass(frozen=True)
class Departure:
    """The moment at which a request is sent."""

    moment: float
    """By the pacer's clock."""
    refusals: int
    """Refusals that were known then."""


class RequestPacer:
    """Lets requests through one by one, in the order in which they come.

    There is no spacing until the server refuses a request because there were too many. Then all
    requests wait as long as the server asks. How many it took until the end of this wait becomes
    the rate of requests, which grows with each request until the next refusal.

    Args:
        sleep: waits, in seconds.
        clock: seconds since any moment.
    """

    def __init__(
        self, *, sleep: Callable[[float], Awaitable[object]], clock: Callable[[], float]
    ) -> None:
        self._sleep = sleep
        self._clock = clock
        self._waiting = asyncio.Lock()
        self._next = clock()
        self._taken: deque[Departure] = deque()
        """Requests of the last minute that were not refused, since the last refusal of which it is
        known that the server took requests after it."""
        self._refusals = 0
        self._settled = 0
        """The number of this refusal."""
        self._since_refusal = 0
        """Requests that were held back since the last refusal."""
        self._refused_since: float | None = None
        self.interval = 0.0
        """Seconds between two requests."""
        self.waited_seconds = 0.0
        """Time in which requests waited here."""

    @property
    def refused_seconds(self) -> float:
        """Time for which the server refuses all requests, from the first one that it refused to
        the next one that may be sent.
        """
        return 0.0 if self._refused_since is None else self._next - self._refused_since

    async def wait(self) -> Departure:
        """Wait until a request may be sent."""
        async with self._waiting:
            waited = False
            while (seconds := self._next - self._clock()) > 0:
                waited = True
                await self._sleep(seconds)
                self.waited_seconds += seconds
            departure = Departure(self._clock(), self._refusals)
        if waited:
            self.interval /= 1 + _GROWTH * self._since_refusal
            self._since_refusal += 1
        self._next = departure.moment + self.interval
        self._taken.append(departure)
        while self._taken[0].moment < departure.moment - WINDOW:
            self._taken.popleft()
        return departure

    def pause(self, seconds: float) -> None:
        """Let no request through for so many seconds."""
        self._next = max(self._next, self._clock() + seconds)

    def on_answer(self, departure: Departure) -> None:
        """Note that a request was answered."""
        if departure.refusals > self._settled:
            self._settled = departure.refusals
            self._taken = deque(d for d in self._taken if d.refusals >= self._settled)
            self._refused_since = None if self._settled == self._refusals else self._clock()

    def on_refusal(self, departure: Departure, seconds: float | None) -> None:
        """Note that the server refused a request because there were too many.

        Args:
            departure: of the request. Requests that were sent before the last refusal came are
                refused with it.
            seconds: what the server asks to wait; None: it does not say.
        """
        with contextlib.suppress(ValueError):
            self._taken.remove(departure)
        if departure.refusals < self._refusals:
            self.pause(seconds or 0.0)
        else:
            if self._refused_since is None:
                self._refused_since = self._clock()
            self._refusals += 1
            self._since_refusal = 0
            backoff = self._backoff(is_told=seconds is not None)
            self._next = self._clock() + max(seconds or 0.0, backoff)
        if self._refused_since is not None:
            self._learn()

    def _backoff(self, *, is_told: bool) -> float:
        """Draw a wait that doubles with each refusal in a row; none where the first one tells."""
        doublings = self._refusals - self._settled - 1 - is_told
        if doublings < 0:
            return 0.0
        return min(2.0 ** min(doublings, 10), MAX_INTERVAL) * random.uniform(0.5, 1.0)

    def _learn(self) -> None:
        seconds = self._next - self._taken[0].moment if self._taken else self.refused_seconds
        self.interval = min(_CARE * seconds / max(len(self._taken), 1), MAX_INTERVAL)
