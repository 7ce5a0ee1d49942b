"""The text commands of the arms."""

import pytest
from embodied_envs.robosuite.commands import (
    ArmTarget,
    CommandError,
    GripCommand,
    MoveCommand,
    WaitCommand,
    parse,
)

ONE = ("right",)
TWO = ("right", "left")


def test_a_motion_names_a_place_and_may_name_a_yaw_and_an_arm() -> None:
    assert parse("move_to 0.1 -.2 1", ONE) == MoveCommand(
        (ArmTarget("right", (0.1, -0.2, 1.0), None),)
    )
    assert parse("move_to left 0 0 1e-1 90", TWO) == MoveCommand(
        (ArmTarget("left", (0.0, 0.0, 0.1), 90.0),)
    )


def test_both_arms_move_in_one_command() -> None:
    command = parse("move_to right 0 -0.2 1 left 0 0.2 1 -45", TWO)
    right, left = (
        ArmTarget("right", (0.0, -0.2, 1.0), None),
        ArmTarget("left", (0.0, 0.2, 1.0), -45.0),
    )
    assert command == MoveCommand((right, left))


def test_grippers_and_waiting() -> None:
    assert parse("close_gripper", ONE) == GripCommand(("right",), True)
    assert parse("open_gripper both", TWO) == GripCommand(TWO, False)
    assert parse(" wait ", ONE) == WaitCommand()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fly", "Commands are: move_to"),
        ("", "Commands are: move_to"),
        ("move_to 0 0", "move_to is written so"),
        ("move_to nan 0 0", "move_to is written so"),
        ("move_to 0 0 1 0 0", "move_to is written so"),
        ("move_to right 0 0 1 right 0 0 1", "move_to is written so"),
        ("move_to 0 0 50", "out of reach"),
        ("move_to 0 0 1 999", "from -360 to 360"),
        ("close_gripper left", "There is no left arm here"),
        ("close_gripper middle", "Commands are"),
    ],
)
def test_what_is_no_command_is_answered_with_what_is(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        parse(text, ONE)
