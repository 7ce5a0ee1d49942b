"""What the checks find in controllers that break one rule each, and nothing in good ones."""

from __future__ import annotations

from typing import Any

import pytest

from embodied import Controller, action
from embodied.testing import CheckFailed, Corridor, CorridorRobot, check_controller, corridor


def test_a_good_controller_passes() -> None:
    check_controller(CorridorRobot)
    check_controller(CorridorRobot, Corridor)
    file = corridor.__file__
    check_controller(f"{file}:CorridorRobot", f"{file}:Corridor", task="corridor-3", length=4)


class Idle(Controller):
    """No action."""


class Undocumented(Controller):
    @action
    def go(self, direction: str) -> str:
        """Go somewhere."""
        return self.send(f"go {direction}")


class WrongExample(Controller):
    @action
    def go(self, direction: str) -> str:
        """Go somewhere.

        Example: go(3)
        """
        return self.send(f"go {direction}")


class Cryptic(CorridorRobot):
    @action
    def go(self, direction: str) -> str:  # type: ignore[override]
        """Go somewhere.

        Example: go("left")
        """
        if direction not in ("left", "right"):
            raise ValueError("bad direction")
        return self.send(f"go {direction}")


class Crashing(CorridorRobot):
    @action
    def go(self, direction: str) -> str:  # type: ignore[override]
        """Go somewhere.

        Example: go("left")
        """
        return self.send({"left": "go left", "right": "go right"}[direction])


class WrongInverse(CorridorRobot):
    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        if command.startswith("go"):
            return "go", {"direction": "left"}
        return super().command_call(command)


class NoSuchAction(CorridorRobot):
    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        return "walk", {}


class Incomplete(CorridorRobot):
    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        if command == "open door":
            raise ValueError("I do not open doors")
        return super().command_call(command)


class FailsAtTheStart(CorridorRobot):
    def begin(self, *arguments: Any, **named: Any) -> None:
        super().begin(*arguments, **named)
        if self.first_observation.text:
            raise IndexError("no map")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Idle, "at least one method marked with @action"),
        (Undocumented, r"`Example: name\(...\)`.*go\(direction: str\) -> str"),
        (WrongExample, r"`Example: name\(...\)`"),
        (Cryptic, "says what to do instead.*only 'bad direction'"),
        (Crashing, "says what to do instead.*failed: KeyError"),
        (WrongInverse, "is the inverse.*for 'go right' it gives"),
        (NoSuchAction, "is the inverse.*no action"),
        (Incomplete, "every command of the solution.*'open door'"),
        (FailsAtTheStart, r"begin\(\) takes the first observation.*no map"),
    ],
)
def test_a_broken_rule_is_named(kind: type[Controller], said: str) -> None:
    with pytest.raises(CheckFailed, match=f"(?s){said}"):
        check_controller(kind, Corridor)
