"""A worker: plays episodes one after another, or several at a time, in one process."""

from __future__ import annotations

import asyncio
import os
import socket
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from embodied.config.schema import RunConfig
from embodied.episode import run_episode
from embodied.errors import ConfigError, DataError, EmbodiedError, UnstorableError
from embodied.interpreter import Interpreters
from embodied.plugins.registry import controller_name, make_controller, make_environment
from embodied.policies.factory import PolicyFactory, policy_class
from embodied.runner.assignment import Assignment, Result
from embodied.runner.concurrency import max_episodes
from embodied.runner.env_slot import EnvSlot, WorkerThreads
from embodied.store import StoredEpisode
from embodied.trajectory import Trajectory

T = TypeVar("T")

_COMPUTING_THREADS = 2
"""For simulators that only compute. More would wait for each other, each with a cold cache."""

_SIDE_THREADS = 8
"""For what environments do between episodes: several are closed at a time."""
_TRACEBACK_CHARACTERS = 20_000


@dataclass
class Worker:
    """Plays assignments under one configuration."""

    config: RunConfig
    _threads: int = 1
    _free: list[EnvSlot] = field(default_factory=list)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _side_threads: WorkerThreads = field(default_factory=lambda: WorkerThreads(_SIDE_THREADS))
    _policies: PolicyFactory = field(init=False)
    _interpreters: Interpreters = field(init=False)

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
        self._interpreters = Interpreters(allow_unconfined=self.config.runner.allow_unconfined)
        slot = await self._make_slot()
        self._free.append(slot)
        capabilities = slot.environment.capabilities
        slots = max_episodes(self.config.runner.episodes_per_worker)
        if capabilities.max_per_process is not None:
            slots = min(slots, capabilities.max_per_process)
        if policy_class(self.config.policy).interactive:
            slots = 1
        self._threads = slots if capabilities.io_bound else _COMPUTING_THREADS
        self.renew_threads()
        return slots

    def renew_threads(self) -> None:
        """Let calls that begin from now on run in new threads: the old ones may hang."""
        asyncio.get_running_loop().set_default_executor(WorkerThreads(self._threads))

    async def run(self, assignment: Assignment) -> Result:
        """Play one episode. Never raises, but where it is cancelled: errors are results."""
        slot = None
        try:
            slot = self._free.pop() if self._free else await self._make_slot()
            with slot.playing():
                episode = StoredEpisode.of(await self._play(slot, assignment))
            self._free.append(slot)
            slot = None
        except (Exception, SystemExit) as error:
            return _failed(error)
        finally:
            if slot is not None:
                await self._in_side_thread(slot.close)
        return Result(_memory(), episode=episode)

    async def waited_seconds(self) -> float:
        """Return the time in which requests to models waited for rate limits."""
        return self._policies.waited_seconds

    async def stop(self) -> None:
        """Release environments and connections."""
        free, self._free = self._free, []
        await asyncio.gather(*(self._in_side_thread(slot.close) for slot in free))
        await self._policies.close()
        await self._in_side_thread(self._interpreters.close)
        self._side_threads.shutdown()

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
        )
        trajectory.attempts = len(assignment.causes) + 1
        trajectory.retries = list(assignment.causes)
        return trajectory

    async def _make_slot(self) -> EnvSlot:
        """Make an environment with its robot, one at a time; one made in vain is closed."""
        async with self._making:
            making = asyncio.ensure_future(self._in_side_thread(self._new_slot))
            try:
                return await asyncio.shield(making)
            except asyncio.CancelledError:
                await self._in_side_thread((await making).close)
                raise

    def _new_slot(self) -> EnvSlot:
        name, named = self.config.environment.plugin, self.config.protocol.controller
        environment = make_environment(name, **self.config.environment.options)
        controller = controller_name(named, name, type(environment))
        return EnvSlot(environment, make_controller(controller, environment))

    def _in_side_thread(self, function: Callable[[], T]) -> Awaitable[T]:
        """Run what blocks, beside the episodes, whose threads may all be taken."""
        return asyncio.get_running_loop().run_in_executor(self._side_threads, function)


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
