"""Time that passes only where a test lets it."""

from __future__ import annotations

import asyncio


class FakeTime:
    """A fake clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)
