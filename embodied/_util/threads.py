"""Where calls are made: one after another, in a thread of their own, in shared ones, on a loop.

Nobody waits for these threads at the end of the process: a call may hang in a simulator.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Call = tuple[Future[Any], Callable[[], Any]]


class OwnThread(Executor):
    """One thread, for what must not be used in any other."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        threading.Thread(target=_work, args=(self._calls,), name=name, daemon=True).start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Make a call there, after those before it."""
        call: Future[T] = Future()
        self._calls.put((call, partial(fn, *args, **kwargs)))
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread after the calls so far."""
        self._calls.put(None)


class SharedThreads(Executor):
    """Calls of one robot, one after another, each in whichever of the threads is free.

    Args:
        threads: returns the threads to make them in; it may return others later.
    """

    def __init__(self, threads: Callable[[], Executor]) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._calls: deque[_Call] = deque()
        self._busy = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Make a call, after those before it."""
        call: Future[T] = Future()
        with self._lock:
            self._calls.append((call, partial(fn, *args, **kwargs)))
            was_busy, self._busy = self._busy, True
        if not was_busy:
            self._threads().submit(self._work)
        return call

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._calls:
                    self._busy = False
                    return
                call, function = self._calls.popleft()
            _make(call, function)


class LoopCalls(Executor):
    """Calls in the thread of an event loop, between what it awaits."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Make a call there, as soon as the loop gets to it."""
        call: Future[T] = Future()
        self._loop.call_soon_threadsafe(_make, call, partial(fn, *args, **kwargs))
        return call


class ThisThread(Executor):
    """Makes each call at once, in the thread that asks for it."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Make a call."""
        call: Future[T] = Future()
        _make(call, partial(fn, *args, **kwargs))
        return call


class WorkerThreads(ThreadPoolExecutor):
    """Threads that nobody waits for at the end: one may hang in a simulator."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that have not begun are dropped."""
        super().shutdown(wait=False, cancel_futures=True)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread; None where there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def start_loop(name: str) -> asyncio.AbstractEventLoop:
    """Start an event loop in a thread of its own; it is closed when it is told to stop."""
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=run, name=name, daemon=True).start()
    return loop


async def call_though_busy(home: Executor, function: Callable[[], T], seconds: float) -> T:
    """Make a call where others are made; if those do not end in some seconds, in another thread."""
    call = home.submit(function)
    await asyncio.wait([asyncio.wrap_future(call)], timeout=seconds)
    if call.cancel():
        elsewhere = OwnThread("instead")
        call = elsewhere.submit(function)
        elsewhere.shutdown()
    return await asyncio.wrap_future(call)


def _work(calls: SimpleQueue[_Call | None]) -> None:
    while (waiting := calls.get()) is not None:
        _make(*waiting)
        del waiting


def _make(call: Future[Any], function: Callable[[], Any]) -> None:
    if not call.set_running_or_notify_cancel():
        return
    try:
        call.set_result(function())
    except BaseException as error:  # it is raised where the result is wanted
        call.set_exception(error)
