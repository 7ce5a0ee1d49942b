"""Places that are taken and left, of which there may be more or fewer at any time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """A semaphore whose size may change; first come, first served.

    Args:
        size: how many there are. Who has one keeps it when there are fewer.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    @property
    def size(self) -> int:
        """How many there are."""
        return self._size

    def resize(self, size: int) -> None:
        """Have so many from now on."""
        self._size = size
        self._admit()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of them, once it is free."""
        await self._enter()
        try:
            yield
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self.taken < self._size and not self._waiting:
            self.taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self.taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.taken < self._size:
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
