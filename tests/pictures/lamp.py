"""A task that only eyes can solve: the colour of the lamp stands in no text."""

from __future__ import annotations

import random
from typing import Any, Literal

from embodied import (
    Attachment,
    Capabilities,
    Controller,
    Environment,
    Image,
    Observation,
    StepResult,
    Task,
    action,
)
from embodied.simulated_llm.seeing import COLOURS

TASKS = 20
TEMPLATE = '<execute>\nprint(press("{colour}"))\n</execute>'


def picture(colour: str, name: str = "front", side: int = 64) -> Image:
    """A picture of nothing but one colour."""
    import PIL.Image

    return Image.from_pil(PIL.Image.new("RGB", (side, side), COLOURS[colour]), name)


class Lamp(Environment):
    """A lamp that shines in some colour, before a camera.

    Args:
        presses: how often the right button must be pressed; the lamp changes after each time.
        side: pixels of the camera's pictures.
        patient: whether wrong buttons may be pressed.
    """

    capabilities = Capabilities(io_bound=False)
    thread_safe = True
    default_controller = ":.Buttons"

    class Buttons(Controller):
        """Presses buttons."""

        thread_safe = True

        @action
        def press(self, colour: Literal["red", "green", "blue", "yellow", "black", "white"]) -> str:
            """Press the button of a colour.

            Example: press("red")
            """
            return self.send(colour)

        @action
        def look(self) -> str:
            """Look at the lamp once more."""
            return self.send("look")

    def __init__(self, presses: int = 1, side: int = 64, patient: bool = False) -> None:
        self._presses, self._side, self._patient = presses, side, patient

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return [
            Task(
                environment="lamp",
                id=f"lamp-{seed}",
                split="all",
                kind="press",
                instruction="Press the button that has the colour of the lamp.",
                seed=seed,
            )
            for seed in range(TASKS)
        ]

    @classmethod
    def attaches_pictures(cls, **options: Any) -> bool:
        return True

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self._dice = random.Random(f"{task.id} {task.seed if seed is None else seed}")
        self._left = self._presses
        self._change()
        return Observation(task.instruction, self._seen())

    def step(self, command: str) -> StepResult:
        right, looks = command == self.colour, command == "look"
        self._left -= right
        won = self._left == 0
        if right and not won:
            self._change()
        text = "Here it is." if looks else "Right." if right else "Wrong."
        ended = won or not (right or looks or self._patient)
        return StepResult(
            Observation(text, self._seen()), float(won), ended, False, {"success": won}
        )

    def close(self) -> None:
        pass

    def _change(self) -> None:
        self.colour = self._dice.choice(list(COLOURS))

    def _seen(self) -> tuple[Attachment, ...]:
        return (picture(self.colour, side=self._side),)
