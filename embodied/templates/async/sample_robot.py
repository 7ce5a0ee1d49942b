"""The sample robot: two arms and a camera, whose calls run side by side.

Where this file sleeps, yours awaits the robot's driver.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Generator
from typing import Annotated, Any

from pydantic import Field

from embodied import (
    ConfigError,
    Controller,
    Environment,
    Observation,
    StepResult,
    Task,
    action,
)
from embodied.policies.expert import ExpertStep

SECONDS = 0.02
"""That a movement takes."""
NEAR = 0.01


class SampleRobotEnvironment(Environment):
    """A tray with two handles, which two arms lift together."""

    default_controller = ":SampleRobot"

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List three tasks: the handles are somewhere else in each."""
        if split not in (None, "all"):
            raise ConfigError(f"there is no split {split!r}; there is: all")
        return [
            Task(
                environment="sample-robot",
                id=f"tray-{seed}",
                split="all",
                kind="tray",
                instruction="Lift both handles of the tray at a time.",
                seed=seed,
            )
            for seed in range(3)
        ]

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Put the tray somewhere."""
        chance = random.Random(task.seed if seed is None else seed)
        self.handles = {arm: round(chance.uniform(0.1, 0.5), 2) for arm in ("left", "right")}
        self.places = {"left": 0.0, "right": 0.0}
        self.lifted: set[str] = set()
        return Observation(f"Look for the handles. Your task: {task.instruction}")

    def step(self, command: str) -> StepResult:
        """Obey one command of one arm. Several arms send theirs one after another."""
        arm, _, what = command.partition(" ")
        if arm not in (*self.places, "camera"):
            return StepResult(
                Observation("Nothing happens."), 0.0, False, False, {"success": False}
            )
        if arm in self.places and what.startswith("to "):
            self.places[arm] = float(what.removeprefix("to "))
        elif what == "lifts" and self._is_at_handle(arm):
            self.lifted.add(arm)
        elif what == "rests":
            self.lifted.discard(arm)
        won = len(self.lifted) == len(self.handles)
        return StepResult(Observation(self._text(arm)), float(won), won, False, {"success": won})

    def _is_at_handle(self, arm: str) -> bool:
        return arm in self.places and abs(self.places[arm] - self.handles[arm]) < NEAR

    def _text(self, arm: str) -> str:
        if arm == "camera":
            left, right = self.handles.values()
            return f"left handle at {left}, right handle at {right}"
        if arm not in self.places:
            return "Nothing happens."
        return f"The {arm} arm is at {self.places[arm]:g}."

    def close(self) -> None:
        """Do nothing: nothing is held."""


Place = Annotated[float, Field(ge=0, le=0.6, description="metres along the table")]


class SampleRobot(Controller):
    """Two arms along a table, and a camera above it. Metres."""

    @action(timeout=10)
    async def move_left(self, place: Place) -> str:
        """Move the left arm.

        Example: move_left(0.3) returns "The left arm is at 0.3."
        """
        return await self._move("left", place)

    @action(timeout=10)
    async def move_right(self, place: Place) -> str:
        """Move the right arm.

        Example: move_right(0.3) returns "The right arm is at 0.3."
        """
        return await self._move("right", place)

    @action(timeout=10)
    async def lift_left(self) -> str:
        """Lift what is at the left arm for a moment."""
        return await self._lift("left")

    @action(timeout=10)
    async def lift_right(self) -> str:
        """Lift what is at the right arm for a moment."""
        return await self._lift("right")

    @action
    async def look(self) -> str:
        """Look where the handles are.

        Example: look() returns "left handle at 0.2, right handle at 0.4"
        """
        await asyncio.sleep(SECONDS)
        return self.send("camera looks")

    async def _move(self, arm: str, place: float) -> str:
        await asyncio.sleep(SECONDS)
        return self.send(f"{arm} to {place}")

    async def _lift(self, arm: str) -> str:
        said = self.send(f"{arm} lifts")
        await asyncio.sleep(SECONDS)
        self.send(f"{arm} rests")
        return said

    async def stop(self) -> None:
        """Bring both arms to rest; calls that were awaited have been cancelled before."""


PLAN = """\
import asyncio
await asyncio.gather(move_left({left}), move_right({right}))
print(await asyncio.gather(lift_left(), lift_right()))
"""


def solve(first_observation: str) -> Generator[ExpertStep, str, None]:
    """Solve a task from what can be seen: yields plans, and is sent what each one printed."""
    seen = yield ExpertStep("I look for the handles.", "print(look())")
    left, right = re.findall(r"at ([\d.]+)", seen)
    plan = PLAN.format(left=left, right=right)
    yield ExpertStep("Both arms go to their handles and lift.", plan)
