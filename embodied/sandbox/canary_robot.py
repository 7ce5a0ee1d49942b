"""A robot that keeps objects for hostile code to reach and change."""

from __future__ import annotations

from typing import Any

from embodied._util.jsonable import to_jsonable
from embodied.controller import Controller, action
from embodied.environment import Environment, Observation, StepResult
from embodied.task import Task

_MOST = 2 * 1024 * 1024
"""Characters and items of a value that a robot may be given, in any interpreter."""


class CanaryEnvironment(Environment):
    """A simulator with a secret and a door that no action opens."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.opened = False
        self.commands: list[str] = []

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return Observation("A vault.")

    def step(self, command: str) -> StepResult:
        self.commands.append(command)
        return StepResult(Observation("Nothing happens."), 0.0, False, False, {"success": False})

    def close(self) -> None:
        pass


class CanaryRobot(Controller):
    """The robot in the vault."""

    introduction = ""

    environment: CanaryEnvironment

    def __init__(self, environment: CanaryEnvironment) -> None:
        super().__init__(environment)
        self.stock = ["coin", "ring"]
        self.rooms = {"hall": {"walls": [1, 2, 3]}}
        self.held: Any = None
        self.held_as_given: Any = None
        self.largest = 0
        """Characters and items of the largest value that it was given."""

    @action
    def on(self, light: str) -> str:
        """Switch a light on."""
        return self.send(f"on {light[:40]}")

    @action
    def wait(self, times: int = 1) -> list[str]:
        """Do nothing for a while, at most ten times."""
        return [self.send("wait") for _ in range(min(times, 10))]

    @action
    def hold(self, value: Any) -> str:
        """Keep a value."""
        self.held, self.held_as_given = value, to_jsonable(value)
        self.largest = max(self.largest, _extent(value))
        return "You hold it."

    @action
    def inventory(self) -> list[str]:
        """Return what the robot has: its own list, not a copy."""
        return self.stock

    @action
    def look(self) -> dict[str, Any]:
        """Return the rooms: the robot's own dictionary, not a copy."""
        return self.rooms

    @action
    def stumble(self) -> str:
        """Fail, with an error that holds the robot."""
        error = ValueError("the robot stumbles")
        error.obj = self  # type: ignore[attr-defined]
        raise error

    def unlock(self) -> str:
        """Open the door. Not an action: code cannot call it."""
        self.environment.opened = True
        return self.environment.secret


def make_robot(secret: str) -> CanaryRobot:
    """Make a robot in a fresh vault, at the start of an endless episode."""
    return CanaryRobot(CanaryEnvironment(secret))


def changes(robot: CanaryRobot) -> list[str]:
    """List what of the robot has changed that calls of its actions do not change."""
    vault = robot.environment
    wrong = {
        "the door is open": vault.opened is not False,
        "the secret was replaced": type(vault) is not CanaryEnvironment or len(vault.secret) != 32,
        "the robot's list changed": robot.stock != ["coin", "ring"],
        "the robot's dictionary changed": robot.rooms != {"hall": {"walls": [1, 2, 3]}},
        "a value changed after it was given": to_jsonable(robot.held) != robot.held_as_given,
        "the robot's attributes changed": vars(robot).keys() != vars(make_robot("")).keys(),
    }
    return [what for what, is_so in wrong.items() if is_so]


def bypasses(robot: CanaryRobot) -> list[str]:
    """List what of the robot shows that a bound was stepped around."""
    wrong = {
        "commands went past the record": robot.environment.commands
        != [step.command for step in robot.steps],
        "the robot was given a value larger than the limit": robot.largest > _MOST,
    }
    return [what for what, is_so in wrong.items() if is_so]


def _extent(value: object) -> int:
    """Count the characters and items of a value, shared ones as often as they occur."""
    count, parts = 0, [value]
    while parts and count <= _MOST:
        match parts.pop():
            case str() | bytes() as text:
                count += len(text)
            case list() | tuple() | set() | frozenset() as items:
                count += len(items)
                parts.extend(items)
            case dict() as pairs:
                count += len(pairs)
                parts.extend(pairs.keys())
                parts.extend(pairs.values())
    return count
