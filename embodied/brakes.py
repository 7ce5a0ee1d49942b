"""What makes a robot's calls, breaks them off and brings the robot to rest."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent import futures
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from embodied._util.threads import LoopCalls, ThisThread, call_though_busy, running_loop
from embodied.errors import InfrastructureError
from embodied.trajectory import ApprovalRecord, StepRecord

T = TypeVar("T")

BRAKE_SECONDS = 0.5
"""How long a robot that is to be stopped is waited for: the call that it is in may end."""

_LOG = logging.getLogger(__name__)


class Robot(Protocol):
    """As much of a controller as the brakes need."""

    asynchronous: ClassVar[bool]

    def stop(self) -> Awaitable[None] | None:
        """Bring it to rest."""


class Action(Protocol):
    """As much of an action's specification."""

    @property
    def name(self) -> str:
        """Of the method."""

    @property
    def timeout(self) -> float | None:
        """Seconds that a call may take."""

    def apply(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        """Call the bound method."""


class ActionTimeoutError(TimeoutError):
    """A call took longer than its action may; the policy reads it."""


@dataclass(eq=False)
class BegunCall:
    """A call of an action that has begun."""

    name: str
    begun: float = field(default_factory=time.perf_counter)
    """As `time.perf_counter` counts."""
    future: Future[Any] = field(default_factory=Future)
    """What the action returns or raises."""
    approval: ApprovalRecord | None = None
    """Who approved or refused it; None: it needed no approval."""
    steps: list[StepRecord] = field(default_factory=list)
    """Environment steps that it has taken."""
    broken_off: bool = False
    """Whether it may take no further step."""


class Brakes:
    """Makes the calls of one robot, and stops it.

    A robot with `async def` actions has an event loop: the one that its episode begins on, else one
    of its own, which runs while it is called. All that it does is done in that loop's thread; the
    calls may come from any other.

    Args:
        robot: whose calls these are.
        stops: whether it has a `stop` of its own.
    """

    def __init__(self, robot: Robot, *, stops: bool) -> None:
        self._robot = robot
        self._name = type(robot).__name__
        self._stops = stops
        self._at_rest = False
        self._broken_off = False
        self._stopping = threading.Lock()
        self._waiting: set[Future[Any]] = set()
        self._tasks: dict[asyncio.Task[Any], Action] = {}
        self._late: dict[asyncio.Task[Any], Action] = {}
        """By task that is cancelled, the action whose call took too long."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Let the robot move. This thread is its own from now on."""
        self._broken_off = self._at_rest = False
        if self._robot.asynchronous:
            self._loop = running_loop() or self._loop

    def check(self) -> None:
        """Raise InfrastructureError where the robot may do nothing more."""
        if self._broken_off:
            raise InfrastructureError("the episode was broken off and the robot stopped")

    def make(self, spec: Action, arguments: Mapping[str, Any]) -> Any:
        """Make a call; one that takes too long is broken off, and the robot stopped.

        Raises:
            ActionTimeoutError: it took longer than the action may.
            InfrastructureError: the episode was broken off.
            BaseException: what the action raises.
        """
        self.check()
        self._at_rest = False
        if spec.timeout is not None:
            return self._watched(spec, spec.timeout, arguments)
        return spec.apply(getattr(self._robot, spec.name), arguments)

    async def make_on_loop(self, spec: Action, arguments: Mapping[str, Any]) -> Any:
        """Make a call as `make` does, of a robot with `async def` actions. One that takes too long
        breaks off all others, as the robot is stopped.
        """
        self.check()
        self._at_rest = False
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._tasks[task] = spec
        try:
            async with asyncio.timeout(spec.timeout) as limit:
                answer = spec.apply(getattr(self._robot, spec.name), arguments)
                return await answer if inspect.isawaitable(answer) else answer
        except TimeoutError:
            if not limit.expired():
                raise
            self._cancel_others(task)
            await self._rest()
            raise _too_long(spec) from None
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise _broken_off(spec, self._late.pop(task)) from None
        except SystemExit as error:  # it would end the loop
            raise InfrastructureError.of(spec.name, error) from error
        finally:
            del self._tasks[task]

    def begin_on_loop(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin something on the robot's loop, and go on.

        Raises:
            RuntimeError: this is the loop's own thread, where nobody could wait for it.
        """
        if self._loop is None:
            self._loop = _loop_for(self)
        if self._loop is running_loop():
            work.close()
            raise RuntimeError(
                f"{self._robot} lives on this event loop, which a call from here would hold up; "
                "make calls from another thread, as with asyncio.to_thread"
            )
        begun = asyncio.run_coroutine_threadsafe(self._cancellable(work), self._loop)
        self._watch(begun)
        begun.add_done_callback(self._waiting.discard)
        return begun

    async def _cancellable(self, work: Coroutine[Any, Any, T]) -> T:
        """Log what goes wrong in a call that was cancelled: nobody takes its result."""
        try:
            return await work
        except Exception as error:
            task = asyncio.current_task()
            if task is None or not task.cancelling():
                raise
            _LOG.warning("a call of %s failed when it was cancelled: %r", self._name, error)
            raise asyncio.CancelledError from None

    def wait_for_any(self, begun: Sequence[Future[Any]]) -> None:
        """Wait until one of some calls has ended."""
        if any(future.done() for future in begun):
            return
        if self._loop is None or self._loop.is_running():
            futures.wait(begun, return_when=futures.FIRST_COMPLETED)
        else:
            self._loop.run_until_complete(_first(begun))

    def wait_for(self, future: Future[T]) -> T:
        """Wait for something that `break_off` cancels.

        Raises:
            InfrastructureError: it was cancelled.
        """
        self._watch(future)
        try:
            return future.result()
        except CancelledError:
            raise InfrastructureError("the call was cancelled") from None
        finally:
            self._waiting.discard(future)

    def break_off(self) -> None:
        """Let no further call begin, and cancel those that can be. Any thread may do so."""
        self._broken_off = True
        for waiting in tuple(self._waiting):
            waiting.cancel()

    def abandon(self, calls: Sequence[BegunCall]) -> None:
        """Cancel calls on the robot's loop whose results nobody awaits, and stop the robot."""
        for call in calls:
            call.future.cancel()
        if self._loop is not None and not self._loop.is_running():
            self._loop.run_until_complete(self._rest())
        else:
            asyncio.run(self.come_to_rest(ThisThread()))
        for call in calls:
            call.broken_off = True

    def _watch(self, future: Future[Any]) -> None:
        self._waiting.add(future)
        if self._broken_off:
            future.cancel()

    def _cancel_others(self, late: asyncio.Task[Any]) -> None:
        for task in self._tasks.keys() - {late}:
            self._late[task] = self._tasks[late]
            task.cancel()

    async def come_to_rest(self, home: Executor) -> None:
        """Stop the robot in its own thread; in another, where a call hangs in that.

        Args:
            home: makes calls in the robot's thread.
        """
        if self._loop is None or not self._loop.is_running():
            if self._stops:
                await call_though_busy(home, self.halt, BRAKE_SECONDS)
        elif self._loop is asyncio.get_running_loop():
            await self._rest()
        else:
            free = LoopCalls(self._loop).submit(lambda: None)
            await asyncio.wait([asyncio.wrap_future(free)], timeout=BRAKE_SECONDS)
            if free.cancel():
                await asyncio.to_thread(self.halt)
            else:
                resting = asyncio.run_coroutine_threadsafe(self._rest(), self._loop)
                await asyncio.wrap_future(resting)

    def halt(self) -> None:
        """Call the robot's `stop`, once for all that it has done; log what goes wrong."""
        if not self._is_first_to_stop():
            return
        try:
            stopping = self._robot.stop()
            if inspect.isawaitable(stopping):
                if self._loop is None or self._loop.is_running():
                    asyncio.run(_await(stopping))
                else:
                    self._loop.run_until_complete(stopping)
        except (Exception, SystemExit) as error:
            self._warn(error)

    def _is_first_to_stop(self) -> bool:
        with self._stopping:
            was_at_rest, self._at_rest = self._at_rest, True
        return self._stops and not was_at_rest

    def _warn(self, error: BaseException) -> None:
        _LOG.warning("%s.stop() failed: %r", self._name, error)

    async def _rest(self) -> None:
        """On the loop: stop the robot after what is being cancelled."""
        await asyncio.sleep(0)  # calls that wait for approval, or have not begun, end by this
        if others := self._tasks.keys() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=BRAKE_SECONDS)
        if not self._is_first_to_stop():
            return
        try:
            stopping = self._robot.stop()
            if inspect.isawaitable(stopping):
                await stopping
        except (Exception, SystemExit) as error:
            self._warn(error)

    def _watched(self, spec: Action, seconds: float, arguments: Mapping[str, Any]) -> Any:
        """Make a call that cannot be cancelled: when its time is up, the robot is stopped."""
        late = threading.Event()

        def brake() -> None:
            late.set()
            self.halt()

        timer = threading.Timer(seconds, brake)
        timer.daemon = True
        timer.start()
        try:
            answer = spec.apply(getattr(self._robot, spec.name), arguments)
        except Exception:
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise _too_long(spec)
        return answer


def _too_long(spec: Action) -> ActionTimeoutError:
    return ActionTimeoutError(
        f"{spec.name}() took longer than {spec.timeout:g} s; it was broken off, and the robot "
        "stopped"
    )


def _broken_off(spec: Action, late: Action) -> ActionTimeoutError:
    return ActionTimeoutError(
        f"{spec.name}() was broken off, and the robot stopped: {late.name}(), which ran beside it, "
        f"took longer than {late.timeout:g} s"
    )


def _loop_for(owner: object) -> asyncio.AbstractEventLoop:
    """Make an event loop that is closed when its owner is gone."""
    loop = asyncio.new_event_loop()
    weakref.finalize(owner, loop.close)
    return loop


async def _await(something: Awaitable[T]) -> T:
    return await something


async def _first(begun: Sequence[Future[Any]]) -> None:
    """Wait until one of some calls has ended."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for future in begun:
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(ended.set))
    await ended.wait()
