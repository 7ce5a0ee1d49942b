"""A tiny simulator with its robot and its expert, for tests and as a model of a plugin in one file.

A corridor of some cells: the key lies in one of them, the locked door is at the right end.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator
from typing import Any, ClassVar, Literal

from embodied.controller import Controller, action
from embodied.environment import Capabilities, Environment, Observation, StepResult
from embodied.errors import ConfigError
from embodied.policies.expert import ExpertStep
from embodied.task import Task

_TASKS = 8


class Corridor(Environment):
    """The goal is that the door is open, which takes the key.

    Args:
        length: number of cells.
    """

    capabilities = Capabilities(valid_commands=True, plan=True, snapshot=True, io_bound=False)
    thread_safe = True
    default_controller: ClassVar[str | None] = ":CorridorRobot"

    def __init__(self, length: int = 6) -> None:
        self._length = length
        self._place, self._key, self._carries, self._open = 0, 0, False, False

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List eight tasks; the seed of each places robot and key."""
        if split not in (None, "all"):
            raise ConfigError(f"the corridor has no split {split!r}; there is: all")
        return [
            Task(
                environment="corridor",
                id=f"corridor-{seed}",
                split="all",
                kind="open",
                instruction="Open the door at the right end. It is locked.",
                group=f"corridor-{seed}",
                seed=seed,
            )
            for seed in range(_TASKS)
        ]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the version of the rules."""
        return {"corridor": "1"}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        dice = random.Random(task.seed if seed is None else seed)
        self._place, self._key = dice.randrange(self._length), dice.randrange(self._length)
        self._carries = self._open = False
        return Observation(f"{task.instruction}\n{self._look()}")

    def step(self, command: str) -> StepResult:
        """Do what the command says, if it can be done here."""
        if command not in self.valid_commands():
            text = "That cannot be done here."
        else:
            self._place += {"go left": -1, "go right": 1}.get(command, 0)
            self._carries |= command == "take key"
            self._open |= command == "open door"
            text = "The door opens." if command == "open door" else self._look()
        return StepResult(
            Observation(text), float(self._open), self._open, False, {"success": self._open}
        )

    def valid_commands(self) -> list[str]:
        at_end = self._place == self._length - 1
        possible = {
            "go left": self._place > 0,
            "go right": not at_end,
            "open door": at_end and self._carries and not self._open,
            "take key": self._place == self._key and not self._carries,
        }
        return [command for command, valid in possible.items() if valid]

    def plan(self) -> list[str]:
        """Plan the way to the key, then to the door."""
        there = self._key - self._place
        walk = ["go right" if there > 0 else "go left"] * abs(there)
        on = ["go right"] * (self._length - 1 - self._key)
        return [*walk, "take key", *on, "open door"]

    def snapshot(self) -> bytes:
        """Save the place, the key, and what has been done."""
        return json.dumps([self._place, self._key, self._carries, self._open]).encode()

    def restore(self, snapshot: bytes) -> None:
        self._place, self._key, self._carries, self._open = json.loads(snapshot)

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _look(self) -> str:
        seen = [f"You are in cell {self._place + 1} of {self._length}."]
        seen += ["There is a key."] if self._place == self._key and not self._carries else []
        seen += ["There is a locked door."] if self._place == self._length - 1 else []
        return " ".join(seen)


class CorridorRobot(Controller):
    """Walks, takes the key and opens the door."""

    introduction = ""
    thread_safe = True

    @action
    def go(self, direction: Literal["left", "right"]) -> str:
        """Go one cell to the left or to the right. Returns what is there.

        Example: go("right")
        """
        return self.send(f"go {direction}")

    @action
    def take_key(self) -> str:
        """Take the key where you are."""
        return self.send("take key")

    @action
    def open_door(self) -> str:
        """Open the door where you are. You need the key.

        Raises ValueError, and takes no step, where there is no door.
        """
        if "open door" not in self.environment.valid_commands():
            raise ValueError("take the key and go to the door at the right end, then open it")
        return self.send("open door")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        verb, _, rest = command.partition(" ")
        if verb == "go":
            return "go", {"direction": rest}
        name = command.replace(" ", "_")
        return (name, {}) if name in cls.actions() else super().command_call(command)


def solve(observation: str) -> Generator[ExpertStep, str, None]:
    """Play as the robot's expert: look for the key from the left end to the right."""
    yield ExpertStep("I go to the left end.", _TO_THE_LEFT)
    yield ExpertStep("I look for the key on the way to the door.", _TO_THE_DOOR)


_TO_THE_LEFT = """\
seen = go("left")
while "cell 1 " not in seen and "cannot" not in seen:
    seen = go("left")
print(seen)"""

_TO_THE_DOOR = """\
print(take_key())
seen = go("right")
while "door" not in seen:
    take_key()
    seen = go("right")
print(take_key())
print(open_door())"""
