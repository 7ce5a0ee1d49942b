"""Runs all episodes of a run on a pool of workers, each to its end, whatever dies on the way.

A worker's slot takes the next assignment as soon as its last one is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from anyio import CapacityLimiter

from embodied.errors import ConfigError, RunError
from embodied.llm.backoff import backoff
from embodied.policies.factory import policy_class
from embodied.runner.approvals import Terminal
from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerDied, WorkerHandle, pool_class
from embodied.runner.concurrency import EpisodeConcurrencyController
from embodied.runner.meter import InvocationMeter, measuring
from embodied.runner.plan import ResolvedRun
from embodied.store import RunInvocation, StoredEpisode
from embodied.trajectory import Outcome, Trajectory

_LOG = logging.getLogger(__name__)

_ANSWER_SECONDS = 10.0
"""How long a worker has to say how long it waited."""
START_ATTEMPTS = 3
"""How often in a row one worker may die while it starts, before the run is given up if no other
worker plays."""


async def run_batch(
    run: ResolvedRun,
    todo: Iterable[Assignment],
    write: Callable[[StoredEpisode], object],
    save: Callable[[RunInvocation], object],
    notify: Callable[[str], object] = _LOG.info,
) -> None:
    """Play all assignments and hand each finished episode to `write`, in order of finishing.

    `write` is called in a thread of its own, one episode at a time. What was measured so far goes
    to `save`, now and then and at the end; what takes seconds before the first episode is told to
    `notify`.

    Raises:
        ConfigError, DataError: workers cannot be set up.
        RunError: workers keep dying while they start, `write` failed, or an episode of a physical
            robot did.
    """
    kind = pool_class(run.config.runner.kind)
    if kind.notice:
        notify(kind.notice)
    with _sigterm_kept():
        pool = await asyncio.to_thread(kind, run)
    try:
        async with measuring(run.models, save) as meter:
            await _Batch(run, pool, write, meter).run(todo)
    finally:
        await asyncio.to_thread(pool.close)


@contextlib.contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Restore what SIGTERM does, which Ray replaces when it starts; only the main thread can."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


class _Batch:
    def __init__(
        self,
        run: ResolvedRun,
        pool: Pool,
        write: Callable[[StoredEpisode], object],
        meter: InvocationMeter | None = None,
    ) -> None:
        self._config = run.config
        self._pool = pool
        self._write = write
        self._writer = ThreadPoolExecutor(1, "writer")
        self._meter = meter or InvocationMeter()
        self._terminal = Terminal() if run.may_ask else None
        runner = run.config.runner
        self._physical = run.physical
        self._workers = 1 if run.physical else pool.size
        self._retries = 0 if run.physical else runner.retries
        longest_outage = max((model.outage_seconds for model in run.models), default=0.0)
        self._episode_seconds = runner.episode_seconds + longest_outage
        self._concurrency = EpisodeConcurrencyController(
            runner.episodes_per_worker, runner.worker_memory_bytes
        )
        self._queue: asyncio.Queue[Assignment] = asyncio.Queue()
        self._running_workers = 0

    async def run(self, todo: Iterable[Assignment]) -> None:
        for assignment in todo:
            self._queue.put_nowait(assignment)
        workers = [
            asyncio.create_task(self._supervise_worker())
            for _ in range(min(self._workers, self._queue.qsize()))
        ]
        watch = self._meter.watch
        adjusting = asyncio.create_task(self._concurrency.follow(watch.totals if watch else None))
        finished = asyncio.create_task(self._queue.join())
        try:
            await asyncio.wait([finished, *workers], return_when=asyncio.FIRST_COMPLETED)
            for worker in workers:
                if worker.done():
                    worker.result()
        finally:
            await _cancel([finished, adjusting, *workers])
            self._writer.shutdown()

    async def _supervise_worker(self) -> None:
        """Keep one worker running, with an episode in each of its slots, until cancelled."""
        while True:
            handle = await self._start_worker()
            try:
                self._running_workers += 1
                with self._meter.worker():
                    await self._play_on(handle)
            finally:
                self._running_workers -= 1
                await handle.stop()

    async def _play_on(self, handle: WorkerHandle) -> None:
        """Play on one worker until it is to be replaced, and have its questions answered."""
        playing = asyncio.create_task(self._fill_slots(handle))
        asking = asyncio.create_task(_answer_questions(handle, self._terminal))
        try:
            await asyncio.wait([playing, asking], return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                asking.result()
            await playing
        finally:
            await _cancel([playing, asking])

    async def _start_worker(self) -> WorkerHandle:
        failed = 0
        while True:
            try:
                return await self._pool.start_worker()
            except WorkerDied as died:
                failed += 1
                if failed >= START_ATTEMPTS and not self._running_workers:
                    raise RunError(f"workers die while they start: {died}") from died
                _LOG.warning("a worker died while it started: %s", died)
                await asyncio.sleep(backoff(failed))

    async def _fill_slots(self, handle: WorkerHandle) -> None:
        """Play on one worker until it is to be replaced; episodes that it holds are finished."""
        retired = asyncio.Event()
        count = 1 if self._physical else handle.slots
        with self._concurrency.worker(count) as limiter:
            slots = [
                asyncio.create_task(self._slot(handle, limiter, retired)) for _ in range(count)
            ]
            try:
                await asyncio.gather(*slots)
            finally:
                await _cancel(slots)

    async def _slot(
        self, handle: WorkerHandle, limiter: CapacityLimiter, retired: asyncio.Event
    ) -> None:
        while not retired.is_set():
            async with limiter:
                assignment = await self._next(retired)
                if assignment is None:
                    return
                if retired.is_set():
                    self._queue.put_nowait(assignment)
                elif not await self._play(handle, assignment):
                    retired.set()
                self._queue.task_done()

    async def _next(self, retired: asyncio.Event) -> Assignment | None:
        """Return the next assignment; None when the worker is retired while it waits for one."""
        getting = asyncio.create_task(self._queue.get())
        stopping = asyncio.create_task(retired.wait())
        try:
            await asyncio.wait([getting, stopping], return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            getting.cancel()
            stopping.cancel()

    async def _play(self, handle: WorkerHandle, assignment: Assignment) -> bool:
        """Play one episode and deal with what came of it; False: the worker must be replaced."""
        limit, started = self._episode_seconds, datetime.now(UTC)
        try:
            with self._meter.episode():
                result = await _run_in_time(handle, assignment, limit)
        except WorkerDied as died:
            await self._failed(assignment, f"the worker died: {died}", started)
            return False
        except TimeoutError:
            await self._failed(assignment, f"no end after {limit:g} s", started)
            return False
        self._meter.add(result)
        self._concurrency.note_memory(result.memory_bytes)
        cause, retry = str(result.error), result.retry
        if result.episode is not None:
            await self._save(result.episode)
        elif result.fatal:
            raise ConfigError(cause)
        else:
            await self._failed(assignment, cause, started, result.traceback, retry=retry)
        return result.memory_bytes <= self._config.runner.worker_memory_bytes

    async def _save(self, episode: StoredEpisode) -> None:
        """Write an episode beside the event loop, as disks are slow; once begun, to its end."""
        loop = asyncio.get_running_loop()
        await asyncio.shield(loop.run_in_executor(self._writer, self._write, episode))

    async def _failed(
        self,
        assignment: Assignment,
        cause: str,
        started: datetime,
        traceback: str | None = None,
        *,
        retry: bool = True,
    ) -> None:
        """Play an episode again, as often as it may be; after that, store how it failed."""
        if retry and len(assignment.causes) < self._retries:
            self._queue.put_nowait(replace(assignment, causes=(*assignment.causes, cause)))
            return
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
        await self._save(StoredEpisode.of(trajectory))
        if self._physical:
            raise RunError(
                f"{assignment.id}: {cause}. A real robot is not started again by itself: see that "
                f"it is safe, then: embodied resume {self._config.out}"
            )


async def _answer_questions(handle: WorkerHandle, terminal: Terminal | None) -> None:
    """Have a person answer what a worker asks, until it is gone; without one, nothing is asked."""
    with contextlib.suppress(WorkerDied):
        while terminal is not None:
            question = await handle.next_question()
            await handle.answer(question.number, await terminal.approve(question.text))


async def _run_in_time(handle: WorkerHandle, assignment: Assignment, seconds: float) -> Result:
    """Play an episode; raise TimeoutError where it takes longer than so many seconds, without
    those in which the worker waited for the rate limits of models.
    """
    running = asyncio.create_task(handle.run(assignment))
    waited = 0.0
    try:
        while not (await asyncio.wait([running], timeout=seconds))[0]:
            before, waited = waited, await _waited_seconds(handle, assignment.id)
            seconds = waited - before
            if seconds <= 0:
                raise TimeoutError
        return running.result()
    finally:
        await _cancel([running])


async def _waited_seconds(handle: WorkerHandle, episode: str) -> float:
    """Ask a worker for its waits; one that does not answer has none."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await handle.waited_seconds(episode)
    except TimeoutError:
        return 0.0


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their ends, whatever these are."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
