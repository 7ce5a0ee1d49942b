"""Simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Cancel the call."""


class Clock(Protocol):
    """Tells simulated time, in seconds, and calls back at a time."""

    def now(self) -> float:
        """Return seconds since some moment in the past."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a time, or as soon as possible where it has passed."""


class LoopClock:
    """The time of the running event loop.

    Args:
        scale: simulated seconds in a real one.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def now(self) -> float:
        """Return simulated seconds."""
        return asyncio.get_running_loop().time() * self._scale

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back from the event loop."""
        return asyncio.get_running_loop().call_at(when / self._scale, callback)
