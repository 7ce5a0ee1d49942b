"""The sample robot: a small simulator, the robot's Python API, and an expert that solves its tasks.

Replace the simulator by your own, and keep the shape: one text command a step, one text answer.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from typing import Any

from embodied import (
    Capabilities,
    ConfigError,
    Controller,
    Environment,
    Observation,
    StepResult,
    Task,
    action,
)
from embodied.policies.expert import ExpertStep

COLOURS = ("red", "green", "blue")
BAYS = tuple(f"bay {number}" for number in range(1, 7))
PLACES = (*BAYS, "dock")
FIRST_SEEDS = {"train": 0, "test": 1000}
"""The splits, with the seed of the first task of each."""


class SampleRobotEnvironment(Environment):
    """A warehouse with pallets in some of its bays; those of one colour belong on the dock."""

    default_controller = ":SampleRobot"
    capabilities = Capabilities(plan=True, io_bound=False)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List twenty tasks for each split: each seed is another warehouse."""
        split = split or "train"
        if split not in FIRST_SEEDS:
            raise ConfigError(f"there is no split {split!r}; there are: {', '.join(FIRST_SEEDS)}")
        seeds = range(FIRST_SEEDS[split], FIRST_SEEDS[split] + 20)
        return [cls._task(split, seed) for seed in seeds]

    @staticmethod
    def _task(split: str, seed: int) -> Task:
        colour = COLOURS[seed % len(COLOURS)]
        return Task(
            environment="sample-robot",
            id=f"warehouse-{seed}",
            split=split,
            kind=colour,
            instruction=f"Bring every {colour} pallet to the dock.",
            seed=seed,
            group=f"warehouse-{seed}",
        )

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Fill the warehouse: the same seed gives the same pallets."""
        chance = random.Random(task.seed if seed is None else seed)
        self.wanted = task.kind
        bays = chance.sample(BAYS, 4)
        self.pallets = {bay: chance.choice(COLOURS) for bay in bays} | {bays[0]: self.wanted}
        self.delivered: list[str] = []
        self.place, self.carried = "dock", ""
        return Observation(
            f"Your sample robot is at the dock of a warehouse, which has {', '.join(BAYS)}.\n"
            f"Your task: {task.instruction}"
        )

    def step(self, command: str) -> StepResult:
        """Obey one command. What cannot be done is an answer, too, and never an exception."""
        text = self._obey(command)
        won = self.wanted not in self.pallets.values() and self.carried != self.wanted
        return StepResult(Observation(text), float(won), won, False, {"success": won})

    def _obey(self, command: str) -> str:
        if command.startswith("drive to ") and command.removeprefix("drive to ") in PLACES:
            self.place = command.removeprefix("drive to ")
            return f"You are at the {self.place}. {self._sight()}"
        if command == "lift":
            return self._lift()
        if command == "lower":
            return self._lower()
        return "Nothing happens."

    def _sight(self) -> str:
        if self.place == "dock":
            return f"Delivered: {', '.join(self.delivered) or 'nothing'}."
        pallet = self.pallets.get(self.place)
        return f"There is a {pallet} pallet." if pallet else "It is empty."

    def _lift(self) -> str:
        if self.carried:
            return f"You carry the {self.carried} pallet already."
        if self.place not in self.pallets:
            return "There is no pallet to lift."
        self.carried = self.pallets.pop(self.place)
        return f"You lift the {self.carried} pallet."

    def _lower(self) -> str:
        if not self.carried:
            return "You carry no pallet."
        if self.place in self.pallets:
            return "There is a pallet here already."
        if self.place == "dock":
            self.delivered.append(self.carried)
        else:
            self.pallets[self.place] = self.carried
        lowered, self.carried = self.carried, ""
        return f"You lower the {lowered} pallet."

    def plan(self) -> list[str]:
        """Return commands that solve the task from its beginning."""
        wanted = [bay for bay in BAYS if self.pallets.get(bay) == self.wanted]
        return [c for bay in wanted for c in (f"drive to {bay}", "lift", "drive to dock", "lower")]

    def close(self) -> None:
        """Do nothing: nothing is held."""


class SampleRobot(Controller):
    """What a model may call. Signatures and docstrings are all that it is told."""

    @action
    def drive_to(self, place: str) -> str:
        """Drive to a bay or to the dock. Returns what is there.

        Example: drive_to("bay 2") returns "You are at the bay 2. There is a red pallet."
        """
        if place not in PLACES:
            raise ValueError(f"there is no place {place!r}; there are: {', '.join(PLACES)}")
        return self.send(f"drive to {place}")

    @action
    def lift(self) -> str:
        """Lift the pallet that is where you are. You can carry one at a time.

        Example: lift() returns "You lift the red pallet."
        """
        return self.send("lift")

    @action
    def lower(self) -> str:
        """Lower the pallet that you carry, to where you are.

        Example: lower() returns "You lower the red pallet."
        """
        return self.send("lower")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends a command: the inverse of the methods above."""
        if command in ("lift", "lower"):
            return command, {}
        if command.startswith("drive to "):
            return "drive_to", {"place": command.removeprefix("drive to ")}
        return super().command_call(command)


PLAN = """\
for bay in {bays}:
    seen = drive_to(bay)
    print(seen)
    if "{colour} pallet" in seen:
        print(lift())
        drive_to("dock")
        print(lower())
"""


def solve(first_observation: str) -> Generator[ExpertStep, str, None]:
    """Solve a task from what can be seen: yields plans, and is sent what each one printed."""
    bays = re.findall(r"bay \d+", first_observation)
    colour = re.findall(r"every (\w+) pallet", first_observation)[0]
    thought = f"I look into every bay and bring the {colour} pallets to the dock."
    yield ExpertStep(thought, PLAN.format(bays=bays, colour=colour))
