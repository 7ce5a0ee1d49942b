"""A robot that goes on moving by itself, over a simulator that is bound to its thread.

All that happens to them is written into a file, a word a line.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from typing import Any

from embodied import Capabilities, Controller, Observation, StepResult, Task, action
from embodied.testing import Corridor

TOGETHER = 32
_threads_meet = threading.Barrier(TOGETHER)
_tasks_meet = asyncio.Barrier(TOGETHER)
_MEETING_SECONDS = 60.0


class Log:
    """A file that threads and processes write to."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, word: str) -> None:
        os.write(self._file, f"{word}\n".encode())


class Stage(Corridor):
    """Any command does; `fail` breaks it, and `end` reaches the goal."""

    default_controller = ":Mover"
    capabilities = Capabilities()

    def __init__(self, log: str) -> None:
        super().__init__()
        self.database = sqlite3.connect(":memory:")
        self.database.execute("create table commands (command)")
        self.log = Log(log)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        first = super().list_tasks(split)[0]
        return [first.model_copy(update={"id": f"day-{number}"}) for number in range(48)]

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.database.execute("delete from commands")
        self.log.write("reset")
        return Observation("Go.")

    def step(self, command: str) -> StepResult:
        self.database.execute("insert into commands values (?)", (command,))
        if command == "fail":
            raise OSError("the motor is gone")
        won = command == "end"
        return StepResult(Observation(command), float(won), won, False, {"success": won})

    def close(self) -> None:
        self.database.close()
        self.log.write("close")


class RealStage(Stage):
    """Something real."""

    default_controller = ":Mover"
    capabilities = Capabilities(physical=True)


class Mover(Controller):
    """Does as it is told."""

    def __init__(self, environment: Stage) -> None:
        super().__init__(environment)
        self.log = environment.log
        self.database = sqlite3.connect(":memory:")

    @action
    def move(self, command: str) -> str:
        """Move.

        Example: move("on")
        """
        self.log.write(command)
        self.database.execute("select 1")
        return self.send(command)

    @action(confirm=True)
    def grip(self, force: float) -> str:
        """Grip.

        Example: grip(0.5)
        """
        return self.move(f"grip {force}")

    @action
    def hang(self, seconds: float) -> str:
        """Hang, and go on then.

        Example: hang(0.1)
        """
        self.log.write("hang")
        time.sleep(seconds)
        return self.send("on")

    @action
    def meet(self) -> str:
        """Wait for the other robots."""
        _threads_meet.wait(_MEETING_SECONDS)
        return self.send("end")

    @action(timeout=0.1)
    def jam(self) -> str:
        """Move until it is stopped."""
        self.log.write("jam")
        until = time.monotonic() + 20
        self.jammed = True
        while self.jammed and time.monotonic() < until:
            time.sleep(0.01)
        return ""

    def stop(self) -> None:
        self.log.write("stop")
        self.jammed = False


class Cell(Controller):
    """Two arms that are awaited."""

    def __init__(self, environment: Stage) -> None:
        super().__init__(environment)
        self.log = environment.log
        self.database = sqlite3.connect(":memory:")

    @action
    def end(self) -> str:
        """Reach the goal."""
        self.database.execute("select 1")
        return self.send("end")

    @action(timeout=_MEETING_SECONDS)
    async def meet(self) -> str:
        """Wait for the other robots."""
        await _tasks_meet.wait()
        return self.send("end")

    @action(timeout=0.1)
    async def jam(self) -> str:
        """Move until it is cancelled."""
        await self.move(20.0)
        return ""

    @action
    async def move(self, seconds: float) -> str:
        """Move for so long.

        Example: move(0.1)
        """
        self.log.write("move")
        self.database.execute("select 1")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.log.write("cancelled")
            raise
        self.log.write(f"loop {id(asyncio.get_running_loop())}")
        return self.send("on")

    def stop(self) -> None:
        self.database.execute("select 1")
        self.log.write("stop")
