"""What the Franka expert does for each goal: Python plans over the robot's functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embodied.policies.expert import ExpertStep

_LIFT = (ExpertStep("I grasp the cube from above and lift it.", 'grasp("cube")\nprint(lift(0.1))'),)

_STACK = (
    ExpertStep(
        "I take the red cube and put it on the green one.",
        """\
grasp("red_cube")
if held():
    print(place_on("green_cube"))
else:
    print("The grasp failed.", look())""",
    ),
)

_NUT = (
    ExpertStep(
        "I take the nut by its handle, as the ring is too wide.", 'print(grasp("nut_handle"))'
    ),
    ExpertStep(
        "The peg is square, so I turn the nut to the nearest quarter turn and lower it over it.",
        """\
if held():
    x, y, _ = position("peg")
    quarter_turn = 90 * round(yaw("nut") / 90)
    table_top = position("table")[2] + size("table")[2] / 2
    print(place(x, y, table_top + 0.012, quarter_turn))
else:
    print("The grasp failed.")""",
    ),
)

_CAN = (
    ExpertStep(
        "I take the can and put it into its bin, on the side that is nearer to the robot.",
        """\
grasp("can")
if held():
    x, y, z = position("can_bin")
    print(place(x - 0.04, y - 0.06, z + size("can")[2] / 2))
else:
    print("The grasp failed.", look())""",
    ),
)

_DOOR = (
    ExpertStep(
        "One finger goes behind the end of the handle, the other stays before it.",
        """\
import math
handle, axle = position("handle"), position("latch")
angle = math.radians(yaw("handle"))
x = handle[0] + 0.02 * math.cos(angle)
y = handle[1] + 0.02 * math.sin(angle) + 0.02
along = yaw("handle") - 180
move_to(*gripper_position()[:2], handle[2] + 0.12, along)
move_to(x, y, handle[2] + 0.12, along)
move_to(x, y, handle[2], along)
print(close_gripper())""",
    ),
    ExpertStep(
        "I press the handle down along its circle, and keep it down while I pull at it.",
        """\
y = gripper_position()[1]
radius = abs(axle[0] - x)
for degrees in (30, 60, 90):
    down = math.radians(degrees)
    forward = axle[0] - radius * math.cos(down) + 0.03 * math.sin(down)
    move_to(forward, y, axle[2] - radius * math.sin(down) - 0.01)
for pull in range(10):
    seen = move_to(axle[0] - 0.01, gripper_position()[1] + 0.06, axle[2] - radius + 0.02)
print(seen)
open_gripper()
print(move_by(0.0, 0.15, 0.0))""",
    ),
)

_WIPE = (
    ExpertStep(
        "I draw the sponge along the dirt.",
        """\
points = dirt()
print(wipe(points[::2] + points[-1:]))""",
    ),
)

_POT = (
    ExpertStep(
        "Each arm grasps its handle; then both lift at a time.",
        """\
grasp("green_handle", "right")
grasp("blue_handle", "left")
print(held("right"), held("left"))
print(lift(0.2, "both"))""",
    ),
)

RECIPES: Mapping[str, Sequence[ExpertStep]] = {
    "lift the cube": _LIFT,
    "put the red_cube on top of the green_cube": _STACK,
    "put the nut over the peg": _NUT,
    "put the can into the can_bin": _CAN,
    "pull the door open": _DOOR,
    "wipe all dirt": _WIPE,
    "lift the pot": _POT,
}
"""Plans for each goal, by words that stand in the task."""
