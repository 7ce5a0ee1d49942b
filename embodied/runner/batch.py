"""Runs all episodes of a run on a pool of workers, each to its end, whatever dies on the way.

Episodes run free of each other: a lane takes the next assignment as soon as its last one is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from anyio import CapacityLimiter

from embodied.config.schema import RunConfig, TaskConfig
from embodied.errors import ConfigError, DataError, RunError
from embodied.llm.backoff import backoff
from embodied.plugins.plugin_file import short_name
from embodied.plugins.registry import environment_class, file_hash, with_options
from embodied.policies.factory import feedback_model, longest_outage, policy_name
from embodied.protocol import RunProtocol
from embodied.replay.recordings import load_recordings
from embodied.runner.backend import Pool, WorkerDied, WorkerHandle
from embodied.runner.concurrency import InFlight
from embodied.runner.local_pool import LocalPool
from embodied.runner.ray_pool import RayPool
from embodied.runner.throughput import Meter, measuring
from embodied.runner.worker import Assignment, Result
from embodied.store import Sitting, StoredEpisode
from embodied.task import Task
from embodied.trajectory import Outcome, Trajectory

_LOG = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""How often in a row one worker may die while it starts, before the run is given up if no other
worker plays."""

_PLUGINS = ("controller", "conversation", "action")
"""Settings of the protocol that may name a class in a file."""


def data_version(config: RunConfig) -> dict[str, str]:
    """The identity of the data that a run plays, and of the files that it was told to load."""
    name, options = config.environment.name, config.environment.options
    data = with_options(name, environment_class(name).data_version, config.split, **options)
    data |= file_hash("environment", name)
    for setting in _PLUGINS:
        data |= file_hash(setting, getattr(config.protocol, setting) or "")
    return data


def run_protocol(config: RunConfig, data: dict[str, str]) -> RunProtocol:
    """The protocol record of a run on data of the given identity."""
    environment = environment_class(config.environment.name)
    options = config.environment.options
    policy = config.policy.model_dump(mode="json", exclude={"recordings"})
    if config.llm is not None and config.policy.name == "llm":
        policy |= config.llm.protocol
    if config.policy.recordings:
        policy["recordings"] = [path.name for path in config.policy.recordings]
    plugins = {name: getattr(config.protocol, name) for name in _PLUGINS}
    short = {setting: name and short_name(name) for setting, name in plugins.items()}
    return RunProtocol(
        environment=short_name(config.environment.name),
        environment_options={
            key: value for key, value in options.items() if key not in environment.location_options
        },
        data=data,
        split=config.split,
        tasks=config.tasks.model_dump(mode="json"),
        policy=policy,
        feedback=_feedback(config),
        seed=config.seed,
        protocol=config.protocol.model_copy(update=short),
    )


def _feedback(config: RunConfig) -> dict[str, Any] | None:
    if config.feedback is None:
        return None
    return config.feedback.model_copy(update={"llm": feedback_model(config)}).protocol


def all_tasks(config: RunConfig) -> list[Task]:
    """The tasks of the split, before any choice."""
    name, options = config.environment.name, config.environment.options
    return with_options(name, environment_class(name).list_tasks, config.split, **options)


def choose_tasks(tasks: Iterable[Task], choice: TaskConfig) -> list[Task]:
    """The tasks that a selection leaves, in their order.

    Raises:
        ConfigError: a named task or type does not exist, or nothing is left.
    """
    chosen = list(tasks)
    for what, names in (("id", choice.ids), ("kind", choice.kinds)):
        missing = set(names) - {getattr(task, what) for task in chosen}
        if missing:
            raise ConfigError(f"tasks.{what}s: no task has the {what} {sorted(missing)[0]!r}")
        chosen = [task for task in chosen if not names or getattr(task, what) in names]
    chosen = chosen[: choice.limit]
    if not chosen:
        raise ConfigError("there is no task to run")
    return chosen


def assignments(config: RunConfig, done: set[str]) -> list[Assignment]:
    """The episodes of a run that are not done: every task once, then every task again, and so on.

    Of a replay, those that were recorded.

    Raises:
        ConfigError: the choice of tasks leaves none.
        DataError: a recorded task is not in the data.
    """
    tasks = all_tasks(config)
    chosen = choose_tasks(tasks, config.tasks)
    wanted = [Assignment(task, i) for i in range(config.tasks.samples) for task in chosen]
    if config.policy.recordings:
        recorded = load_recordings(config.policy.recordings).keys()
        _check_recorded({task for task, _ in recorded}, {task.id for task in tasks})
        wanted = [a for a in wanted if (a.task.id, a.sample) in recorded]
    return [assignment for assignment in wanted if assignment.id not in done]


def _check_recorded(recorded: set[str], known: set[str]) -> None:
    missing = sorted(recorded - known)
    if missing:
        raise DataError(
            f"{len(missing)} of {len(recorded)} recorded tasks are not in the data; the first is "
            f"{missing[0]!r}. Is it another split, or other data?"
        )


async def run_batch(
    config: RunConfig,
    todo: Iterable[Assignment],
    write: Callable[[StoredEpisode], object],
    keep: Callable[[Sitting], object],
) -> None:
    """Play all assignments and hand each finished episode to `write`, in order of finishing.

    What the sitting measured so far goes to `keep`, now and then and at its end.

    Raises:
        ConfigError, DataError: workers cannot be set up.
        RunError: workers keep dying while they start, or `write` failed.
    """
    pool: Pool = RayPool(config) if config.runner.kind == "ray" else LocalPool(config)
    try:
        async with measuring(config, keep) as meter:
            await _Batch(config, pool, write, meter).run(todo)
    finally:
        pool.close()


class _Batch:
    def __init__(
        self,
        config: RunConfig,
        pool: Pool,
        write: Callable[[StoredEpisode], object],
        meter: Meter | None = None,
    ) -> None:
        self._config = config
        self._pool = pool
        self._write = write
        self._meter = meter or Meter()
        self._episode_seconds = config.runner.episode_seconds + longest_outage(config)
        runner = config.runner
        self._in_flight = InFlight(runner.episodes_per_worker, runner.worker_memory_bytes)
        self._queue: asyncio.Queue[Assignment] = asyncio.Queue()
        self._playing = 0

    async def run(self, todo: Iterable[Assignment]) -> None:
        for assignment in todo:
            self._queue.put_nowait(assignment)
        crews = [
            asyncio.create_task(self._crew())
            for _ in range(min(self._pool.size, self._queue.qsize()))
        ]
        watch = self._meter.watch
        following = asyncio.create_task(self._in_flight.follow(watch.totals if watch else None))
        finished = asyncio.create_task(self._queue.join())
        try:
            await asyncio.wait([finished, *crews], return_when=asyncio.FIRST_COMPLETED)
            for crew in crews:
                if crew.done():
                    crew.result()
        finally:
            for task in (finished, following, *crews):
                task.cancel()
            await asyncio.gather(finished, following, *crews, return_exceptions=True)

    async def _crew(self) -> None:
        """Keep one worker running, with as many lanes as it has slots, until cancelled."""
        while True:
            handle = await self._start()
            try:
                self._playing += 1
                with self._meter.worker():
                    await self._lanes(handle)
            finally:
                self._playing -= 1
                await handle.stop()

    async def _start(self) -> WorkerHandle:
        failed = 0
        while True:
            try:
                return await self._pool.start_worker()
            except WorkerDied as died:
                failed += 1
                if failed >= START_ATTEMPTS and not self._playing:
                    raise RunError(f"workers die while they start: {died}") from died
                _LOG.warning("a worker died while it started: %s", died)
                await asyncio.sleep(backoff(failed))

    async def _lanes(self, handle: WorkerHandle) -> None:
        """Play on one worker until it is to be replaced; episodes that it holds are finished."""
        retired = asyncio.Event()
        with self._in_flight.worker(handle.slots) as places:
            lanes = [
                asyncio.create_task(self._lane(handle, places, retired))
                for _ in range(handle.slots)
            ]
            try:
                await asyncio.gather(*lanes)
            finally:
                for lane in lanes:
                    lane.cancel()
                await asyncio.gather(*lanes, return_exceptions=True)

    async def _lane(
        self, handle: WorkerHandle, places: CapacityLimiter, retired: asyncio.Event
    ) -> None:
        while not retired.is_set():
            async with places:
                assignment = await self._next(retired)
                if assignment is None:
                    return
                if retired.is_set():
                    self._queue.put_nowait(assignment)
                elif not await self._play(handle, assignment):
                    retired.set()
                self._queue.task_done()

    async def _next(self, retired: asyncio.Event) -> Assignment | None:
        """The next assignment; None when the worker is retired while it waits for one."""
        getting = asyncio.create_task(self._queue.get())
        stopping = asyncio.create_task(retired.wait())
        try:
            await asyncio.wait([getting, stopping], return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            return None
        finally:
            getting.cancel()
            stopping.cancel()

    async def _play(self, handle: WorkerHandle, assignment: Assignment) -> bool:
        """Play one episode and deal with what came of it; False: the worker must be replaced."""
        limit, started = self._episode_seconds, datetime.now(UTC)
        try:
            with self._meter.episode():
                result = await asyncio.wait_for(handle.run(assignment), limit)
        except WorkerDied as died:
            self._again(assignment, f"the worker died: {died}", started)
            return False
        except TimeoutError:
            self._again(assignment, f"no end after {limit:g} s", started)
            return False
        self._meter.add(result)
        self._in_flight.note_memory(result.memory_bytes)
        self._settle(assignment, result, started)
        return result.memory_bytes <= self._config.runner.worker_memory_bytes

    def _settle(self, assignment: Assignment, result: Result, started: datetime) -> None:
        if result.episode is not None:
            self._write(result.episode)
        elif result.fatal:
            raise ConfigError(str(result.error))
        elif result.retry:
            self._again(assignment, str(result.error), started)
        else:
            self._give_up(assignment, str(result.error), started)

    def _again(self, assignment: Assignment, cause: str, started: datetime) -> None:
        if len(assignment.causes) >= self._config.runner.retries:
            self._give_up(assignment, cause, started)
        else:
            self._queue.put_nowait(replace(assignment, causes=(*assignment.causes, cause)))

    def _give_up(self, assignment: Assignment, cause: str, started: datetime) -> None:
        trajectory = Trajectory(
            episode_id=assignment.id,
            task=assignment.task,
            sample=assignment.sample,
            policy=policy_name(self._config, assignment.sample),
            outcome=Outcome.INFRASTRUCTURE_ERROR,
            error=cause,
            attempts=len(assignment.causes) + 1,
            retries=list(assignment.causes),
            started_at=started.isoformat(timespec="milliseconds"),
            seconds=(datetime.now(UTC) - started).total_seconds(),
        )
        self._write(StoredEpisode.of(trajectory))
