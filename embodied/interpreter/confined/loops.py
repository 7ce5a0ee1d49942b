"""Event loops without sockets, where waiting costs no time."""

from __future__ import annotations

import asyncio
import selectors
from asyncio import events
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _OnlyCalls(selectors.SelectSelector):
    """Files never become ready. Calls of the robot are waited for; then a time-out is over at once.

    Args:
        wait: waits until one more call has ended; False: there is none.
    """

    def __init__(self, wait: Callable[[], bool]) -> None:
        super().__init__()
        self.waited = 0.0
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[Any]:
        """Wait for a call, else in no time."""
        if timeout != 0 and self._wait():
            return []
        if timeout is None:
            raise RuntimeError("the code waits for something that never comes")
        self.waited += max(0.0, timeout)
        return []


class Loop(asyncio.SelectorEventLoop):
    """Runs coroutines. Its clock goes on by what they sleep, not by itself.

    Args:
        wait: as for the selector.
    """

    def __init__(self, wait: Callable[[], bool]) -> None:
        self._nothing = _OnlyCalls(wait)
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
    """Makes such loops.

    Args:
        wait: as for the selector.
    """

    def __init__(self, wait: Callable[[], bool]) -> None:
        super().__init__()
        self._wait = wait

    def new_event_loop(self) -> Loop:
        """Make an event loop."""
        return Loop(self._wait)


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run a coroutine as `asyncio.run` does, also where a loop runs: code may await at its top."""
    outer = events._get_running_loop()
    events._set_running_loop(None)
    try:
        with asyncio.Runner(debug=debug) as runner:
            return runner.run(main)
    finally:
        events._set_running_loop(outer)
