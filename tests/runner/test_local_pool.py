"""Workers in this process: environments are closed, whatever ends an episode; what blocks does so
beside the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from embodied import Message, Observation, Outcome, StepResult, Task
from embodied.environment import Capabilities
from embodied.plugins import registry
from embodied.runner import env_slot, worker
from embodied.runner.assignment import Assignment
from embodied.runner.batch import _Batch
from embodied.runner.local_pool import LocalPool
from embodied.store import StoredEpisode
from embodied.testing import Corridor, CorridorRobot
from tests.runner.resolved import many_tasks, resolved

TASKS = many_tasks(40)
SECONDS = 20.0
"""After which a test fails rather than hangs."""


class Simulator(Corridor):
    """Notes what is done to it, and may hang in a reset as a test wants it."""

    capabilities = Capabilities(io_bound=True)
    made: list[Simulator]
    hangs: dict[str, int]
    go_on: threading.Event
    meeting: threading.Barrier | None
    make_waits: threading.Event | None

    def __init__(self) -> None:
        super().__init__(length=1)
        self.busy = self.closed = self.closed_while_busy = False
        self.threads = {threading.get_ident()}
        if self.make_waits is not None:
            assert self.make_waits.wait(SECONDS)
        self.made.append(self)

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.busy = True
        if self.meeting is not None:
            self.meeting.wait(SECONDS)
        if self.hangs.get(task.id, 0):
            self.hangs[task.id] -= 1
            assert self.go_on.wait(SECONDS)
        self.busy = False
        return super().reset(task, seed)

    def step(self, command: str) -> StepResult:
        if command == "go left":
            raise OSError("the simulator is gone")
        return super().step(command)

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed = True
        self.closed_while_busy |= self.busy
        self.go_on.set()


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> type[Simulator]:
    load: Callable[[str, str], Any] = registry.load
    fakes = {"embodied.environments": Simulator, "embodied.controllers": CorridorRobot}
    monkeypatch.setattr(registry, "load", lambda g, name: fakes.get(g) or load(g, name))
    for name, value in (
        ("made", []),
        ("hangs", {}),
        ("go_on", threading.Event()),
        ("meeting", None),
        ("make_waits", None),
    ):
        monkeypatch.setattr(Simulator, name, value, raising=False)
    return Simulator


def play(messages: list[Message]) -> str:
    return "<execute>take_key()\nopen_door()</execute>"


def explode(messages: list[Message]) -> str:
    return '<execute>go("left")</execute>'


def make_pool(policy: Callable[[list[Message]], str] = play, **runner: Any) -> LocalPool:
    protocol = {"controller": "corridor"}
    return LocalPool(resolved(policy=policy, protocol=protocol, runner={"kind": "local", **runner}))


async def play_all(tasks: list[Task], **runner: Any) -> list[StoredEpisode]:
    run = resolved(policy=play, protocol={"controller": "corridor"}, runner=runner)
    written: list[StoredEpisode] = []
    batch = _Batch(run, LocalPool(run), written.append)
    await batch.run([Assignment(task, 0) for task in tasks])
    return written


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_episode_that_times_out_closes_its_environment_once_the_call_returns(
    simulator: type[Simulator],
) -> None:
    simulator.hangs = {"corridor-0": 1}
    handle = await make_pool().start_worker()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await handle.run(Assignment(TASKS[0], 0))
    [made] = simulator.made
    assert not made.closed
    simulator.go_on.set()
    await handle.stop()
    assert made.closed
    assert not made.closed_while_busy


async def test_an_environment_whose_call_never_returns_is_closed_all_the_same(
    simulator: type[Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_slot, "CALL_SECONDS", 0.05)
    simulator.hangs = {"corridor-0": 1}
    handle = await make_pool().start_worker()
    playing = asyncio.create_task(handle.run(Assignment(TASKS[0], 0)))
    await until(lambda: simulator.made[0].busy)
    playing.cancel()
    await asyncio.wait([playing])
    await handle.stop()
    assert simulator.made[0].closed_while_busy


async def test_a_worker_waits_no_longer_than_it_must_for_a_simulator_that_hangs(
    simulator: type[Simulator], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "STOP_SECONDS", 0.05)
    simulator.hangs = {"corridor-0": 1}
    handle = await make_pool().start_worker()
    playing = asyncio.create_task(handle.run(Assignment(TASKS[0], 0)))
    await until(lambda: simulator.made[0].busy)
    playing.cancel()
    await asyncio.wait([playing])
    with caplog.at_level(logging.WARNING, "embodied"):
        await handle.stop()
    assert "1 cancelled episodes hang in their simulator" in caplog.text
    simulator.go_on.set()


async def test_a_hung_episode_is_played_again_and_nothing_stays_open(
    simulator: type[Simulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env_slot, "CALL_SECONDS", 0.05)
    simulator.hangs = {"corridor-1": 1, "corridor-2": 1}
    written = await play_all(TASKS[:8], episode_seconds=1.0, episodes_per_worker=4)
    assert sorted(episode.summary.task_id for episode in written) == sorted(
        task.id for task in TASKS[:8]
    )
    assert {episode.summary.outcome for episode in written} == {Outcome.SUCCESS}
    assert [made for made in simulator.made if not made.closed] == []


async def test_a_run_that_is_cancelled_leaves_nothing_open(simulator: type[Simulator]) -> None:
    simulator.hangs = {"corridor-1": 1}
    playing = asyncio.create_task(play_all(TASKS[:4], episodes_per_worker=2))
    await until(lambda: any(made.busy for made in simulator.made))
    threading.Timer(0.2, simulator.go_on.set).start()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert simulator.made
    assert [made for made in simulator.made if not made.closed or made.closed_while_busy] == []


async def test_an_environment_that_is_made_for_a_cancelled_episode_is_closed(
    simulator: type[Simulator],
) -> None:
    handle = await make_pool(episodes_per_worker=2).start_worker()
    simulator.hangs = {"corridor-0": 1}
    first = asyncio.create_task(handle.run(Assignment(TASKS[0], 0)))
    await until(lambda: simulator.made[0].busy)
    simulator.make_waits = threading.Event()
    second = asyncio.create_task(handle.run(Assignment(TASKS[1], 0)))
    await asyncio.sleep(0.05)
    second.cancel()
    simulator.make_waits.set()
    simulator.go_on.set()
    assert (await first).episode is not None
    await handle.stop()
    assert [made.closed for made in simulator.made] == [True, True]


async def test_an_environment_that_failed_is_replaced(simulator: type[Simulator]) -> None:
    handle = await make_pool(explode).start_worker()
    for _ in range(2):
        result = await handle.run(Assignment(TASKS[0], 0))
        assert result.retry
        assert "the simulator is gone" in str(result.error)
    assert [made.closed for made in simulator.made] == [True, True]
    await handle.stop()


async def test_a_close_that_fails_is_told(
    simulator: type[Simulator], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Simulator) -> None:
        raise OSError("still in use")

    monkeypatch.setattr(simulator, "close", fail)
    handle = await make_pool().start_worker()
    with caplog.at_level(logging.WARNING, "embodied"):
        await handle.stop()
    assert "an environment cannot be closed: OSError('still in use')" in caplog.text


async def test_as_many_episodes_as_are_in_flight_may_wait_in_their_simulators(
    simulator: type[Simulator],
) -> None:
    simulator.meeting = threading.Barrier(len(TASKS))
    written = await play_all(TASKS, episodes_per_worker=len(TASKS), retries=0)
    assert {episode.summary.outcome for episode in written} == {Outcome.SUCCESS}
    assert len(written) == len(TASKS)


async def test_environments_are_made_and_closed_beside_the_event_loop(
    simulator: type[Simulator],
) -> None:
    await play_all(TASKS[:3], episodes_per_worker=2)
    assert simulator.made
    assert all(made.closed for made in simulator.made)
    assert threading.get_ident() not in set().union(*(made.threads for made in simulator.made))
