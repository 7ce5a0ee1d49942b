"""What can be seen: the things of each kind of task, with their poses and sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Thing:
    """One thing, as it is now."""

    name: str
    position: Vector
    """Its centre, in metres."""
    size: Sequence[float]
    """Along its own axes, in metres."""
    yaw: float | None = None
    """Its turn about the vertical, in degrees; None where it does not matter."""
    note: str = ""
    """What else is to be said of it."""


def things(kind: str, simulation: Any) -> list[Thing]:
    """List all things that matter to a task, in a fixed order."""
    return _THINGS[kind](simulation)


def graspable(kind: str, simulation: Any) -> Mapping[str, Any]:
    """Return what the gripper can hold, by name: robosuite's objects or names of their shapes."""
    return _GRASPABLE[kind](simulation)


def dirt(simulation: Any) -> list[Vector]:
    """Find where dirt is left on the table, in the order in which it was strewn."""
    wiped = {marker.name for marker in simulation.wiped_markers}
    markers = simulation.model.mujoco_arena.markers
    return [
        _body(simulation, marker.root_body)[0] for marker in markers if marker.name not in wiped
    ]


def _lift(simulation: Any) -> list[Thing]:
    return [
        _box(simulation, "cube", simulation.cube),
        _table(simulation),
    ]


def _stack(simulation: Any) -> list[Thing]:
    return [
        _box(simulation, "red_cube", simulation.cubeA),
        _box(simulation, "green_cube", simulation.cubeB),
        _table(simulation),
    ]


def _nut_assembly(simulation: Any) -> list[Thing]:
    nut = simulation.nuts[0]
    centre, yaw = _body(simulation, nut.root_body)
    handle = _site(simulation, nut.important_sites["handle"])
    outwards = (handle - centre) / np.linalg.norm(handle - centre)
    return [
        Thing("nut", centre, (0.0875, 0.0875, 0.02), yaw, "a square ring, open inside by 0.045"),
        Thing(
            "nut_handle",
            centre + _NUT_HANDLE * outwards,
            (0.035, 0.032, 0.02),
            yaw,
            "part of the nut, sticks out of it",
        ),
        Thing("peg", _body(simulation, "peg1")[0], (0.032, 0.032, 0.2), 0.0, "fixed"),
        _table(simulation),
    ]


def _pick_place(simulation: Any) -> list[Thing]:
    can = simulation.objects[simulation.object_id]
    centre, yaw = _body(simulation, can.root_body)
    width, depth, _ = simulation.bin_size
    middle = simulation.target_bin_placements[simulation.object_id]
    floor = np.array([middle[0], middle[1], middle[2] + _BIN_FLOOR])
    return [
        Thing("can", centre, (0.05, 0.05, 0.12), yaw, "round"),
        Thing(
            "can_bin", floor, (width / 2, depth / 2, 0.0), 0.0, "the floor on which the can goes"
        ),
        _walls(simulation),
    ]


def _walls(simulation: Any) -> Thing:
    """Return the walls around and between both bins, as one box."""
    one, other = simulation.bin1_pos, simulation.bin2_pos
    width, depth, _ = simulation.bin_size
    length = abs(other[1] - one[1]) + depth
    middle = (one + other) / 2 + np.array([0.0, 0.0, _WALL / 2])
    return Thing("walls", middle, (width, length, _WALL), 0.0, "around and between the bins")


def _door(simulation: Any) -> list[Thing]:
    position, yaw = _body(simulation, simulation.door.door_body)
    opened = math.degrees(simulation.sim.data.qpos[simulation.hinge_qpos_addr])
    turned = math.degrees(simulation.sim.data.qpos[simulation.handle_qpos_addr])
    handle = _site(simulation, simulation.door.important_sites["handle"])
    return [
        Thing("door", position, (0.44, 0.04, 0.58), yaw, f"opened {abs(opened):.0f} degrees"),
        Thing("handle", handle, (0.05, 0.03, 0.04), yaw, f"turned {abs(turned):.0f} degrees"),
        Thing(
            "latch",
            _body(simulation, simulation.door.latch_body)[0],
            (0.05, 0.2, 0.05),
            yaw,
            "the axle about which the handle turns",
        ),
    ]


def _wipe(simulation: Any) -> list[Thing]:
    return [_table(simulation)]


def _two_arm_lift(simulation: Any) -> list[Thing]:
    pot = simulation.pot
    position, yaw = _body(simulation, pot.root_body)
    handles = (("green_handle", "handle0"), ("blue_handle", "handle1"))
    return [
        Thing("pot", position, 2 * pot.body_half_size, yaw),
        *(
            Thing(
                name,
                _site(simulation, pot.important_sites[site]),
                (0.11, 0.02, 0.02),
                yaw,
                "part of the pot",
            )
            for name, site in handles
        ),
        _table(simulation),
    ]


_NUT_HANDLE = 0.0615
"""From the middle of the nut to that of the part of its handle that sticks out."""
_BIN_FLOOR = 0.02
"""Half the thickness of the board that a bin stands on."""

_WALL = 0.1
"""Height of the bins' walls above that board's middle."""

_THINGS: Mapping[str, Callable[[Any], list[Thing]]] = {
    "Lift": _lift,
    "Stack": _stack,
    "NutAssemblySquare": _nut_assembly,
    "PickPlaceCan": _pick_place,
    "Door": _door,
    "Wipe": _wipe,
    "TwoArmLift": _two_arm_lift,
}

_GRASPABLE: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "Lift": lambda simulation: {"cube": simulation.cube},
    "Stack": lambda simulation: {
        "red_cube": simulation.cubeA,
        "green_cube": simulation.cubeB,
    },
    "NutAssemblySquare": lambda simulation: {"nut": simulation.nuts[0]},
    "PickPlaceCan": lambda simulation: {"can": simulation.objects[simulation.object_id]},
    "Door": lambda simulation: {"handle": simulation.door.naming_prefix + "handle"},
    "Wipe": lambda simulation: {},
    "TwoArmLift": lambda simulation: {
        "green_handle": simulation.pot.handle0_geoms,
        "blue_handle": simulation.pot.handle1_geoms,
    },
}


def _box(simulation: Any, name: str, box: Any) -> Thing:
    position, yaw = _body(simulation, box.root_body)
    return Thing(name, position, [2 * half for half in box.size], yaw)


def _table(simulation: Any) -> Thing:
    position, _ = _body(simulation, "table")
    size = simulation.table_full_size
    return Thing("table", position, size, 0.0, f"its top is at {position[2] + size[2] / 2:.3f}")


def _body(simulation: Any, name: str) -> tuple[Vector, float]:
    """Return position and yaw of a body."""
    number = simulation.sim.model.body_name2id(name)
    turn = simulation.sim.data.body_xmat[number].reshape(3, 3)
    return (
        np.array(simulation.sim.data.body_xpos[number]),
        math.degrees(math.atan2(turn[1, 0], turn[0, 0])),
    )


def _site(simulation: Any, name: str) -> Vector:
    return np.array(simulation.sim.data.site_xpos[simulation.sim.model.site_name2id(name)])
