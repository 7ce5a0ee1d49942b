"""Event loops without sockets, where waiting costs no time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class _NothingToWaitFor(selectors.SelectSelector):
    """Files never become ready; a time-out is over at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Wait, in no time."""
        if timeout is None:
            raise RuntimeError("the code waits for something that never comes")
        self.waited += max(0.0, timeout)
        return []


class Loop(asyncio.SelectorEventLoop):
    """Runs coroutines. Its clock goes on by what they sleep, not by itself."""

    def __init__(self) -> None:
        self._nothing = _NothingToWaitFor()
        super().__init__(self._nothing)

    def time(self) -> float:
        """Seconds that coroutines have slept."""
        return self._nothing.waited

    def _make_self_pipe(self) -> None:
        """Nothing wakes this loop from outside."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """There is nobody else."""


class Policy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops."""

    def new_event_loop(self) -> Loop:
        """Make an event loop."""
        return Loop()
