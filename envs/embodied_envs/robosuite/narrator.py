"""Puts the scene into words. All lengths are metres with three decimals, all angles degrees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from embodied_envs.robosuite import scene
from embodied_envs.robosuite.arms import CLOSE_ENOUGH, STRAIGHT_ENOUGH, Arms, Arrival

_MOST_SPOTS = 40

INTRODUCTION = {
    1: "You control a Franka Panda arm.",
    2: (
        "You control two Franka Panda arms that face each other: the right one stands at negative "
        "y, the left one at positive y."
    ),
}
_UNITS = (
    "Lengths are metres, angles degrees; z points up, and a yaw turns about z. A position is that "
    "of a thing's centre, a size is along its own axes at yaw 0: x, y, z. A gripper points down; "
    "its position is between its finger tips, and at yaw 0 its fingers open along y."
)
_SPONGE = (
    "Instead of fingers the arm has a sponge, 0.05 wide along x and 0.12 along y at yaw 0; its "
    "position is the middle of its lower side. It wipes where it is pressed onto the table. The "
    "episode ends if another part of the arm touches the table."
)


def introduction(instruction: str, arms: Arms, state: str) -> str:
    """Write the first observation."""
    lines = [INTRODUCTION[len(arms.sides)], _UNITS]
    lines += [] if arms.has_fingers else [_SPONGE]
    return "\n".join([*lines, f"Your task is to: {instruction}.", "", state])


def state(kind: str, simulation: Any, arms: Arms) -> str:
    """Describe things and grippers, one a line."""
    lines = [_thing(thing) for thing in scene.things(kind, simulation)]
    if kind == "Wipe":
        lines.append(_dirt(scene.dirt(simulation)))
    lines += [_gripper(side, kind, simulation, arms) for side in arms.sides]
    return "\n".join(lines)


def moved(arrivals: Mapping[str, Arrival]) -> str:
    """Say how a motion ended."""
    several = len(arrivals) > 1
    return " ".join(
        _arrival(arrival, f"The {side} gripper" if several else "The gripper")
        for side, arrival in arrivals.items()
    )


def _arrival(arrival: Arrival, who: str) -> str:
    if arrival.reached:
        return f"{who} reached the target."
    short = []
    if arrival.distance > CLOSE_ENOUGH:
        short.append(f"{arrival.distance:.3f} m from the target")
    if arrival.turn > STRAIGHT_ENOUGH:
        short.append(f"{arrival.turn:.0f} degrees off its direction")
    return (
        f"{who} stopped {' and '.join(short)}: something is in its way, or it cannot reach farther."
    )


def _thing(thing: scene.Thing) -> str:
    parts = [f"position {numbers(thing.position)}"]
    if thing.yaw is not None:
        parts.append(f"yaw {_whole(thing.yaw)}")
    parts.append(f"size {numbers(thing.size)}")
    parts += [thing.note] if thing.note else []
    return f"{thing.name}: {', '.join(parts)}"


def _gripper(side: str, kind: str, simulation: Any, arms: Arms) -> str:
    pose = arms.pose(side)
    name = f"{side} gripper" if len(arms.sides) > 1 else "gripper"
    parts = [f"position {numbers(pose.position)}", f"yaw {_whole(pose.yaw)}"]
    if arms.has_fingers:
        held = _held(side, kind, simulation, arms)
        parts += [f"open {arms.width(side):.3f}", f"holding {' and '.join(held) or 'nothing'}"]
    else:
        touching = simulation.check_contact(arms.gripper(side), "table_collision")
        parts.append("touching the table" if touching else "in the air")
    return f"{name}: {', '.join(parts)}"


def _held(side: str, kind: str, simulation: Any, arms: Arms) -> list[str]:
    gripper = arms.gripper(side)
    return [
        name
        for name, shapes in scene.graspable(kind, simulation).items()
        if simulation._check_grasp(gripper, shapes)
    ]


def _dirt(spots: Sequence[scene.Vector]) -> str:
    if not spots:
        return "dirt: 0 spots left"
    apart = -(-len(spots) // _MOST_SPOTS)
    shown = list(spots[::apart])
    if (len(spots) - 1) % apart:
        shown.append(spots[-1])
    points = "; ".join(numbers(spot[:2]) for spot in shown)
    which = "at" if apart == 1 else f"every {apart}. of them at"
    return f"dirt: {len(spots)} spots left, {which} {points}"


def numbers(values: Iterable[float]) -> str:
    """Write metres to the millimetre."""
    return " ".join(f"{round(float(value), 3) + 0.0:.3f}" for value in values)


def _whole(angle: float) -> str:
    return f"{round(angle) + 0}"
