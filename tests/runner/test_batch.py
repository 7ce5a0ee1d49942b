"""Batches on a fake pool: retries, dying workers, recycling; each episode to one end."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from embodied import ConfigError, Outcome, RunError, Trajectory
from embodied.runner import batch
from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerDied, WorkerHandle
from embodied.runner.batch import START_ATTEMPTS, _Batch
from embodied.store import StoredEpisode
from tests.runner.resolved import many_tasks, resolved

TASKS = many_tasks(20)
DIES, HANGS, BREAKS, CORRUPT, FATAL = (task.id for task in TASKS[3:12:2])


class FakePool(Pool):
    """A pool in this process whose workers misbehave as they are told."""

    size = 2

    def __init__(self, trouble: dict[str, int], memory: int = 0, starts_to_fail: int = 0) -> None:
        self.trouble = trouble
        self.memory = memory
        self.starts_to_fail = starts_to_fail
        self.started = self.stopped = 0

    async def start_worker(self) -> WorkerHandle:
        await asyncio.sleep(0)
        if self.starts_to_fail:
            self.starts_to_fail -= 1
            raise WorkerDied("killed while it started")
        self.started += 1
        return FakeHandle(self)

    def close(self) -> None:
        pass


class FakeHandle(WorkerHandle):
    slots = 3

    def __init__(self, pool: FakePool) -> None:
        self.pool = pool
        self.memory = 0
        self.dead = False

    async def run(self, assignment: Assignment) -> Result:
        await asyncio.sleep(0)
        if self.dead:
            raise WorkerDied("killed")
        task = assignment.task.id
        if self.pool.trouble.get(task, 0) > 0:
            self.pool.trouble[task] -= 1
            return await self._misbehave(task)
        self.memory += self.pool.memory
        return Result(self.memory, episode=StoredEpisode.of(finished(assignment)))

    async def _misbehave(self, task: str) -> Result:
        if task == DIES:
            self.dead = True
            raise WorkerDied("killed")
        if task == HANGS:
            await asyncio.sleep(3600)
        if task == CORRUPT:
            return Result(0, error="the game is corrupt")
        if task == FATAL:
            return Result(0, error="no such model", fatal=True)
        return Result(0, error="the simulator broke", retry=True)

    async def stop(self) -> None:
        self.pool.stopped += 1


def finished(assignment: Assignment) -> Trajectory:
    return Trajectory(
        episode_id=assignment.id,
        task=assignment.task,
        policy="test",
        outcome=Outcome.SUCCESS,
        retries=list(assignment.causes),
    )


async def run(
    pool: FakePool, settings: dict[str, Any] | None = None, **runner: Any
) -> dict[str, Trajectory]:
    run = resolved(runner=runner, **(settings or {}))
    written: list[StoredEpisode] = []
    await _Batch(run, pool, written.append).run([Assignment(task, 0) for task in TASKS])
    by_id = {episode.summary.task_id: episode.trajectory for episode in written}
    assert len(by_id) == len(written), "an episode was written twice"
    assert pool.stopped == pool.started
    return by_id


async def test_every_episode_is_played_once() -> None:
    pool = FakePool({})
    assert set(await run(pool)) == {task.id for task in TASKS}
    assert pool.started == 2


async def test_episodes_of_a_dead_worker_are_played_again() -> None:
    pool = FakePool({DIES: 2})
    done = await run(pool)
    assert len(done) == len(TASKS)
    assert done[DIES].retries == ["the worker died: killed"] * 2
    assert pool.started > 2


async def test_an_episode_that_always_kills_its_worker_is_given_up() -> None:
    done = await run(FakePool({DIES: 99}), retries=2)
    assert done[DIES].outcome is Outcome.INFRASTRUCTURE_ERROR
    assert done[DIES].attempts == 3
    assert sum(t.outcome is Outcome.SUCCESS for t in done.values()) >= len(TASKS) - 6


async def test_errors_that_may_pass_are_retried_and_others_not() -> None:
    done = await run(FakePool({BREAKS: 2, CORRUPT: 1}))
    assert done[BREAKS].outcome is Outcome.SUCCESS
    assert done[BREAKS].retries == ["the simulator broke"] * 2
    assert done[CORRUPT].outcome is Outcome.INFRASTRUCTURE_ERROR
    assert done[CORRUPT].error == "the game is corrupt"


async def test_a_hung_episode_is_played_again_elsewhere() -> None:
    done = await run(FakePool({HANGS: 1}), episode_seconds=0.3)
    assert done[HANGS].retries == ["no end after 0.3 s"]
    assert len(done) == len(TASKS)


@pytest.mark.parametrize("trouble", [DIES, HANGS, BREAKS, CORRUPT])
async def test_a_real_robot_is_not_started_again_by_itself(trouble: str) -> None:
    pool = FakePool({trouble: 1})
    real = resolved(runner={"episode_seconds": 0.3}, environment={"physical": True})
    written: list[StoredEpisode] = []
    with pytest.raises(RunError, match=f"{trouble}#0: .* is not started again by itself"):
        await _Batch(real, pool, written.append).run([Assignment(task, 0) for task in TASKS])
    assert (pool.started, pool.stopped) == (1, 1)
    before = [task.id for task in TASKS[: len(written)]]
    assert [episode.summary.task_id for episode in written] == before
    assert before[-1] == trouble
    assert written[-1].summary.outcome is Outcome.INFRASTRUCTURE_ERROR


async def test_an_episode_that_waits_for_a_rate_limit_does_not_hang() -> None:
    class WaitingHandle(FakeHandle):
        """A worker one of whose episodes ends once its waits were asked for some times."""

        asked = 0

        def __init__(self, pool: FakePool) -> None:
            super().__init__(pool)
            self.waited = asyncio.Event()

        async def _misbehave(self, task: str) -> Result:
            self.asked = 0
            await self.waited.wait()
            return Result(0, error="it waited to its end")

        async def waited_seconds(self, episode: str) -> float:
            self.asked += 1
            if self.asked > 10:
                self.waited.set()
            return 0.05 * self.asked

    class WaitingPool(FakePool):
        async def start_worker(self) -> WorkerHandle:
            self.started += 1
            return WaitingHandle(self)

    done = await run(WaitingPool({HANGS: 1}), episode_seconds=0.05)
    assert done[HANGS].error == "it waited to its end"


async def test_large_workers_are_replaced() -> None:
    pool = FakePool({}, memory=10)
    assert len(await run(pool, worker_memory_bytes=35)) == len(TASKS)
    assert pool.started > 2


async def test_an_error_that_meets_all_episodes_ends_the_run() -> None:
    with pytest.raises(ConfigError, match="no such model"):
        await run(FakePool({FATAL: 1}))


async def test_workers_that_die_while_they_start() -> None:
    assert len(await run(FakePool({}, starts_to_fail=2))) == len(TASKS)
    with pytest.raises(RunError, match="die while they start: killed while it started"):
        await run(FakePool({}, starts_to_fail=99))


async def test_starts_that_fail_are_counted_for_each_worker() -> None:
    assert len(await run(FakePool({}, starts_to_fail=2 * (START_ATTEMPTS - 1)))) == len(TASKS)


class OneGoodNode(FakePool):
    """Starts one worker at a time; any other dies while it starts."""

    refused = 0

    async def start_worker(self) -> WorkerHandle:
        handle = await super().start_worker()
        if self.started - self.stopped > 1:
            self.refused += 1
            await handle.stop()
            raise WorkerDied("no such package")
        return handle


async def test_a_node_where_workers_die_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch, "backoff", lambda failures: 0.001)
    pool = OneGoodNode({HANGS: 1})
    assert len(await run(pool, episode_seconds=0.3)) == len(TASKS)
    assert pool.refused > START_ATTEMPTS


async def test_an_episode_that_is_given_up_has_a_policy_and_a_time() -> None:
    before = datetime.now(UTC)
    done = await run(FakePool({CORRUPT: 1}), {"policy": {"name": "llm"}, "llm": {"model": "m"}})
    assert done[CORRUPT].policy == "llm:m"
    started = datetime.fromisoformat(done[CORRUPT].started_at)
    assert before - timedelta(seconds=1) < started < datetime.now(UTC)


async def test_a_writer_that_fails_ends_the_run() -> None:
    def write(episode: StoredEpisode) -> None:
        raise RunError("the disk is full")

    with pytest.raises(RunError, match="the disk is full"):
        await _Batch(resolved(), FakePool({}), write).run([Assignment(TASKS[0], 0)])


async def test_episodes_are_written_in_their_order_beside_the_event_loop() -> None:
    threads: set[int] = set()
    begun: list[str] = []
    ended: list[str] = []

    def write(episode: StoredEpisode) -> None:
        threads.add(threading.get_ident())
        begun.append(episode.summary.episode_id)
        assert begun[:-1] == ended, "two are written at a time"
        ended.append(episode.summary.episode_id)

    await _Batch(resolved(), FakePool({}), write).run([Assignment(task, 0) for task in TASKS])
    assert len(ended) == len(TASKS)
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_an_episode_that_is_being_written_when_a_run_is_cancelled_is_written() -> None:
    begun, go_on = threading.Event(), threading.Event()
    written: list[str] = []

    def write(episode: StoredEpisode) -> None:
        begun.set()
        assert go_on.wait(20)
        written.append(episode.summary.episode_id)

    pool = FakePool({})
    run = asyncio.create_task(_Batch(resolved(), pool, write).run([Assignment(TASKS[0], 0)]))
    assert await asyncio.to_thread(begun.wait, 20)
    threading.Timer(0.1, go_on.set).start()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert written == ["corridor-0#0"]
    assert pool.stopped == pool.started


class Racing(FakeHandle):
    """Fails for all while another episode ends in the same moment."""

    async def run(self, assignment: Assignment) -> Result:
        if assignment.task.id == "corridor-0":
            await asyncio.sleep(0.01)
            return Result(0, error="no such model", fatal=True)
        await asyncio.sleep(0.01)
        return await super().run(assignment)


async def test_a_fatal_error_ends_the_run_while_other_episodes_end() -> None:
    class Pool(FakePool):
        async def start_worker(self) -> WorkerHandle:
            self.started += 1
            return Racing(self)

    for _ in range(20):
        with pytest.raises(ConfigError, match="no such model"):
            async with asyncio.timeout(20):
                await run(Pool({}))
