"""The limit on requests in flight: how it grows, when it is halved, who waits."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from embodied.llm.aimd_limiter import INITIAL_LIMIT, RECOVERY, Admission, AIMDLimiter

MAX = 1024


async def round_trip(limiter: AIMDLimiter, requests: int, bears: int) -> int:
    """So many requests at a server that refuses those beyond what it bears; returns the peak."""
    in_flight = peak = 0

    async def ask() -> None:
        nonlocal in_flight, peak
        async with limiter.admit() as admission:
            in_flight += 1
            peak = max(peak, in_flight)
            refused = in_flight > bears
            await asyncio.sleep(0)
            limiter.on_congestion(admission) if refused else limiter.on_success()
            in_flight -= 1

    await asyncio.gather(*(ask() for _ in range(requests)))
    return peak


async def test_it_starts_small_and_doubles_until_it_meets_congestion() -> None:
    growing = AIMDLimiter(MAX)
    assert await round_trip(growing, INITIAL_LIMIT, bears=10_000) == INITIAL_LIMIT
    assert INITIAL_LIMIT < growing.limit <= 2 * INITIAL_LIMIT
    assert await round_trip(growing, 10_000, bears=10_000) == 1024
    assert growing.limit == 1024


async def test_after_congestion_it_grows_by_steps() -> None:
    careful = AIMDLimiter(MAX)
    await round_trip(careful, INITIAL_LIMIT, bears=INITIAL_LIMIT - 1)
    assert careful.limit == INITIAL_LIMIT // 2
    sizes = [careful.limit]
    for _ in range(3):
        await round_trip(careful, careful.limit, bears=1000)
        sizes.append(careful.limit)
    gains = [after - before for before, after in itertools.pairwise(sizes)]
    assert all(1 <= gain <= INITIAL_LIMIT // 2 // RECOVERY for gain in gains)


async def test_it_finds_what_a_server_bears() -> None:
    adapting = AIMDLimiter(MAX)
    await round_trip(adapting, 5000, bears=20)
    assert 5 <= adapting.limit <= 30


async def test_it_is_halved_once_for_all_that_were_in_flight() -> None:
    halved = AIMDLimiter(MAX)
    admissions: list[Admission] = []

    async def ask() -> None:
        async with halved.admit() as admission:
            admissions.append(admission)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask() for _ in range(INITIAL_LIMIT)))
    for admission in reversed(admissions):
        halved.on_congestion(admission)
    assert halved.limit == INITIAL_LIMIT // 2
    async with halved.admit() as admission:
        halved.on_congestion(admission)
        assert halved.limit == 1, "halved from what was in flight, not from what was allowed"
        halved.on_congestion(Admission(2, 1))
        assert halved.limit == 1, "one request always goes"


async def test_what_is_not_used_does_not_grow() -> None:
    idle = AIMDLimiter(MAX)
    for _ in range(100):
        async with idle.admit():
            idle.on_success()
    assert idle.limit == INITIAL_LIMIT


async def test_places_are_bounded_and_given_in_order() -> None:
    order: list[int] = []
    narrow = AIMDLimiter(2)

    async def ask(number: int) -> None:
        async with narrow.admit():
            order.append(number)
            await asyncio.sleep(0)
            narrow.on_success()

    await asyncio.gather(*(ask(number) for number in range(50)))
    assert order == list(range(50))
    assert narrow.limit == 2


async def test_a_place_is_not_lost_with_one_who_waits_for_it() -> None:
    narrow = AIMDLimiter(1)

    async def ask() -> None:
        async with narrow.admit():
            await asyncio.Event().wait()

    for cancelled_first in (False, True):
        async with narrow.admit():
            waiting = [asyncio.create_task(ask()) for _ in range(3)]
            await asyncio.sleep(0)
            if cancelled_first:
                waiting[0].cancel()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(1), narrow.admit():
            pass


@pytest.mark.parametrize("most", [1, 3])
async def test_a_small_bound_holds_from_the_start(most: int) -> None:
    assert await round_trip(AIMDLimiter(most), 10, bears=100) == most
