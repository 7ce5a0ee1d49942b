"""Two arms in one environment: each has its actions, their steps count together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied import Controller, Observation, StepResult, Task, action, make_interpreter, team
from embodied.action_formats import Call, CallFormat, make_format
from embodied.testing import check_controller
from embodied.testing.corridor import Corridor


class Table(Corridor):
    """Remembers what it was sent."""

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.sent: list[str] = []
        return Observation("a table")

    def step(self, command: str) -> StepResult:
        self.sent.append(command)
        won = len(self.sent) == 9
        return StepResult(Observation(f"done: {command}"), 0.0, won, False, {"success": won})


class Arm(Controller):
    """An arm. Metres."""

    stopped = 0

    @action
    def move_to(self, x: float) -> str:
        """Move to a place.

        Example: move_to(0.5)
        """
        return self.send(f"{self.robot_name} to {x}")

    @action
    async def close(self) -> str:
        """Close the gripper. First use move_to()."""
        return self.send(f"{self.robot_name} closes, after {len(self.steps)}")

    def stop(self) -> None:
        self.stopped += 1


Arms = team(left=Arm, right=Arm)


@pytest.fixture
def arms(task: Task) -> Controller:
    table = Table()
    robot = Arms(table)
    robot.begin(table.reset(task), max_steps=4)
    return robot


def sent(robot: Controller) -> list[str]:
    table = robot.environment
    assert isinstance(table, Table)
    return table.sent


def test_each_arm_has_its_actions() -> None:
    assert list(Arms.actions()) == ["left_move_to", "left_close", "right_move_to", "right_close"]
    assert Arms.introduction == "left: An arm. Metres.\n\nright: An arm. Metres."
    assert Arms.asynchronous and not Arms.thread_safe
    check_controller(Arms)


def test_steps_count_together(arms: Controller) -> None:
    with make_interpreter("restricted", arms) as session:
        code = "left_move_to(0.1)\nright_move_to(x=0.2)\nprint(left_close())\n"
        output = session.run(f"{code}right_close()\nright_close()")
    assert sent(arms)[:2] == ["left to 0.1", "right to 0.2"]
    assert sent(arms)[2:] == ["left closes, after 2", "right closes, after 3"]
    assert arms.out_of_steps and output.ended
    names = [call.name for call in output.calls]
    assert names == ["left_move_to", "right_move_to", "left_close", "right_close"]


@pytest.mark.parametrize("form", ["code", "json", "text", "tools"])
def test_every_format_knows_them(form: str) -> None:
    made = make_format(form, Arms)
    document = made.describe_api() + json.dumps(made.tools())
    name = "right.move_to()" if form == "code" else "right_move_to()"
    assert f"First use {name}." in document
    rendered = made.render("", [Call("right_move_to", (0.5,))])
    parsed = made.parse(rendered).action
    assert parsed is not None
    if isinstance(made, CallFormat):
        (call,) = made.calls(parsed)
        assert call.name == "right_move_to"


def test_all_arms_are_stopped(arms: Any) -> None:
    def fails() -> None:
        raise OSError("stuck")

    arms.members["left"].stop = fails
    with pytest.raises(OSError, match="stuck"):
        arms.stop()
    assert arms.members["right"].stopped == 1


def test_names_that_run_together_are_refused() -> None:
    class Odd(Controller):
        @action
        def b_c(self) -> str:
            """Odd."""
            return ""

    class Even(Controller):
        @action
        def c(self) -> str:
            """Even."""
            return ""

    with pytest.raises(TypeError, match="two actions would be called a_b_c"):
        team(a=Odd, a_b=Even)


PLAN = """
print(left.move_to(0.1))
go = right.move_to
print(go(x=0.2))
for arm in (left, right):
    print(arm.close())
"""


@pytest.mark.parametrize("interpreter", ["restricted", "full"])
def test_code_calls_each_by_its_name(arms: Controller, interpreter: str) -> None:
    if interpreter == "full":
        pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    arms.max_steps = 9
    with make_interpreter(interpreter, arms) as session:
        output = session.run(PLAN)
        unknown = session.run("left.fly()").error
        kept = session.run("left = 5\ndel left\nhand = left\nhand.move_to(0.3)")
        refused = session.run("left.move_to('far')").error
        missing = session.run("hand = right\nhand.fly()").error
    assert output.error is None and kept.error is None
    assert [(call.name, call.line) for call in output.calls] == [
        ("left_move_to", 2),
        ("right_move_to", 4),
        ("left_close", 6),
        ("right_close", 6),
    ]
    assert sent(arms)[-1] == "left to 0.3" and len(sent(arms)) == 5
    assert refused is not None and "x cannot be 'far'" in refused.message
    assert unknown is not None and unknown.type == "AttributeError"
    assert unknown.message == "left has no action 'fly'; there are: move_to, close"
    assert missing is not None and missing.message == "'right' object has no attribute 'fly'"


STUB = '''\
class left:  # call left.move_to(...)
    def move_to(x: float) -> str:
        """Move to a place.

        Example: left.move_to(0.5)
        """
'''


def test_code_shows_each_as_a_class() -> None:
    made = make_format("code", Arms)
    assert made.describe_api().startswith(STUB)
    assert "print(left.close())" in made.example()
    assert made.calls_robot("print(right.close())") and not made.calls_robot("other.close()")
