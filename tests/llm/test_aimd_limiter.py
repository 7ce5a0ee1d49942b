"""The window of requests in flight: how it grows, when it is halved, who waits."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack

import pytest

from embodied.llm.aimd_limiter import RECOVERY, START, Entry, Window


class FakeTime:
    """A fake clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def window(most: int = 1024) -> Window:
    time = FakeTime()
    return Window(most, sleep=time.sleep, clock=time)


async def round_trip(window: Window, requests: int, bears: int) -> int:
    """So many requests at a server that refuses those beyond what it bears; returns the peak."""
    in_flight = peak = 0

    async def ask() -> None:
        nonlocal in_flight, peak
        async with window.place() as entry:
            in_flight += 1
            peak = max(peak, in_flight)
            refused = in_flight > bears
            await asyncio.sleep(0)
            window.congested(entry) if refused else window.answered()
            in_flight -= 1

    await asyncio.gather(*(ask() for _ in range(requests)))
    return peak


async def test_it_starts_small_and_doubles_until_it_meets_congestion() -> None:
    growing = window()
    assert await round_trip(growing, START, bears=10_000) == START
    assert START < growing.size <= 2 * START
    assert await round_trip(growing, 10_000, bears=10_000) == 1024
    assert growing.size == 1024


async def test_after_congestion_it_grows_by_steps() -> None:
    careful = window()
    await round_trip(careful, START, bears=START - 1)
    assert careful.size == START // 2
    sizes = [careful.size]
    for _ in range(3):
        await round_trip(careful, careful.size, bears=1000)
        sizes.append(careful.size)
    gains = [after - before for before, after in itertools.pairwise(sizes)]
    assert all(1 <= gain <= START // 2 // RECOVERY for gain in gains)


async def test_it_finds_what_a_server_bears() -> None:
    adapting = window()
    await round_trip(adapting, 5000, bears=20)
    assert 5 <= adapting.size <= 30


async def test_it_is_halved_once_for_all_that_were_in_flight() -> None:
    halved = window()
    async with AsyncExitStack() as stack:
        entries = [await stack.enter_async_context(halved.place()) for _ in range(START)]
        for entry in reversed(entries):
            halved.congested(entry)
        assert halved.size == START // 2
    async with halved.place() as entry:
        halved.congested(entry)
        assert halved.size == 1, "halved from what was in flight, not from what was allowed"
        halved.congested(Entry(2, 1))
        assert halved.size == 1, "one request always goes"


async def test_what_is_not_used_does_not_grow() -> None:
    idle = window()
    for _ in range(100):
        async with idle.place():
            idle.answered()
    assert idle.size == START


async def test_places_are_bounded_and_given_in_order() -> None:
    order: list[int] = []
    narrow = window(2)

    async def ask(number: int) -> None:
        async with narrow.place():
            order.append(number)
            await asyncio.sleep(0)
            narrow.answered()

    await asyncio.gather(*(ask(number) for number in range(50)))
    assert order == list(range(50))
    assert narrow.size == 2


async def test_a_place_is_not_lost_with_one_who_waits_for_it() -> None:
    narrow = window(1)

    async def ask() -> None:
        async with narrow.place():
            await asyncio.Event().wait()

    for cancelled_first in (False, True):
        async with narrow.place():
            waiting = [asyncio.create_task(ask()) for _ in range(3)]
            await asyncio.sleep(0)
            if cancelled_first:
                waiting[0].cancel()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        async with asyncio.timeout(1), narrow.place():
            pass


async def test_a_pause_holds_everybody() -> None:
    time = FakeTime()
    paused = Window(8, sleep=time.sleep, clock=time)
    paused.pause(7.0)
    paused.pause(3.0)
    times: list[float] = []

    async def ask() -> None:
        async with paused.place():
            times.append(time.now)

    await asyncio.gather(*(ask() for _ in range(20)))
    assert min(times) >= 7.0


@pytest.mark.parametrize("most", [1, 3])
async def test_a_small_bound_holds_from_the_start(most: int) -> None:
    assert await round_trip(window(most), 10, bears=100) == most
