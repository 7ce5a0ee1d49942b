"""Spaces the requests of a client as its server's rate limit wants, which it learns."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds for which answers are remembered; most limits are of requests or tokens a minute."""
MAX_INTERVAL = 60.0
"""Most seconds between two requests, where nothing longer is asked for."""
_GROWTH = 0.001
"""Each answer in a row raises the rate by so much more than the last one did: by a tenth in 14
answers, and twentyfold in 77."""


@dataclass(frozen=True)
class Departure:
    """The moment at which a request is sent."""

    moment: float
    """By the pacer's clock."""
    refusals: int
    """Refusals that were known then."""
    waited: bool
    """Whether the spacing held it back."""


class RequestPacer:
    """Lets requests through one by one, in the order in which they come.

    There is no spacing until the server refuses a request because there were too many. Then all
    requests wait as long as the server asks. How many it answered until the end of this wait
    becomes the rate of requests, which grows with answers until the next refusal.

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
        self._answered: deque[float] = deque()
        """When the requests were sent that were answered since the last refusal."""
        self._refusals = 0
        self._refusals_in_row = 0
        self._refused_since: float | None = None
        self._answers_in_row = 0
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
            now = self._clock()
            self._next = now + self.interval
            return Departure(now, self._refusals, waited)

    def pause(self, seconds: float) -> None:
        """Let no request through for so many seconds."""
        self._next = max(self._next, self._clock() + seconds)

    def on_answer(self, departure: Departure) -> None:
        """Note that a request was answered."""
        is_late = departure.refusals < self._refusals
        if is_late and self._refused_since is None:
            return
        if not is_late and self._refused_since is not None:
            self._refused_since, self._refusals_in_row = None, 0
            self._answered.clear()
        elif not is_late and departure.waited:
            self._answers_in_row += 1
            self.interval /= 1 + _GROWTH * self._answers_in_row
        self._answered.append(departure.moment)
        while self._answered[0] < departure.moment - WINDOW:
            self._answered.popleft()
        if is_late:
            self._learn()

    def on_refusal(self, departure: Departure, seconds: float | None) -> None:
        """Note that the server refused a request because there were too many.

        Args:
            departure: of the request. Requests that were sent before the last refusal came are
                refused with it.
            seconds: what the server asks to wait; None: it does not say.
        """
        if departure.refusals < self._refusals:
            self.pause(seconds or 0.0)
        else:
            self._refusals += 1
            self._refusals_in_row += 1
            self._answers_in_row = 0
            if self._refused_since is None:
                self._refused_since = self._clock()
            self.pause(max(seconds or 0.0, self._backoff(is_told=seconds is not None)))
        if self._refused_since is not None:
            self._learn()

    def _backoff(self, *, is_told: bool) -> float:
        """Draw a wait that doubles with each refusal in a row; none where the first one tells."""
        doublings = self._refusals_in_row - 1 - is_told
        if doublings < 0:
            return 0.0
        return min(2.0 ** min(doublings, 10), MAX_INTERVAL) * random.uniform(0.5, 1.0)

    def _learn(self) -> None:
        seconds = self._next - self._answered[0] if self._answered else self.refused_seconds
        self.interval = min(seconds / max(len(self._answered), 1), MAX_INTERVAL)
