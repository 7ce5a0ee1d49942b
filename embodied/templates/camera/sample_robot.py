"""The sample robot: buttons before a lamp, whose colour only its camera tells.

Where this file paints a picture, yours reads it from the camera.
"""

from __future__ import annotations

import random
from collections.abc import Generator
from typing import Any, Literal

import numpy as np

from embodied import (
    ConfigError,
    Controller,
    Environment,
    Image,
    Observation,
    StepResult,
    Task,
    action,
)
from embodied.policies.expert import ExpertStep

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}
SIDE = 64
"""Pixels."""


class SampleRobotEnvironment(Environment):
    """A lamp that shines in some colour; nothing says in which."""

    default_controller = ":SampleRobot"

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List three tasks: each seed is another colour."""
        if split not in (None, "all"):
            raise ConfigError(f"there is no split {split!r}; there is: all")
        return [
            Task(
                environment="sample-robot",
                id=f"lamp-{seed}",
                split="all",
                kind="lamp",
                instruction="Press the button that has the colour of the lamp.",
                seed=seed,
            )
            for seed in range(3)
        ]

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Light the lamp."""
        chance = random.Random(task.seed if seed is None else seed)
        self.colour = chance.choice(list(COLOURS))
        return Observation(f"You stand before a lamp. Your task: {task.instruction}")

    def step(self, command: str) -> StepResult:
        """Obey one command. What cannot be done is an answer, too, and never an exception."""
        pressed = command.removeprefix("press ")
        won = pressed == self.colour
        text = f"You press {pressed}." if pressed in COLOURS else "Nothing happens."
        return StepResult(Observation(text), float(won), won, False, {"success": won})

    def picture(self) -> Image:
        """Take a picture of the lamp."""
        pixels = np.full((SIDE, SIDE, 3), COLOURS[self.colour], np.uint8)
        return Image.from_array(pixels, "front")

    def close(self) -> None:
        """Do nothing: nothing is held."""


class SampleRobot(Controller):
    """Buttons before a lamp, and a camera."""

    environment: SampleRobotEnvironment

    @action
    def camera(self) -> Image:
        """Take a picture of the lamp.

        Example: show(camera())
        """
        return self.environment.picture()

    @action
    def press(self, colour: Literal["red", "green", "blue"]) -> str:
        """Press the button of a colour.

        Example: press("red")
        """
        return self.send(f"press {colour}")


PLAN = """\
picture = camera()
show(picture)
brightness = picture.to_array().reshape(-1, 3).mean(axis=0)
print(press(["red", "green", "blue"][int(brightness.argmax())]))
"""


def solve(first_observation: str) -> Generator[ExpertStep, str, None]:
    """Solve a task as code can: it looks at the pixels. A model looks at what `show` shows it."""
    yield ExpertStep("I look at the lamp and press the button of its colour.", PLAN)
