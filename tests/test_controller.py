"""What a robot author relies on in `Controller`."""

from __future__ import annotations

import random
import re
import sys
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from embodied import Controller, StepResult, action
from embodied.errors import EpisodeEnded, InfrastructureError
from tests.conftest import LightSwitch, Switcher


def test_actions_are_the_marked_methods_of_all_bases() -> None:
    class More(Switcher):
        @action
        def both(self) -> str:
            """Switch on both."""
            return self.on("left 1") + self.on("right 1")

    assert list(More.actions()) == ["on", "off", "wait", "explode", "both"]


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
    assert robot.call("on", ["left 1"]) == "The light left 1 is on."
    assert robot.call("wait", [], {"times": 2}) == ["Nothing happens."] * 2
    with pytest.raises(TypeError, match=r"wait\(\): times cannot be 'x'"):
        robot.call("wait", ["x"])
    with pytest.raises(TypeError, match="missing a required argument: 'light'"):
        robot.call("on")
    with pytest.raises(NameError):
        robot.call("send", ["on left 1"])


def test_steps_are_recorded_and_bounded(robot: Any, task: Any) -> None:
    robot.begin(robot.environment.reset(task), max_steps=2)
    robot.on("left 1")
    robot.off("left 1")
    assert [step.command for step in robot.steps] == ["on left 1", "off left 1"]
    assert robot.ended
    with pytest.raises(EpisodeEnded):
        robot.on("left 1")


def test_after_the_end_the_last_text_can_be_repeated(task: Any) -> None:
    environment = LightSwitch()
    robot = Switcher(environment)
    robot.begin(environment.reset(task), max_steps=1, after_end="repeat")
    assert robot.on("left 1") == robot.off("left 1") == "The light left 1 is on."
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
    arm = Arm(LightSwitch())
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


def test_the_goal_ends_the_episode_whatever_the_environment_says(task: Any) -> None:
    class Endless(LightSwitch):
        def step(self, command: str) -> StepResult:
            return replace(super().step(command), terminated=False)

    robot = Switcher(Endless())
    robot.begin(robot.environment.reset(task), max_steps=50)
    robot.on("left 1")
    robot.on("right 1")
    assert robot.ended
    with pytest.raises(EpisodeEnded):
        robot.off("left 1")


def test_the_end_passes_through_a_robots_broad_except(task: Any) -> None:
    class Careful(Switcher):
        @action
        def carefully(self, light: str) -> str:
            """Switch on carefully."""
            try:
                return self.on(light)
            except Exception:
                return "never mind"

    robot = Careful(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=1)
    robot.on("left 1")
    with pytest.raises(EpisodeEnded):
        robot.carefully("left 1")


class Faulty(Switcher):
    """A robot that fails in the way that it is told."""

    @action
    def fail(self, how: str) -> Any:
        """Fail.

        Example: fail("announced")
        """
        match how:
            case "announced":
                raise ValueError("say left 1 or right 1")
            case "announced type":
                raise TypeError("lights have no number")
            case "announced class":
                raise JammedError("turn it off first")
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
    robot = Faulty(LightSwitch())
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
        Faulty(LightSwitch()).call("fail", [how])
    where = rf"\(in (fail|_recurse), {re.escape(__file__)}:\d+\)"
    assert re.fullmatch(rf"Faulty\.fail\(\) failed: {kind}.* {where}", str(raised.value))


def test_without_a_check_of_arguments_python_may_announce_mistakes() -> None:
    class Trusting(Faulty):
        checks_arguments = False

    robot = Trusting(LightSwitch())
    with pytest.raises(ValueError, match="invalid literal"):
        robot.call("fail", ["number"])
    with pytest.raises(InfrastructureError):
        robot.call("fail", ["missing key"])


def test_an_integer_of_too_many_digits_is_a_mistake_of_the_policy() -> None:
    with pytest.raises(TypeError, match=r"times cannot be \(int, too large to show\)"):
        Switcher(LightSwitch()).call("wait", [10**5000])


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit(3)])
def test_a_simulator_that_fails_is_an_infrastructure_error_with_its_line(
    error: BaseException,
) -> None:
    class Broken(LightSwitch):
        def step(self, command: str) -> StepResult:
            raise error

    said = re.escape(f"Broken.step('on left 1') failed: {error!r} (in step, {__file__}:")
    with pytest.raises(InfrastructureError, match=said):
        Switcher(Broken()).call("on", ["left 1"])
