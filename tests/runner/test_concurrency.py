"""How many episodes are in flight, by the figures of a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
from anyio import CapacityLimiter

from embodied.llm.server_metrics import ServerTotals
from embodied.runner import concurrency as module
from embodied.runner.concurrency import MOST, START, InFlight, Measured

ROOMY = 2**40
Crew = list[CapacityLimiter]


@pytest.fixture
async def resources() -> AsyncIterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def crowded(in_flight: InFlight, workers: int, resources: ExitStack) -> Crew:
    """Workers all of whose places are taken, however many there come to be."""
    crew = [resources.enter_context(in_flight.worker(MOST)) for _ in range(workers)]
    for places in crew:
        for _ in range(MOST):
            resources.callback(asyncio.create_task(episodes(places)).cancel)
    await asyncio.sleep(0)
    return crew


async def episodes(places: CapacityLimiter) -> None:
    """One short episode after another."""
    while True:
        async with places:
            await asyncio.sleep(0)


def taken(crew: Crew) -> int:
    return sum(places.borrowed_tokens for places in crew)


async def settle(in_flight: InFlight, crew: Crew, sequences: float, tokens: float) -> None:
    """Let it adjust to a server that works on so many sequences and writes a token a second for
    each, but no more than so many.
    """
    for _ in range(20):
        at_server = taken(crew)
        running = min(at_server, sequences)
        in_flight.adjust(Measured(running, at_server - running, min(running, tokens)))
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.mark.parametrize("sequences", [100, 256, 300, 1000])
async def test_a_server_is_full_and_hardly_anyone_waits(
    resources: ExitStack, sequences: int
) -> None:
    in_flight = InFlight("auto", ROOMY)
    crew = await crowded(in_flight, 2, resources)
    assert [places.borrowed_tokens for places in crew] == [START, START]
    await settle(in_flight, crew, sequences, tokens=sequences)
    assert sequences <= taken(crew) <= 1.5 * sequences


async def test_no_more_than_the_server_writes_the_more_for(resources: ExitStack) -> None:
    in_flight = InFlight("auto", ROOMY)
    crew = await crowded(in_flight, 1, resources)
    await settle(in_flight, crew, sequences=10_000, tokens=60)
    assert taken(crew) == 64


@pytest.mark.parametrize(
    ("episodes", "worker_bytes", "largest", "found"),
    [
        ("auto", ROOMY, 0, 2 * MOST),
        ("auto", 1000, 501, 2 * START),
        (7, ROOMY, 0, 14),
    ],
)
async def test_its_bounds(
    resources: ExitStack, episodes: int, worker_bytes: int, largest: int, found: int
) -> None:
    in_flight = InFlight(episodes, worker_bytes)
    in_flight.note_memory(largest)
    crew = await crowded(in_flight, 2, resources)
    if episodes == "auto":
        await settle(in_flight, crew, sequences=1e9, tokens=1e9)
    else:
        await in_flight.follow(ServerTotals())
    assert taken(crew) == found


async def test_a_worker_bears_no_more_than_it_says(resources: ExitStack) -> None:
    in_flight = InFlight("auto", ROOMY)
    assert resources.enter_context(in_flight.worker(1)).total_tokens == 1


async def test_it_stays_where_the_server_gives_no_figures(
    resources: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    in_flight = InFlight("auto", ROOMY)
    crew = await crowded(in_flight, 2, resources)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await in_flight.follow(ServerTotals())
    assert taken(crew) == 2 * START
