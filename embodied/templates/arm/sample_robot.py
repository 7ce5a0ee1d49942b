"""The sample robot: an arm over a table, with bounds, brakes, and somebody who approves its grasps.

Where this file keeps numbers, yours talks to the arm's driver. Read `stop` first.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator
from typing import Annotated, Any

from pydantic import Field

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
from embodied.approval import PendingCall
from embodied.policies.expert import ExpertStep

LOWEST = 0.02
"""Metres above the table."""
REACH = 0.8
NEAR = 0.01


class SampleRobotEnvironment(Environment):
    """A table with a part on it. One at a time, and none is played again by itself."""

    default_controller = ":SampleRobot"
    capabilities = Capabilities(physical=True, real_time=True)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List three tasks: the part lies somewhere else in each."""
        if split not in (None, "all"):
            raise ConfigError(f"there is no split {split!r}; there is: all")
        return [
            Task(
                environment="sample-robot",
                id=f"part-{seed}",
                split="all",
                kind="lift",
                instruction="Lift the part to z = 0.3.",
                seed=seed,
            )
            for seed in range(3)
        ]

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Lay the part down; with a real table, ask somebody to."""
        chance = random.Random(task.seed if seed is None else seed)
        self.part = round(chance.uniform(-0.5, 0.5), 2)
        self.x, self.z, self.holds = 0.0, 0.3, False
        return Observation(f"The part is at x = {self.part}. Your task: {task.instruction}")

    def step(self, command: str) -> StepResult:
        """Obey one command. What cannot be done is an answer, too, and never an exception."""
        move = re.fullmatch(r"move to (\S+) (\S+)", command)
        if move:
            self.x, self.z = float(move[1]), float(move[2])
        elif command == "grasp":
            self.holds = abs(self.x - self.part) < NEAR and abs(self.z - LOWEST) < NEAR
        elif command == "release":
            self.holds = False
        held = "holds the part" if self.holds else "is empty"
        text = f"The gripper is at x = {self.x:g}, z = {self.z:g}, and {held}."
        won = self.holds and abs(self.z - 0.3) < NEAR
        return StepResult(Observation(text), float(won), won, False, {"success": won})

    def close(self) -> None:
        """Leave the driver, which `stop` was called before."""


X = Annotated[float, Field(ge=-REACH, le=REACH, description="metres from the middle")]
Z = Annotated[float, Field(ge=LOWEST, le=0.5, description="metres above the table")]


class SampleRobot(Controller):
    """An arm over a table. x is to the right, z is up; metres."""

    moving = False

    @action(timeout=10)
    def move_to(self, x: X, z: Z) -> str:
        """Move the gripper in a straight line.

        Example: move_to(0.3, 0.1) returns "The gripper is at x = 0.3, z = 0.1, and is empty."
        """
        self.moving = True
        said = self.send(f"move to {x} {z}")
        self.moving = False
        return said

    @action(confirm=True)
    def grasp(self) -> str:
        """Close the gripper on what is between its fingers. Somebody approves that first."""
        return self.send("grasp")

    @action
    def release(self) -> str:
        """Open the gripper."""
        return self.send("release")

    def stop(self) -> None:
        """Stand still, and hold on: on Ctrl-C, time-outs, errors, and at the end."""
        self.moving = False


def approve(call: PendingCall) -> str:
    """Judge every call: `allow`, `deny: why`, or `ask`, which asks the person at the terminal."""
    if call.name == "move_to" and call.arguments["z"] < LOWEST + NEAR:
        near_the_edge = abs(call.arguments["x"]) > REACH - 0.1
        return "deny: so low only over the middle of the table" if near_the_edge else "allow"
    return "allow"


PLAN = """\
move_to({x}, 0.1)
move_to({x}, 0.02)
print(grasp())
print(move_to({x}, 0.3))
"""


def solve(first_observation: str) -> Generator[ExpertStep, str, None]:
    """Solve a task from what can be seen: yields plans, and is sent what each one printed."""
    x = re.findall(r"x = (-?[\d.]+)\.", first_observation)[0]
    yield ExpertStep("I go to the part, grasp it and lift it.", PLAN.format(x=x))
