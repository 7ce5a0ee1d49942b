"""Robots with two arms and a camera: one whose actions are awaited, and one whose are not."""

from __future__ import annotations

import asyncio

from embodied import Controller, action
from embodied.testing import Corridor

MEETING = 3
_SECONDS = 30.0


def checked(height: float) -> float:
    if height < 0:
        raise ValueError(f"{height} is below the table; stay above 0")
    return height


class Arms(Controller):
    """Two arms and a camera, awaited."""

    def __init__(self, environment: Corridor) -> None:
        super().__init__(environment)
        self.log: list[str] = []
        self._meeting: asyncio.Barrier | None = None

    @action
    async def left(self, height: float) -> str:
        """Move the left arm.

        Example: left(0.1)
        """
        self.send(f"left {checked(height)}")
        await asyncio.sleep(0)
        return f"left {height}"

    @action
    async def right(self, height: float) -> str:
        """Move the right arm.

        Example: right(0.1)
        """
        self.send(f"right {checked(height)}")
        await asyncio.sleep(0)
        return f"right {height}"

    @action
    def camera(self) -> str:
        """Look."""
        return "a table"

    @action
    async def meet(self) -> str:
        """Wait until as many calls run as can be at the meeting."""
        self._meeting = self._meeting or asyncio.Barrier(MEETING)
        await self._meeting.wait()
        return "met"

    @action
    async def hold(self) -> str:
        """Hold until it is broken off, and let go in two steps."""
        self.log.append("hold")
        try:
            await asyncio.sleep(_SECONDS)
        finally:
            self.send("let go")
            await asyncio.sleep(0)
            self.log.append("let go")
        return "held"

    @action(timeout=0.3)
    async def jam(self) -> str:
        """Take too long."""
        await asyncio.sleep(_SECONDS)
        return ""

    @action
    async def win(self) -> str:
        """Reach the goal, and go on."""
        for command in ("take key", *["go right"] * 20, "open door"):
            self.send(command)
        await asyncio.sleep(_SECONDS)
        return "won"

    @action(confirm=True)
    async def press(self, height: float) -> str:
        """Press.

        Example: press(0.1)
        """
        return f"pressed {height}"

    def stop(self) -> None:
        self.log.append("stop")


class PlainArms(Controller):
    """The same, one call after another."""

    @action
    def left(self, height: float) -> str:
        """Move the left arm.

        Example: left(0.1)
        """
        self.send(f"left {checked(height)}")
        return f"left {height}"

    @action
    def right(self, height: float) -> str:
        """Move the right arm.

        Example: right(0.1)
        """
        self.send(f"right {checked(height)}")
        return f"right {height}"

    @action
    def camera(self) -> str:
        """Look."""
        return "a table"
