"""What the checks find in controllers that break one rule each, and nothing in good ones."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from embodied import Controller, Environment, action
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


class Printer(CorridorRobot):
    @action
    def print(self) -> str:
        """Print what is seen."""
        return self.send("look")


class NotAText(CorridorRobot):
    @action
    def count(self) -> str:
        """Count the cells."""
        return 6  # type: ignore[return-value]


class NoneReturned(CorridorRobot):
    @action
    def look(self, carefully: bool = True) -> str:
        """Look.

        Example: look(carefully=True)
        """
        self.send("look")


class NumbersAsTexts(CorridorRobot):
    @action
    def count(self) -> list[int]:
        """Count the cells."""
        return ["6"]  # type: ignore[list-item]


class Opaque(CorridorRobot):
    @action
    def lock(self) -> Any:
        """Look at the lock."""
        return threading.Lock()


class Bound(CorridorRobot):
    """Opens something for one thread, and says that it did not."""

    thread_safe = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._notes = sqlite3.connect(":memory:")

    @action
    def note(self) -> str:
        """Note something."""
        return str(self._notes.execute("select 1").fetchone())


class Awaited(CorridorRobot):
    @action(confirm=True, timeout=5)
    async def look(self) -> str:
        """Look."""
        await asyncio.sleep(0)
        return self.send("look")

    @action
    async def wait(self) -> str:
        """Wait."""
        await asyncio.sleep(0)
        raise ValueError("there is nothing to wait for")

    async def stop(self) -> None:
        await asyncio.sleep(0)


def test_async_actions_are_played_too() -> None:
    check_controller(Awaited, Corridor)


@pytest.mark.parametrize("name", ["open", "slice", "help"])
def test_names_of_built_ins_that_no_plan_uses_may_be_actions(name: str) -> None:
    def act(self: Controller) -> str:
        """Act."""
        return self.send("look")

    act.__name__ = name
    check_controller(type("Robot", (CorridorRobot,), {name: action(act)}), Corridor)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Printer, r"built-in function.*print\(\) -> str hides print"),
        (NotAText, r"what the type hint says.*count\(\) returned int 6"),
        (NoneReturned, r"what the type hint says.*returned NoneType None"),
        (NumbersAsTexts, r"what the type hint says.*returned list \['6'\]"),
        (Opaque, r"can be given to code.*lock"),
        (Bound, r"note\(\): .*ProgrammingError"),
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


class Complex(CorridorRobot):
    @action
    def impedance(self) -> complex:
        """Measure."""
        return 1j


class Nested(CorridorRobot):
    @action
    def parts(self) -> list[dict[str, Iterator[int]]]:
        """List parts."""
        return []


@pytest.mark.parametrize(("robot", "name"), [(Complex, "complex"), (Nested, "Iterator")])
def test_types_without_a_form_in_plans_are_refused(robot: type[Controller], name: str) -> None:
    with pytest.raises(CheckFailed, match=f"the result of .*: {name} has no form in plans"):
        check_controller(robot)


def test_a_type_is_not_called_like_something_else() -> None:
    @dataclass
    class go:  # noqa: N801 - as an action is called
        x: int

    def see(self: Controller) -> Any:
        """See."""

    see.__annotations__["return"] = go
    with pytest.raises(CheckFailed, match="go is a type of a signature and an action"):
        check_controller(type("Robot", (CorridorRobot,), {"see": action(see)}))
