"""Calls of the robot that run while code goes on, and whose results it awaits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

PREFIX = "_begin_"
"""Before the name of an action: the function that begins a call of it."""


class BegunCall(Coroutine[Any, Any, Any]):
    """A call that has begun. It can be awaited as often as one likes, and by whom one likes.

    Args:
        name: of the action.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._result: Callable[[], Any] | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._run: Generator[Any, Any, Any] | None = None

    def settle(self, result: Callable[[], Any]) -> None:
        """Wake those who wait. `result` returns, or raises, what the call came to."""
        self._result = result
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def __await__(self) -> Generator[Any, Any, Any]:
        while self._result is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            yield from future
        return self._result()

    def send(self, value: Any) -> Any:
        """Go on, as a task does with a coroutine."""
        self._run = self._run or self.__await__()
        return self._run.send(value)

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise an exception where it waits."""
        self._run = self._run or self.__await__()
        return self._run.throw(kind if value is None else value)

    def close(self) -> None:
        """Wait no more."""
        if self._run is not None:
            self._run.close()

    def __repr__(self) -> str:
        return f"<call of {self._name}(), to be awaited>"
