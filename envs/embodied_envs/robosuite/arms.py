"""Drives the arms: robosuite's operational-space controller, towards poses.

robosuite takes 20 control steps a simulated second. In each, every arm is told how far to move and
turn next; the controller turns that into torques. A motion here is as many control steps as it
takes to get there, up to a bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from embodied_envs.robosuite.scene import Vector

SIDES = ("right", "left")
"""The arms, in robosuite's order. A single arm is the right one."""

CLOSE_ENOUGH = 0.003
"""Metres from its target at which a gripper has reached it."""
STRAIGHT_ENOUGH = 1.5
"""Degrees from its yaw, and from pointing straight down."""
MOST_STEPS = 150
"""Control steps of one motion: 7.5 s of the robot's time."""
_PATIENCE = 12
"""Control steps without progress after which a motion is given up."""
_GRIP_STEPS = 25
_WAIT_STEPS = 10

_LONGEST = 0.05
"""Metres that robosuite's controller may be told to move in a control step."""
_WIDEST = 0.5
"""Radians that it may be told to turn."""
_TURN = 0.2
"""Radians that it is told to turn at most; more makes what it holds slip."""


@dataclass
class Pose:
    """Where a gripper is or should be: between its finger tips."""

    position: Vector
    yaw: float
    """Degrees about the vertical. At 0 the fingers open along y."""


@dataclass(frozen=True)
class Arrival:
    """How a motion of one gripper ended."""

    distance: float
    """Metres from the target."""
    turn: float
    """Degrees from the wanted direction."""

    @property
    def reached(self) -> bool:
        """Whether that is close enough."""
        return self.distance <= CLOSE_ENOUGH and self.turn <= STRAIGHT_ENOUGH

    @property
    def missing(self) -> float:
        """How much is missing, as one number that falls on the way."""
        return self.distance + 0.05 * math.radians(self.turn)


class Arms:
    """The arms of a running simulation.

    Args:
        simulation: robosuite's environment, after its reset.
        after_step: called after each control step; says whether to stop.
    """

    def __init__(self, simulation: Any, after_step: Callable[[float, bool], bool]) -> None:
        self._simulation = simulation
        self._after_step = after_step
        self._robots = dict(zip(SIDES, simulation.robots, strict=False))
        self._targets = {side: self.pose(side) for side in self._robots}
        self._grips = dict.fromkeys(self._robots, -1.0)

    @property
    def sides(self) -> list[str]:
        """The arms that there are."""
        return list(self._robots)

    @property
    def has_fingers(self) -> bool:
        """Whether the grippers can open and close."""
        return all(robot.gripper["right"].dof > 0 for robot in self._robots.values())

    def gripper(self, side: str) -> Any:
        """Return the model of an arm's gripper, as robosuite has it."""
        return self._robots[side].gripper["right"]

    def pose(self, side: str) -> Pose:
        """Return where a gripper is."""
        robot, data = self._robots[side], self._simulation.sim.data
        site = robot.eef_site_id["right"]
        turn = data.site_xmat[site].reshape(3, 3)
        yaw = math.degrees(math.atan2(turn[1, 1], turn[0, 1]))
        return Pose(np.array(data.site_xpos[site]), yaw)

    def target(self, side: str) -> Pose:
        """Return where a gripper was last sent."""
        return self._targets[side]

    def width(self, side: str) -> float:
        """Return how far the fingers are open, in metres."""
        data = self._simulation.sim.data
        joints = data.qpos[self._robots[side]._ref_gripper_joint_pos_indexes["right"]]
        return float(np.abs(joints).sum())

    def move(self, targets: Mapping[str, Pose]) -> dict[str, Arrival]:
        """Move grippers to poses, all at a time; the others stay."""
        self._targets.update(targets)
        best, idle = math.inf, 0
        for _ in range(MOST_STEPS):
            arrivals = {side: self._arrival(side) for side in targets}
            if all(arrival.reached for arrival in arrivals.values()):
                return arrivals
            missing = sum(arrival.missing for arrival in arrivals.values())
            idle = 0 if missing < best - 0.0005 else idle + 1
            best = min(best, missing)
            if idle > _PATIENCE or self._step():
                break
        return {side: self._arrival(side) for side in targets}

    def grip(self, sides: list[str], close: bool) -> None:
        """Open or close grippers, until their fingers come to rest."""
        self._grips.update(dict.fromkeys(sides, 1.0 if close else -1.0))
        still = 0
        for _ in range(_GRIP_STEPS):
            before = [self.width(side) for side in sides]
            if self._step():
                return
            moved = [abs(self.width(side) - old) for side, old in zip(sides, before, strict=True)]
            still = still + 1 if max(moved) < 0.0003 else 0
            if still == 4:
                return

    def wait(self) -> None:
        """Let half a second pass."""
        for _ in range(_WAIT_STEPS):
            if self._step():
                return

    def _step(self) -> bool:
        """Take one control step of the simulator; returns whether to stop."""
        action = np.concatenate([self._action(side) for side in self._robots])
        _, reward, done, _ = self._simulation.step(action)
        return self._after_step(float(reward), bool(done))

    def _action(self, side: str) -> Vector:
        robot, target = self._robots[side], self._targets[side]
        base = robot.part_controllers["right"].origin_ori.T
        way = base @ (target.position - self.pose(side).position)
        turn = base @ self._turn(side)
        way *= min(1.0, _LONGEST / max(float(np.linalg.norm(way)), 1e-9)) / _LONGEST
        turn *= min(1.0, _TURN / max(float(np.linalg.norm(turn)), 1e-9)) / _WIDEST
        fingers = [self._grips[side]] if self.has_fingers else []
        return np.concatenate([way, turn, fingers])

    def _turn(self, side: str) -> Vector:
        """Return the turn that is left to the target, as a rotation vector in the world."""
        data = self._simulation.sim.data
        now = data.site_xmat[self._robots[side].eef_site_id["right"]].reshape(3, 3)
        return _rotation_vector(_pointing_down(self._targets[side].yaw) @ now.T)

    def _arrival(self, side: str) -> Arrival:
        distance = np.linalg.norm(self._targets[side].position - self.pose(side).position)
        return Arrival(float(distance), math.degrees(float(np.linalg.norm(self._turn(side)))))


def _pointing_down(yaw: float) -> Vector:
    """Return the rotation of a gripper that points down.

    At yaw 0 its x axis, along which the fingers open, is the world's y axis.
    """
    sine, cosine = math.sin(math.radians(yaw)), math.cos(math.radians(yaw))
    return np.array([[-sine, cosine, 0.0], [cosine, sine, 0.0], [0.0, 0.0, -1.0]])


def _rotation_vector(turn: Vector) -> Vector:
    """Return the axis of a rotation matrix, as long as its angle in radians.

    SciPy's general conversion takes longer than the rest of a control step's arithmetic.
    """
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2
    sine = math.sqrt(float(axis @ axis))
    angle = math.atan2(sine, (turn[0, 0] + turn[1, 1] + turn[2, 2] - 1) / 2)
    if sine < 1e-6:
        return np.array([0.0, 0.0, angle])
    return axis * (angle / sine)
