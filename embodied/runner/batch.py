"""Runs all episodes of a run on a pool of workers, each to its end, whatever dies on the way.

Episodes run free of each other: a lane takes the next assignment as soon as its last one is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from anyio import CapacityLimiter

from embodied.errors import ConfigError, RunError
from embodied.llm.backoff import backoff
from embodied.policies.factory import policy_class
from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerDied, WorkerHandle
from embodied.runner.concurrency import InFlight
from embodied.runner.local_pool import LocalPool
from embodied.runner.plan import ResolvedRun
from embodied.runner.ray_pool import RayPool
from embodied.runner.throughput import Meter, measuring
from embodied.store import RunInvocation, StoredEpisode
from embodied.trajectory import Outcome, Trajectory

_LOG = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""How often in a row one worker may die while it starts, before the run is given up if no other
worker plays."""

_PLUGINS = ("controller", "conversation", "action")
"""Settings of the protocol that may name a class in a file."""


async def run_batch(
    run: ResolvedRun,
    todo: Iterable[Assignment],
    write: Callable[[StoredEpisode], object],
    keep: Callable[[RunInvocation], object],
) -> None:
    """Play all assignments and hand each finished episode to `write`, in order of finishing.

    What the sitting measured so far goes to `keep`, now and then and at its end.

    Raises:
        ConfigError, DataError: workers cannot be set up.
        RunError: workers keep dying while they start, or `write` failed.
    """
    pool: Pool = RayPool(run) if run.config.runner.kind == "ray" else LocalPool(run)
    try:
        async with measuring(run.models, keep) as meter:
            await _Batch(run, pool, write, meter).run(todo)
    finally:
        pool.close()


class _Batch:
    def __init__(
        self,
        run: ResolvedRun,
        pool: Pool,
        write: Callable[[StoredEpisode], object],
        meter: Meter | None = None,
    ) -> None:
        self._config = run.config
        self._pool = pool
        self._write = write
        self._meter = meter or Meter()
        runner = run.config.runner
        longest_outage = max((model.outage_seconds for model in run.models), default=0.0)
        self._episode_seconds = runner.episode_seconds + longest_outage
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
            self._again(assignment, str(result.error), started, result.traceback)
        else:
            self._give_up(assignment, str(result.error), started, result.traceback)

    def _again(
        self, assignment: Assignment, cause: str, started: datetime, traceback: str | None = None
    ) -> None:
        if len(assignment.causes) >= self._config.runner.retries:
            self._give_up(assignment, cause, started, traceback)
        else:
            self._queue.put_nowait(replace(assignment, causes=(*assignment.causes, cause)))

    def _give_up(
        self, assignment: Assignment, cause: str, started: datetime, traceback: str | None
    ) -> None:
        trajectory = Trajectory(
            episode_id=assignment.id,
            task=assignment.task,
            sample=assignment.sample,
            policy=policy_class(self._config.policy).label(self._config, assignment.sample),
            outcome=Outcome.INFRASTRUCTURE_ERROR,
            error=cause,
            traceback=traceback,
            attempts=len(assignment.causes) + 1,
            retries=list(assignment.causes),
            started_at=started.isoformat(timespec="milliseconds"),
            seconds=(datetime.now(UTC) - started).total_seconds(),
        )
        self._write(StoredEpisode.of(trajectory))
