"""Time that passes only where a test lets it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class FakeTime:
    """A fake clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


class SharedTime(FakeTime):
    """A fake clock that goes on to the next moment at which a sleeper wakes, once all sleep."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        waking = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._number, waking))
        await waking

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that waits for nothing but this clock."""
        task = asyncio.create_task(work)
        while not task.done():
            for _ in range(30):
                await asyncio.sleep(0)
            if not task.done():
                self.now, _, waking = heapq.heappop(self._sleepers)
                if not waking.done():
                    waking.set_result(None)
        return task.result()
