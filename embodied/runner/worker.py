"""A worker: plays episodes one after another, or several at a time, in one process."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import socket
import traceback
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil

from embodied._util.threads import (
    LoopCalls,
    OwnThread,
    SharedThreads,
    WorkerThreads,
    start_loop,
)
from embodied.approval import Approver
from embodied.config.schema import RunConfig
from embodied.controller import Controller
from embodied.environment import Environment
from embodied.episode import run_episode
from embodied.errors import ConfigError, DataError, EmbodiedError, UnstorableError
from embodied.interpreter import Interpreters
from embodied.plugins.registry import (
    controller_class,
    controller_name,
    environment_class,
    make_controller,
    make_environment,
)
from embodied.policies.factory import PolicyFactory, policy_class
from embodied.runner.approvals import Question, Questions, make_approver, needs_approval
from embodied.runner.assignment import Assignment, Result
from embodied.runner.concurrency import max_episodes
from embodied.runner.env_slot import EnvSlot
from embodied.runner.robot_lock import is_physical, lock_robot
from embodied.store import StoredEpisode
from embodied.trajectory import ApprovalRecord, Trajectory

_COMPUTING_THREADS = 2
"""For simulators that only compute. More would wait for each other, each with a cold cache."""

STOP_SECONDS = 10.0
"""How long the end of a worker waits for its robots to stop and its environments to close."""
_LOG = logging.getLogger(__name__)
_TRACEBACK_CHARACTERS = 20_000


@dataclass
class Worker:
    """Plays assignments under one configuration."""

    config: RunConfig
    _free: list[EnvSlot] = field(default_factory=list)
    _open: set[EnvSlot] = field(default_factory=set)
    """All whose environments are not closed."""
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _maker: WorkerThreads = field(default_factory=lambda: WorkerThreads(1))
    _playing: dict[asyncio.Task[Result], str] = field(default_factory=dict)
    """The episodes that have not ended, those that were broken off too, by their ids."""
    _waited_before: dict[str, float] = field(default_factory=dict)
    """What requests had waited for rate limits when each of these episodes began."""
    _threads: int = 1
    _shared: WorkerThreads = field(init=False)
    _questions: Questions = field(init=False)
    _policies: PolicyFactory = field(init=False)
    _interpreters: Interpreters = field(init=False)
    _loop: asyncio.AbstractEventLoop | None = None
    """That of all robots with `async def` actions."""

    async def host(self) -> str:
        """Return the name of the machine that it runs on."""
        return socket.gethostname()

    async def start(self, keys: Mapping[str, str] | None = None) -> int:
        """Set up what all episodes need; return how many it can play at a time.

        `keys` are API keys that its environment lacks, by the variables that hold them.

        Raises:
            EmbodiedError: environment or policy cannot be set up.
        """
        os.environ.update(keys or {})
        self._policies = PolicyFactory(self.config)
        self._questions = Questions(asyncio.get_running_loop())
        self._renew_threads()
        atexit.register(self._close_at_exit)
        slot = await self._make_slot()
        self._free.append(slot)
        capabilities = slot.environment.capabilities
        slots = max_episodes(self.config.runner.episodes_per_worker)
        if capabilities.max_per_process is not None:
            slots = min(slots, capabilities.max_per_process)
        if policy_class(self.config.policy).interactive or is_physical(self.config.environment):
            slots = 1
        waits = capabilities.io_bound or slot.robot.asynchronous
        self._threads = slots if waits else _COMPUTING_THREADS
        self._renew_threads()
        self._interpreters = Interpreters(
            allow_unconfined=self.config.runner.allow_unconfined, actions=slots if waits else None
        )
        return slots

    async def run(self, assignment: Assignment) -> Result:
        """Play one episode. Where this is cancelled, the episode is too, and ends by itself.

        That may take long: a call into a simulator cannot be cancelled.
        """
        playing = asyncio.create_task(self._run(assignment))
        self._playing[playing] = assignment.id
        playing.add_done_callback(self._playing.pop)
        try:
            return await asyncio.shield(playing)
        except asyncio.CancelledError:
            await self.cancel(assignment.id)
            raise

    async def cancel(self, episode: str) -> None:
        """Break an episode off, if it is being played: its robot is stopped."""
        for playing, name in self._playing.items():
            if name == episode and not playing.cancelling():
                self._renew_threads()
                playing.cancel()

    async def next_question(self) -> Question:
        """Wait for a call that a person is to approve."""
        return await self._questions.next()

    async def answer(self, number: int, approval: ApprovalRecord) -> None:
        """Answer a question, by its number."""
        self._questions.answer(number, approval)

    async def stop(self) -> None:
        """Stop all robots, and release environments and connections."""
        for episode in set(self._playing.values()):
            await self.cancel(episode)
        free, self._free = self._free, []
        closing = [asyncio.ensure_future(self._close(slot)) for slot in free]
        if ending := [*self._playing, *closing]:
            _, hanging = await asyncio.wait(ending, timeout=STOP_SECONDS)
            if hanging:
                _LOG.warning(
                    "%d cancelled episodes hang in their simulator, which stays open", len(hanging)
                )
        self._maker.shutdown()
        await self._policies.close()
        self._renew_threads()
        await asyncio.to_thread(self._interpreters.close)
        if not self._open:
            atexit.unregister(self._close_at_exit)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)

    def _renew_threads(self) -> None:
        """Let calls that begin from now on run in new threads: the old ones may hang."""
        self._shared = WorkerThreads(self._threads)
        asyncio.get_running_loop().set_default_executor(self._shared)

    async def _run(self, assignment: Assignment) -> Result:
        """Play one episode. Errors are results."""
        slot = None
        self._waited_before[assignment.id] = self._policies.waited_seconds
        try:
            slot = self._free.pop() if self._free else await self._make_slot()
            slot.robot.approver = self._approver(slot.robot, assignment.id)
            episode = StoredEpisode.of(await self._play(slot, assignment))
            self._free.append(slot)
            slot = None
        except (Exception, SystemExit) as error:
            return _failed(error)
        finally:
            self._waited_before.pop(assignment.id, None)
            if slot is not None:
                await self._close(slot)
        return Result(_memory(), episode=episode)

    async def waited_seconds(self, episode: str) -> float:
        """Return the time, since an episode began, in which requests waited for rate limits."""
        waited = self._policies.waited_seconds
        return waited - self._waited_before.get(episode, waited)

    async def _play(self, slot: EnvSlot, assignment: Assignment) -> Trajectory:
        trajectory = await run_episode(
            assignment.task,
            slot.environment,
            slot.robot,
            self._policies.make(assignment.task, assignment.sample),
            self.config.protocol,
            sample=assignment.sample,
            seed=assignment.task.seed if assignment.task.seed is not None else self.config.seed,
            feedback_provider=self._policies.feedback_provider(assignment.sample),
            interpreters=self._interpreters,
            home=slot.home,
        )
        trajectory.attempts = len(assignment.causes) + 1
        trajectory.retries = list(assignment.causes)
        return trajectory

    async def _make_slot(self) -> EnvSlot:
        """Make an environment with its robot, one at a time; one made in vain is closed."""
        name, named = self.config.environment.plugin, self.config.protocol.controller
        kind = environment_class(name)
        controller = controller_name(named, name, kind)
        home = self._home(kind, controller_class(controller, self.config.environment.options))
        # The shared threads may all be taken, and any other will do.
        maker = self._maker if isinstance(home, SharedThreads) else home
        loop = asyncio.get_running_loop()
        async with self._making:
            making = loop.run_in_executor(maker, self._new_slot, controller, home)
            try:
                return await asyncio.shield(making)
            except asyncio.CancelledError:
                await self._close(await making)
                raise

    def _new_slot(self, controller: str, home: Executor) -> EnvSlot:
        """Make an environment and its robot, in their home where they are bound to it."""
        name, options = self.config.environment.plugin, self.config.environment.options
        with ExitStack() as undo:
            if (lock := lock_robot(self.config.environment)) is not None:
                undo.callback(lock.release)
            environment = make_environment(name, **options)
            undo.callback(environment.close)
            slot = EnvSlot(environment, make_controller(controller, environment), home, lock)
            undo.pop_all()
        self._open.add(slot)
        return slot

    async def _close(self, slot: EnvSlot) -> None:
        await slot.close()
        self._open.discard(slot)

    def _approver(self, robot: Controller, episode: str) -> Approver | None:
        setting = self.config.runner.approval
        if not needs_approval(setting, robot):
            return None
        return make_approver(setting, lambda call: self._questions.ask(call, episode))

    def _home(self, environment: type[Environment], robot: type[Controller]) -> Executor:
        """Choose where all calls into an environment and its robot are made."""
        if robot.asynchronous:
            self._loop = self._loop or start_loop("robots")
            return LoopCalls(self._loop)
        if environment.thread_safe and robot.thread_safe:
            return SharedThreads(lambda: self._shared)
        return OwnThread("robot")

    def _close_at_exit(self) -> None:
        """Stop what moves, where the process ends before `stop` could."""
        for slot in list(self._open):
            slot.close_at_once()


def _failed(error: BaseException) -> Result:
    said = str(error)
    if not isinstance(error, EmbodiedError):
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"in {frame.name}, {frame.filename}:{frame.lineno}"
        said = f"{type(error).__name__}: {error} ({where})"
    return Result(
        _memory(),
        error=said,
        traceback="".join(traceback.format_exception(error.__cause__ or error))[
            -_TRACEBACK_CHARACTERS:
        ],
        retry=not isinstance(error, ConfigError | DataError | UnstorableError),
        fatal=isinstance(error, ConfigError),
    )


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)
