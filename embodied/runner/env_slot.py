"""An environment with its robot, and the threads in which episodes use them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from embodied.controller import Controller
from embodied.environment import Environment

T = TypeVar("T")

CALL_SECONDS = 5.0
"""How long a call that is left in an environment may go on until it is closed all the same."""

_LOG = logging.getLogger(__name__)
_current: ContextVar[EnvSlot | None] = ContextVar("_current", default=None)


class EnvSlot:
    """An environment with its robot, used by one episode at a time."""

    def __init__(self, environment: Environment, robot: Controller) -> None:
        self.environment = environment
        self.robot = robot
        self.calls: list[Future[Any]] = []
        """Those that have not returned, as far as is known."""

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Note which calls go to `WorkerThreads` while an episode is played."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def close(self) -> None:
        """Close the environment, best when no call is left in it; log what goes wrong.

        A cancelled episode leaves its call behind: threads cannot be cancelled.
        """
        wait(self.calls, CALL_SECONDS)
        try:
            self.environment.close()
        except (Exception, SystemExit) as error:
            _LOG.warning("an environment cannot be closed: %r", error)


class WorkerThreads(ThreadPoolExecutor):
    """Threads that nobody waits for at the end: one may hang in a simulator."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Start a call, and note it in the slot of the episode that makes it."""
        call = super().submit(fn, *args, **kwargs)
        if (slot := _current.get()) is not None:
            slot.calls = [*(each for each in slot.calls if not each.done()), call]
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that have not begun are dropped."""
        super().shutdown(wait=False, cancel_futures=True)
