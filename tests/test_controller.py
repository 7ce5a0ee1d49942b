"""What a robot author relies on in `Controller`."""

from __future__ import annotations

import asyncio
import functools
import random
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from embodied import Controller, StepResult, Task, action
from embodied.approval import PendingCall
from embodied.errors import EpisodeEnded, InfrastructureError
from embodied.testing import Corridor, CorridorRobot
from embodied.trajectory import ApprovalRecord


def test_actions_are_the_marked_methods_of_all_bases() -> None:
    class More(CorridorRobot):
        @action
        def both(self) -> str:
            """Take the key and open the door."""
            return self.take_key() + self.open_door()

    assert list(More.actions()) == ["go", "take_key", "open_door", "both"]


def test_an_action_needs_hints_and_a_docstring() -> None:
    with pytest.raises(TypeError, match="no type hint for light, return"):

        class NoHints(Controller):
            @action
            def on(self, light):  # type: ignore[no-untyped-def]
                """Switch on."""

    with pytest.raises(TypeError, match="needs a docstring"):

        class NoDocs(Controller):
            @action
            def on(self, light: str) -> str:
                return light


def test_call_checks_and_binds(robot: Any) -> None:
    assert robot.call("go", ["left"]) == "You are in cell 1 of 2."
    assert "You are in cell 2 of 2." in robot.call("go", [], {"direction": "right"})
    with pytest.raises(TypeError, match=r"go\(\): direction cannot be 'x'"):
        robot.call("go", ["x"])
    with pytest.raises(TypeError, match="missing a required argument: 'direction'"):
        robot.call("go")
    with pytest.raises(NameError):
        robot.call("send", ["go left"])


def test_steps_are_recorded_and_bounded(robot: Any, task: Any) -> None:
    robot.begin(robot.environment.reset(task), max_steps=2)
    robot.go("left")
    robot.go("right")
    assert [step.command for step in robot.steps] == ["go left", "go right"]
    assert robot.ended
    with pytest.raises(EpisodeEnded):
        robot.go("left")


def test_after_the_end_the_last_text_can_be_repeated(task: Any) -> None:
    environment = Corridor(length=2)
    robot = CorridorRobot(environment)
    robot.begin(environment.reset(task), max_steps=1, after_end="repeat")
    assert robot.go("left") == robot.go("right") == "You are in cell 1 of 2."
    assert len(robot.steps) == 1


class Mode(StrEnum):
    FAST = "fast"


class Target(BaseModel):
    x: float
    y: float = 0.0


class Arm(Controller):
    @action
    def move(self, target: Target, mode: Mode = Mode.FAST, by: tuple[float, float] = (0, 0)) -> str:
        """Move."""
        return f"{target.x} {mode.value} {by}"


def test_parameters_may_be_models_enums_and_collections() -> None:
    arm = Arm(Corridor())
    assert arm.call("move", [{"x": 1}, "fast", [1, 2]]) == "1.0 fast (1.0, 2.0)"
    with pytest.raises(TypeError, match=r"move\(\): mode cannot be 'slow'"):
        arm.call("move", [{"x": 1}, "slow"])


def test_what_cannot_be_an_action() -> None:
    with pytest.raises(TypeError, match="name each one"):

        class Many(Controller):
            @action
            def go(self, *places: str) -> str:
                """Go to many places."""
                return ""

    with pytest.raises(TypeError, match="the name 'send' is taken"):

        class Sender(Controller):
            @action
            def send(self, command: str) -> str:
                """Send."""
                return ""


@pytest.mark.parametrize(
    "name",
    [
        *("steps", "environment", "max_steps", "first_observation", "last_answer", "approver"),
        *("stop", "brakes", "thread_safe", "after_end", "begin", "introduction"),
    ],
)
def test_no_action_has_the_name_of_an_attribute_of_controllers(name: str) -> None:
    def act(self: Controller) -> str:
        """Act."""
        return ""

    act.__name__ = name
    with pytest.raises(TypeError, match=f"the name '{name}' is taken by Controller itself"):
        type("Robot", (Controller,), {name: action(act)})


def _see(self: Any) -> str:
    """See."""
    return ""


@pytest.mark.parametrize("wrap", [property, classmethod, staticmethod, functools.cached_property])
def test_only_methods_are_actions(wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="@action marks a method"):
        action(wrap(_see))
    with pytest.raises(TypeError, match=r"Robot\._see: only methods can be actions"):
        type("Robot", (Controller,), {"_see": wrap(action(_see))})


def test_an_override_of_an_action_must_be_one() -> None:
    with pytest.raises(TypeError, match="overrides an action, so mark it"):

        class Forgets(CorridorRobot):
            def take_key(self) -> str:
                return "no"

    class Mixin:
        def take_key(self) -> str:
            return "no"

    with pytest.raises(TypeError, match="overrides an action, so mark it"):

        class Mixed(Mixin, CorridorRobot):
            pass

    class Without(CorridorRobot):
        take_key = None  # type: ignore[assignment]

    assert list(Without.actions()) == ["go", "open_door"]


def test_a_decorator_that_hides_the_name_of_an_action() -> None:
    def noted(method: Callable[[Any], str]) -> Callable[[Any], str]:
        def wrapper(self: Any) -> str:
            """Do."""
            return method(self)

        return wrapper

    with pytest.raises(TypeError, match=r"called 'wrapper'.*functools\.wraps"):

        class Noted(Controller):
            @action
            @noted
            def see(self) -> str:
                """See."""
                return ""


T = TypeVar("T")


@pytest.mark.parametrize("hint", [T, list[T], "dict[str, T]", "T | None"])  # type: ignore[valid-type]
def test_type_variables_say_nothing(hint: Any) -> None:
    def hold(self: Controller, value: Any) -> Any:
        """Hold."""

    hold.__annotations__["value"] = hint
    with pytest.raises(TypeError, match="the type hint of value has a type variable"):
        type("Robot", (Controller,), {"hold": action(hold)})


def test_thread_safety_is_not_inherited() -> None:
    class Robot(CorridorRobot):
        pass

    class World(Corridor):
        pass

    assert CorridorRobot.thread_safe
    assert Corridor.thread_safe
    assert not Robot.thread_safe
    assert not World.thread_safe


class Crane(Controller):
    """Held, awaited, late."""

    @action(confirm=True)
    def lift(self, height: float = 1.0) -> str:
        """Lift."""
        return f"lifted {height}"

    @action(timeout=0.01)
    async def turn(self) -> str:
        """Turn."""
        await asyncio.sleep(30)
        return ""

    @action
    async def lost(self) -> str:
        """Raise a TimeoutError of its own."""
        raise TimeoutError("no answer")

    @action
    async def leave(self) -> str:
        """Leave."""
        sys.exit(3)


def test_a_call_is_held_until_it_is_approved() -> None:
    crane = Crane(Corridor())
    with pytest.raises(PermissionError, match="there is nobody to approve it"):
        crane.call("lift")
    seen: list[str] = []

    def judge(call: PendingCall) -> ApprovalRecord:
        seen.append(str(call))
        return ApprovalRecord(approved=call.arguments["height"] < 2, by="me", reason="too high")

    crane.approver = judge
    assert crane.call("lift") == "lifted 1.0"
    with pytest.raises(PermissionError, match=r"lift\(height=3.0\) was not approved: too high"):
        crane.call("lift", [3])
    assert crane.last_call is not None
    assert crane.last_call.approval is not None
    assert not crane.last_call.approval.approved
    with pytest.raises(TypeError, match="height cannot be 'x'"):
        crane.call("lift", ["x"])
    assert seen == ["lift(height=1.0)", "lift(height=3.0)"]


def test_awaited_actions_need_no_loop_of_the_caller() -> None:
    crane = Crane(Corridor())
    with pytest.raises(TimeoutError, match=r"turn\(\) took longer than 0.01 s"):
        crane.call("turn")
    with pytest.raises(InfrastructureError, match="no answer"):
        crane.call("lost")
    with pytest.raises(InfrastructureError, match="SystemExit"):
        crane.call("leave")


def test_a_robot_that_was_broken_off_does_nothing_more(robot: CorridorRobot, task: Task) -> None:
    robot.brakes.break_off()
    for move in (lambda: robot.call("take_key"), lambda: robot.send("take key")):
        with pytest.raises(InfrastructureError, match="broken off"):
            move()
    robot.begin(robot.environment.reset(task), max_steps=3)
    robot.call("take_key")


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_a_number_of_seconds(timeout: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        action(timeout=timeout)


def test_the_goal_ends_the_episode_whatever_the_environment_says(task: Any) -> None:
    class Endless(Corridor):
        def step(self, command: str) -> StepResult:
            return replace(super().step(command), terminated=False)

    robot = CorridorRobot(Endless(length=2))
    robot.begin(robot.environment.reset(task), max_steps=50)
    robot.take_key()
    robot.open_door()
    assert robot.ended
    with pytest.raises(EpisodeEnded):
        robot.go("left")


def test_the_end_passes_through_a_robots_broad_except(task: Any) -> None:
    class Careful(CorridorRobot):
        @action
        def carefully(self) -> str:
            """Take the key carefully."""
            try:
                return self.take_key()
            except Exception:
                return "never mind"

    robot = Careful(Corridor(length=2))
    robot.begin(robot.environment.reset(task), max_steps=1)
    robot.take_key()
    with pytest.raises(EpisodeEnded):
        robot.carefully()


class Faulty(CorridorRobot):
    """A robot that fails in the way that it is told."""

    @action
    def fail(self, how: str) -> Any:
        """Fail.

        Example: fail("announced")
        """
        match how:
            case "announced":
                raise ValueError("say left or right")
            case "announced type":
                raise TypeError("doors have no number")
            case "announced class":
                raise JammedError("turn it round first")
            case "library":
                return random.sample([], 1)
            case "missing key":
                return {}[how]
            case "missing attribute":
                return self.lamp  # type: ignore[attr-defined]
            case "assertion":
                raise AssertionError(how)
            case "not made yet":
                raise NotImplementedError(how)
            case "number":
                return int(how)
            case "none":
                return None + how  # type: ignore[operator]
            case "exit":
                sys.exit(7)
            case _:
                return self._recurse()

    def _recurse(self) -> Any:
        return self._recurse()


class JammedError(RuntimeError):
    """An error of a robot's own."""


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("announced", ValueError),
        ("announced type", TypeError),
        ("announced class", JammedError),
        ("library", ValueError),
    ],
)
def test_what_a_robot_announces_is_for_the_policy(how: str, kind: type[Exception]) -> None:
    robot = Faulty(Corridor())
    with pytest.raises(kind) as raised:
        robot.call("fail", [how])
    assert robot.last_answer is raised.value


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("missing key", "KeyError"),
        ("missing attribute", "AttributeError"),
        ("assertion", "AssertionError"),
        ("not made yet", "NotImplementedError"),
        ("number", "ValueError"),
        ("none", "TypeError"),
        ("exit", r"SystemExit\(7\)"),
        ("recursion", "RecursionError"),
    ],
)
def test_a_robots_own_defect_is_an_infrastructure_error_with_its_line(how: str, kind: str) -> None:
    with pytest.raises(InfrastructureError) as raised:
        Faulty(Corridor()).call("fail", [how])
    where = rf"\(in (fail|_recurse), {re.escape(__file__)}:\d+\)"
    assert re.fullmatch(rf"Faulty\.fail\(\) failed: {kind}.* {where}", str(raised.value))


def test_without_a_check_of_arguments_python_may_announce_mistakes() -> None:
    class Trusting(Faulty):
        checks_arguments = False

    robot = Trusting(Corridor())
    with pytest.raises(ValueError, match="invalid literal"):
        robot.call("fail", ["number"])
    with pytest.raises(InfrastructureError):
        robot.call("fail", ["missing key"])


def test_an_integer_of_too_many_digits_is_a_mistake_of_the_policy() -> None:
    with pytest.raises(TypeError, match=r"direction cannot be \(int, too large to show\)"):
        CorridorRobot(Corridor()).call("go", [10**5000])


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit(3)])
def test_a_simulator_that_fails_is_an_infrastructure_error_with_its_line(
    error: BaseException,
) -> None:
    class Broken(Corridor):
        def step(self, command: str) -> StepResult:
            raise error

    said = re.escape(f"Broken.step('go left') failed: {error!r} (in step, {__file__}:")
    with pytest.raises(InfrastructureError, match=said):
        CorridorRobot(Broken()).call("go", ["left"])
