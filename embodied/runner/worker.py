"""A worker: plays episodes one after another, or several at a time, in one process."""

from __future__ import annotations

import contextlib
import os
import socket
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from embodied.config.schema import RunConfig
from embodied.controller import Controller
from embodied.environment import Environment
from embodied.episode import run_episode
from embodied.errors import (
    ConfigError,
    DataError,
    EmbodiedError,
    UnstorableError,
)
from embodied.interpreter import Interpreters
from embodied.plugins.registry import controller_name, make_controller, make_environment
from embodied.policies.factory import PolicyFactory, policy_class
from embodied.runner.assignment import Assignment, Result
from embodied.runner.concurrency import most_episodes
from embodied.store import StoredEpisode
from embodied.trajectory import Trajectory

_COMPUTING_THREADS = 2
"""For simulators that only compute. More would wait for each other, each with a cold cache."""

_TRACEBACK_CHARACTERS = 20_000


@dataclass
class _Seat:
    """An environment with its robot, used by one episode at a time."""

    environment: Environment
    robot: Controller


@dataclass
class Worker:
    """Plays assignments under one configuration."""

    config: RunConfig
    _free: list[_Seat] = field(default_factory=list)
    threads: int | None = None
    """Threads that its simulators and interpreters are to have, once it is set up; None: as many as
    Python thinks fit."""
    _policies: PolicyFactory | None = None
    _interpreters: Interpreters | None = None

    async def host(self) -> str:
        """The name of the machine that it runs on."""
        return socket.gethostname()

    async def start(self, keys: Mapping[str, str] | None = None) -> int:
        """Set up what all episodes need; returns how many it can play at a time.

        Args:
            keys: API keys by the variables that hold them, for a worker whose environment lacks
                them.

        Raises:
            EmbodiedError: environment or policy cannot be set up.
        """
        os.environ.update(keys or {})
        self._policies = PolicyFactory(self.config)
        unconfined = self.config.runner.allow_unconfined
        self._interpreters = Interpreters(allow_unconfined=unconfined)
        seat = self._seat()
        self._free.append(seat)
        if policy_class(self.config.policy).interactive:
            return 1
        capabilities = seat.environment.capabilities
        self.threads = None if capabilities.io_bound else _COMPUTING_THREADS
        bound = capabilities.max_per_process
        wanted = most_episodes(self.config.runner.episodes_per_worker)
        return wanted if bound is None else min(bound, wanted)

    async def run(self, assignment: Assignment) -> Result:
        """Play one episode. Never raises: errors are results."""
        seat = None
        try:
            seat = self._free.pop() if self._free else self._seat()
            episode = StoredEpisode.of(await self._play(seat, assignment))
        except (Exception, SystemExit) as error:
            if seat is not None:
                _close(seat.environment)
            return _failed(error)
        self._free.append(seat)
        return Result(_memory(), episode=episode)

    async def stop(self) -> None:
        """Release environments and connections."""
        while self._free:
            _close(self._free.pop().environment)
        if self._policies is not None:
            await self._policies.close()
        if self._interpreters is not None:
            self._interpreters.close()

    async def _play(self, seat: _Seat, assignment: Assignment) -> Trajectory:
        if self._policies is None:
            raise RuntimeError("the worker was not started")
        trajectory = await run_episode(
            assignment.task,
            seat.environment,
            seat.robot,
            self._policies.make(assignment.task, assignment.sample),
            self.config.protocol,
            sample=assignment.sample,
            seed=assignment.task.seed if assignment.task.seed is not None else self.config.seed,
            commentator=self._policies.commentator(assignment.sample),
            interpreters=self._interpreters,
        )
        trajectory.attempts = len(assignment.causes) + 1
        trajectory.retries = list(assignment.causes)
        return trajectory

    def _seat(self) -> _Seat:
        settings = self.config.environment
        environment = make_environment(settings.name, **settings.options)
        named = self.config.protocol.controller
        controller = controller_name(named, settings.name, type(environment))
        return _Seat(environment, make_controller(controller, environment))


def _failed(error: BaseException) -> Result:
    return Result(
        _memory(),
        error=str(error) if isinstance(error, EmbodiedError) else _described(error),
        traceback="".join(traceback.format_exception(error.__cause__ or error))[
            -_TRACEBACK_CHARACTERS:
        ],
        retry=not isinstance(error, ConfigError | DataError | UnstorableError),
        fatal=isinstance(error, ConfigError),
    )


def _described(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {frame.name}, {frame.filename}:{frame.lineno})"


def _close(environment: Environment) -> None:
    with contextlib.suppress(Exception, SystemExit):
        environment.close()


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)
