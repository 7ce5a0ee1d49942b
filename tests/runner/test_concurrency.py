"""How many episodes are in flight, by the figures of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
from anyio import CapacityLimiter

from embodied.llm.server_metrics import ServerTotals
from embodied.runner import concurrency as module
from embodied.runner.concurrency import INITIAL, MAX, EpisodeConcurrencyController, Measured

ROOMY = 2**40
Limiters = list[CapacityLimiter]


@pytest.fixture
async def resources() -> AsyncIterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def crowded(
    controller: EpisodeConcurrencyController, workers: int, resources: ExitStack
) -> Limiters:
    """Workers all of whose places are taken, however many there come to be."""
    limiters = [resources.enter_context(controller.worker(MAX)) for _ in range(workers)]
    for places in limiters:
        for _ in range(MAX):
            resources.callback(asyncio.create_task(episodes(places)).cancel)
    await asyncio.sleep(0)
    return limiters


async def episodes(places: CapacityLimiter) -> None:
    """One short episode after another."""
    while True:
        async with places:
            await asyncio.sleep(0)


def taken(limiters: Limiters) -> int:
    return sum(places.borrowed_tokens for places in limiters)


async def settle(
    controller: EpisodeConcurrencyController, limiters: Limiters, sequences: float, tokens: float
) -> None:
    """Let it adjust to a server that works on so many sequences and writes a token a second for
    each, but no more than so many.
    """
    for _ in range(20):
        at_server = taken(limiters)
        running = min(at_server, sequences)
        controller.adjust(Measured(running, at_server - running, min(running, tokens)))
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.mark.parametrize("sequences", [100, 256, 300, 1000])
async def test_a_server_is_full_and_hardly_anyone_waits(
    resources: ExitStack, sequences: int
) -> None:
    controller = EpisodeConcurrencyController("auto", ROOMY)
    limiters = await crowded(controller, 2, resources)
    assert [places.borrowed_tokens for places in limiters] == [INITIAL, INITIAL]
    await settle(controller, limiters, sequences, tokens=sequences)
    assert sequences <= taken(limiters) <= 1.5 * sequences


async def test_no_more_than_the_server_writes_the_more_for(resources: ExitStack) -> None:
    controller = EpisodeConcurrencyController("auto", ROOMY)
    limiters = await crowded(controller, 1, resources)
    await settle(controller, limiters, sequences=10_000, tokens=60)
    assert taken(limiters) == 64


@pytest.mark.parametrize(
    ("episodes", "worker_bytes", "largest", "found"),
    [
        ("auto", ROOMY, 0, 2 * MAX),
        ("auto", 1000, 501, 2 * INITIAL),
        (7, ROOMY, 0, 14),
    ],
)
async def test_its_bounds(
    resources: ExitStack, episodes: int, worker_bytes: int, largest: int, found: int
) -> None:
    controller = EpisodeConcurrencyController(episodes, worker_bytes)
    controller.note_memory(largest)
    limiters = await crowded(controller, 2, resources)
    if episodes == "auto":
        await settle(controller, limiters, sequences=1e9, tokens=1e9)
    else:
        await controller.follow(ServerTotals())
    assert taken(limiters) == found


async def test_a_worker_bears_no_more_than_it_says(resources: ExitStack) -> None:
    controller = EpisodeConcurrencyController("auto", ROOMY)
    assert resources.enter_context(controller.worker(1)).total_tokens == 1


async def test_it_stays_where_the_server_gives_no_figures(
    resources: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    controller = EpisodeConcurrencyController("auto", ROOMY)
    limiters = await crowded(controller, 2, resources)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await controller.follow(ServerTotals())
    assert taken(limiters) == 2 * INITIAL
