"""The Franka robot, over a small fake table that speaks as the simulator does.

The fake has no physics: a gripper is wherever it was sent, and holds what it closes around.
"""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from embodied_controllers.franka import Franka

from embodied.environment import Environment, Observation, StepResult
from embodied.task import Task
from embodied.testing import check_controller

LIMIT = 50


class FakeTable(Environment):
    """A cube, a box that is too wide, a table, and one gripper or two."""

    def __init__(self, arms: Sequence[str] = ("right",)) -> None:
        self.arms = arms
        self.commands: list[str] = []

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return []

    def reset(self, task: Task | None = None, seed: int | None = None) -> Observation:
        self.grippers = {arm: [0.0, 0.0, 1.0] for arm in self.arms}
        self.cube = [0.1, 0.05, 0.82]
        self.open = True
        self.held = False
        return Observation(self.text())

    def step(self, command: str) -> StepResult:
        self.commands.append(command)
        if command.startswith("move_to"):
            for arm, numbers in re.findall(r"(right |left |)(-?[\d.]+(?: -?[\d.]+)+)", command):
                self._move(arm.strip() or "right", [float(n) for n in numbers.split()][:3])
        elif "gripper" in command:
            self.open = command.startswith("open")
            near = all(
                abs(a - b) < 0.01 for a, b in zip(self.grippers["right"], self.cube, strict=True)
            )
            self.held = near and not self.open
        return StepResult(Observation(self.text()), 0.0, False, False, {"success": False})

    def _move(self, arm: str, place: list[float]) -> None:
        if self.held and arm == "right":
            self.cube = place
        self.grippers[arm] = place

    def text(self) -> str:
        def shown(place: list[float]) -> str:
            return " ".join(f"{number:.3f}" for number in place)

        grippers = "\n".join(
            f"{f'{arm} ' if len(self.arms) > 1 else ''}gripper: position {shown(place)}, yaw 0, "
            f"open {0.08 if self.open else 0.04:.3f}, holding {'cube' if self.held else 'nothing'}"
            for arm, place in self.grippers.items()
        )
        return (
            "The gripper reached the target.\n"
            f"cube: position {shown(self.cube)}, yaw 107, size 0.040 0.041 0.042\n"
            "rod: position 0.300 0.000 0.810, yaw 0, size 0.040 0.015 0.020, part of the box\n"
            "box: position 0.200 0.000 0.850, yaw 0, size 0.100 0.100 0.100\n"
            "table: position 0.000 0.000 0.775, yaw 0, size 0.800 0.800 0.050, its top is at 0.8\n"
            f"{grippers}"
        )

    def close(self) -> None:
        pass


def robot_at(table: FakeTable) -> Franka:
    robot = Franka(table)
    robot.begin(table.reset(), max_steps=LIMIT)
    return robot


@pytest.fixture
def table() -> FakeTable:
    return FakeTable()


@pytest.fixture
def robot(table: FakeTable) -> Franka:
    return robot_at(table)


def test_questions_are_answered_without_a_step(table: FakeTable, robot: Franka) -> None:
    assert robot.call("things") == ["cube", "rod", "box", "table"]
    assert robot.call("position", ["cube"]) == [0.1, 0.05, 0.82]
    assert robot.call("size", ["table"]) == [0.8, 0.8, 0.05]
    assert robot.call("yaw", ["cube"]) == 107.0
    assert robot.call("gripper_position") == [0.0, 0.0, 1.0]
    assert robot.call("held") is None
    assert robot.call("dirt") == []
    assert robot.call("look") == table.text()
    assert table.commands == []


def test_a_motion_is_one_command(table: FakeTable, robot: Franka) -> None:
    robot.call("move_to", [0.1, -0.2, 0.9])
    robot.call("move_to", [0.1, -0.2, 0.9], {"yaw": 45.0})
    robot.call("move_by", [0.0, 0.1, 0.0])
    assert table.commands == [
        "move_to 0.1 -0.2 0.9",
        "move_to 0.1 -0.2 0.9 45",
        "move_to 0.1 -0.1 0.9 0",
    ]


def test_a_thing_is_grasped_along_a_side_that_fits_with_the_least_turn(
    table: FakeTable, robot: Franka
) -> None:
    robot.call("grasp", ["cube"])
    assert table.commands == [
        "move_to 0.1 0.05 0.941 17",
        "move_to 0.1 0.05 0.82 17",
        "close_gripper",
    ]
    assert robot.call("held") == "cube"


def test_a_long_thing_is_grasped_across(table: FakeTable, robot: Franka) -> None:
    robot.call("grasp", ["rod"])
    assert table.commands[0].endswith(" 0")


def test_what_is_held_is_carried_over_everything_and_put_down(
    table: FakeTable, robot: Franka
) -> None:
    robot.call("grasp", ["cube"])
    del table.commands[:]
    robot.call("place", [0.2, -0.1, 0.821])
    heights = [float(command.split()[3]) for command in table.commands if "move" in command]
    assert heights[0] == heights[1] > 0.9 + 0.021
    assert table.commands[3] == "open_gripper"
    assert table.cube == [0.2, -0.1, 0.821]


def test_place_on_puts_a_thing_on_top_of_another(table: FakeTable, robot: Franka) -> None:
    robot.call("grasp", ["cube"])
    robot.call("place_on", ["box"])
    assert table.cube == pytest.approx([0.2, 0.0, 0.9 + 0.021])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("position", ["cub"], "no thing called 'cub'; did you mean 'cube'"),
        ("grasp", ["box"], "too wide for the gripper.*grasp a narrower part"),
        ("place", [0.0, 0.0, 1.0], "holds nothing; grasp something first"),
        ("wipe", [[[0.0, 0.0]]], "has fingers and no sponge"),
        ("move_both", [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], "no left arm here, only: right"),
        ("open_gripper", ["left"], "no left arm here, only: right"),
    ],
)
def test_mistakes_take_no_step_and_say_what_to_do(
    table: FakeTable, robot: Franka, name: str, arguments: list[Any], message: str
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=message):
        robot.call(name, arguments)
    assert table.commands == []


def test_two_arms_are_named_in_every_command() -> None:
    table = FakeTable(("right", "left"))
    robot = robot_at(table)
    robot.call("move_to", [0.0, 0.2, 0.9], {"arm": "left"})
    robot.call("close_gripper", ["both"])
    robot.call("lift", [0.1, "both"])
    assert table.commands == [
        "move_to left 0 0.2 0.9",
        "close_gripper both",
        "move_to right 0 0 1.1 left 0 0.2 1",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "move_to 0.1 -0.2 0.9",
        "move_to 0.1 -0.2 0.9 45",
        "open_gripper",
        "close_gripper",
        "wait",
    ],
)
def test_a_command_has_a_call_that_sends_it(table: FakeTable, robot: Franka, command: str) -> None:
    name, arguments = Franka.command_call(command)
    robot.call(name, (), arguments)
    assert table.commands == [command]


def test_commands_of_two_arms_have_calls_too() -> None:
    table = FakeTable(("right", "left"))
    robot = robot_at(table)
    for command in ("move_to left 0 0.2 1", "move_to right 0 0 1 left 0 0 1", "open_gripper both"):
        name, arguments = Franka.command_call(command)
        robot.call(name, (), arguments)
        assert table.commands[-1] == command
    with pytest.raises(ValueError, match="does not know a call"):
        Franka.command_call("fly")


def test_the_rules_of_controllers_are_kept() -> None:
    check_controller("franka")
