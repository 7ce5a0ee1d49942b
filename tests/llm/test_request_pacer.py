"""How the rate of requests is learned, from servers that count them in one way or another."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable

import pytest

from embodied.llm.request_pacer import RequestPacer
from tests.llm.fake_time import SharedTime

MINUTE = 60.0


@pytest.fixture(autouse=True)
def same_dice() -> None:
    """The pacer draws its waits where it is not told them."""
    random.seed(7)


def sliding(limit: int) -> Callable[[float], float]:
    """So many requests in any minute; returns the seconds until one more, 0 where it is taken."""
    taken: deque[float] = deque()

    def ask(now: float) -> float:
        while taken and taken[0] <= now - MINUTE:
            taken.popleft()
        if len(taken) >= limit:
            return taken[0] + MINUTE - now
        taken.append(now)
        return 0.0

    return ask


def fixed(limit: int) -> Callable[[float], float]:
    """So many requests in each minute of the clock."""
    taken: deque[float] = deque()

    def ask(now: float) -> float:
        begun = now // MINUTE * MINUTE
        while taken and taken[0] < begun:
            taken.popleft()
        if len(taken) >= limit:
            return begun + MINUTE - now
        taken.append(now)
        return 0.0

    return ask


def bucket(limit: int) -> Callable[[float], float]:
    """So many requests at once, and one more as often as that many make a minute."""
    left, last = float(limit), 0.0

    def ask(now: float) -> float:
        nonlocal left, last
        left, last = min(limit, left + (now - last) * limit / MINUTE), now
        if left < 1:
            return (1 - left) * MINUTE / limit
        left -= 1
        return 0.0

    return ask


class RateLimited:
    """A fake server with a limit, and clients that ask it."""

    def __init__(self, ask: Callable[[float], float], *, tells: bool, clients: int = 1) -> None:
        self.time = SharedTime()
        self.ask = ask
        self.tells = tells
        self.refused = 0
        self.pacers = [RequestPacer(sleep=self.time.sleep, clock=self.time) for _ in range(clients)]

    async def answer(self, requests: int, in_flight: int, seconds: float) -> float:
        """Have each client ask until all requests are answered; returns how long it took."""

        async def one(pacer: RequestPacer, places: asyncio.Semaphore) -> None:
            async with places:
                while True:
                    departure = await pacer.wait()
                    wait = self.ask(self.time.now)
                    await self.time.sleep(0.05 if wait else seconds)
                    if not wait:
                        return pacer.on_answer(departure)
                    self.refused += 1
                    pacer.on_refusal(departure, wait if self.tells else None)

        async def every() -> None:
            places = [asyncio.Semaphore(in_flight) for _ in self.pacers]
            pairs = list(zip(self.pacers, places, strict=True))
            await asyncio.gather(*(one(*pairs[n % len(pairs)]) for n in range(requests)))

        await self.time.run(every())
        return self.time.now


@pytest.mark.parametrize("in_flight", [1, 6, 64])
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("kind", [sliding, fixed, bucket])
async def test_the_rate_is_learned(
    kind: Callable[[int], Callable[[float], float]], tells: bool, in_flight: int
) -> None:
    server = RateLimited(kind(10), tells=tells)
    took = await server.answer(120, in_flight, seconds=2.0)
    assert took < 1.5 * MINUTE * 11
    assert server.refused < in_flight + 60
    (pacer,) = server.pacers
    assert 1.0 < pacer.interval < 20.0
    assert pacer.refused_seconds == 0.0


async def test_clients_of_one_server_find_their_shares() -> None:
    server = RateLimited(sliding(20), tells=True, clients=4)
    took = await server.answer(160, 4, seconds=1.0)
    assert took < 2 * MINUTE * 8
    assert server.refused < 160


async def test_without_refusals_nobody_waits() -> None:
    server = RateLimited(sliding(1000), tells=True)
    assert (await server.answer(100, 100, seconds=1.0)) == 1.0
    assert server.pacers[0].waited_seconds == 0.0


async def test_a_limit_that_is_lifted_is_forgotten() -> None:
    server = RateLimited(sliding(5), tells=True)
    await server.answer(20, 8, seconds=1.0)
    slow = server.pacers[0].interval
    server.ask = sliding(10_000)
    await server.answer(120, 8, seconds=1.0)
    assert slow > 6.0
    assert server.pacers[0].interval < slow / 20


async def refusals(*waits: float | None) -> tuple[SharedTime, RequestPacer]:
    """A pacer that met nothing but refusals, one after another."""
    time = SharedTime()
    pacer = RequestPacer(sleep=time.sleep, clock=time)
    for wait in waits:
        pacer.on_refusal(await time.run(pacer.wait()), wait)
    return time, pacer


async def test_it_waits_as_long_as_it_is_told() -> None:
    time, pacer = await refusals(7.0)
    await time.run(pacer.wait())
    assert time.now == 7.0
    assert pacer.waited_seconds == 7.0


@pytest.mark.parametrize("told", [None, 0.0])
async def test_it_waits_ever_longer_where_it_is_not_told(told: float | None) -> None:
    time, pacer = await refusals(*[told] * 5)
    assert 3.5 <= time.now <= 16.0
    assert pacer.refused_seconds > time.now


async def test_refusals_of_what_was_sent_together_count_once() -> None:
    time = SharedTime()
    pacer = RequestPacer(sleep=time.sleep, clock=time)
    sent = [await pacer.wait() for _ in range(64)]
    for departure in sent:
        pacer.on_refusal(departure, None)
    assert 0.5 <= pacer.refused_seconds <= 1.0
    pacer.on_refusal(sent[0], 30.0)
    assert pacer.refused_seconds == 30.0


async def test_what_is_under_way_counts_for_the_rate_until_it_is_refused() -> None:
    time = SharedTime()
    pacer = RequestPacer(sleep=time.sleep, clock=time)
    sent = [await pacer.wait() for _ in range(13)]
    for left in range(12, 1, -1):
        pacer.on_refusal(sent.pop(), 60.0)
        assert pacer.interval == pytest.approx(1.05 * 60.0 / left, rel=0.01)


async def test_refusals_at_random_leave_the_rate_as_it_was() -> None:
    dice = random.Random(7)
    server = RateLimited(lambda now: 0.1 if dice.random() < 0.02 else 0.0, tells=True)
    assert await server.answer(1000, 16, seconds=1.0) < 3 * 1000 / 16


async def test_an_answer_may_take_longer_than_is_remembered() -> None:
    time, pacer = await refusals(7.0)
    departure = await time.run(pacer.wait())
    await time.run(time.sleep(1000.0))
    pacer.on_answer(departure)
    assert pacer.refused_seconds == 0.0


async def test_a_refusal_that_comes_late_says_only_how_long_to_wait() -> None:
    time = SharedTime()
    pacer = RequestPacer(sleep=time.sleep, clock=time)
    early = [await pacer.wait() for _ in range(2)]
    pacer.on_refusal(early[0], 6.0)
    pacer.on_answer(await time.run(pacer.wait()))
    interval = pacer.interval
    await time.run(time.sleep(100.0))
    pacer.on_refusal(early[1], 3.0)
    assert (pacer.interval, pacer.refused_seconds) == (interval, 0.0)
    assert (await time.run(pacer.wait())).moment == time.now == 109.0


async def test_who_is_cancelled_takes_no_turn() -> None:
    time, pacer = await refusals(7.0)
    waiting = [asyncio.create_task(pacer.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    departure = await time.run(asyncio.wait_for(waiting[1], None))
    assert departure.moment == 7.0
