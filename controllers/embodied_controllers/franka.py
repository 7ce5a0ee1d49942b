"""The Franka arm: motions, grasps and places over robosuite's text commands."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from embodied.controller import Controller, action
from embodied_controllers.franka_scene import Gripper, Scene, Thing

Arm = Literal["right", "left"]
Arms = Literal["right", "left", "both"]
Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Place = Annotated[list[float], Field(min_length=3, max_length=4)]

MOST_POINTS = 50
"""Points of one wipe."""

_WIDEST = 0.075
"""Metres between the fingers of an open gripper, less a little for safety."""
_ALIKE = 1.05
"""Sides whose lengths differ by no more than this factor are as good as each other."""
_FINGERS = 0.035
"""How deep a thing may reach in between the fingers, from the tips."""
_ABOVE = 0.1
"""Metres above a thing from which it is approached."""
_CLEARANCE = 0.04
"""Metres above everything else at which things are carried."""
_PRESS = 0.01
"""Metres below the table's top to which a sponge is pressed."""

_NUMBERS = r"(?P<{}>-?[\d.]+(?: -?[\d.]+){{2,3}})"
_MOVE = re.compile(r"move_to (?:(?P<arm>right|left) )?" + _NUMBERS.format("place"))
_MOVE_BOTH = re.compile(f"move_to right {_NUMBERS.format('right')} left {_NUMBERS.format('left')}")
_GRIP = re.compile(r"(?P<name>open_gripper|close_gripper)(?: (?P<arm>right|left|both))?")


class Franka(Controller):
    """One Franka arm at a table, or two that face each other.

    The functions that move something return what is seen afterwards: a sentence on how it ended,
    and then all things and grippers. Functions that only answer a question look at the last
    observation and take no step. All lengths are in metres, all angles in degrees.
    """

    introduction = ""

    # What is known, without a step

    @action
    def look(self) -> str:
        """Returns the last observation again. Takes no step."""
        return self._text

    @action
    def things(self) -> list[str]:
        """Returns the names of all things that are seen. Takes no step."""
        return list(self._scene.things)

    @action
    def position(self, name: str) -> list[float]:
        """Returns the centre of a thing: x, y, z. Takes no step.

        Example: position("table") returns [0.0, 0.0, 0.775]
        """
        return self._scene.thing(name).position

    @action
    def size(self, name: str) -> list[float]:
        """Returns the size of a thing along its own axes: x, y, z. Takes no step.

        Example: size("table") returns [0.8, 0.8, 0.05]
        """
        return self._scene.thing(name).size

    @action
    def yaw(self, name: str) -> float:
        """Returns how far a thing is turned about the vertical. Takes no step.

        Example: yaw("table") returns 0.0
        """
        return self._scene.thing(name).yaw

    @action
    def gripper_position(self, arm: Arm = "right") -> list[float]:
        """Returns the point between the finger tips of a gripper: x, y, z. Takes no step.

        Where there is one arm only, it is the right one.
        Example: gripper_position("right") returns [-0.1, 0.0, 1.01]
        """
        return self._scene.gripper(arm).position

    @action
    def gripper_yaw(self, arm: Arm = "right") -> float:
        """Returns how far a gripper is turned about the vertical. Takes no step.

        At 0 its fingers open along y, at 90 along x.
        Example: gripper_yaw("right") returns 0.0
        """
        return self._scene.gripper(arm).yaw

    @action
    def held(self, arm: Arm = "right") -> str | None:
        """Returns the name of the thing that a gripper holds, or None. Takes no step.

        Example: held("right")
        """
        return self._scene.gripper(arm).held

    @action
    def dirt(self) -> list[list[float]]:
        """Returns places on the table that are still dirty: x, y of each. Takes no step.

        These are evenly chosen where there are many.
        """
        return self._scene.dirt

    # Motions of one step

    @action
    def move_to(
        self, x: float, y: float, z: float, yaw: float | None = None, arm: Arm = "right"
    ) -> str:
        """Move a gripper in a straight line to a position, and turn it to a yaw on the way.

        Without a yaw it stays turned as it is. It does not steer around things. Returns whether
        it got there, and how far from the target it stopped if not.
        Example: move_to(0.05, -0.1, 0.95)
        """
        return self.send(self._move_command(arm, [x, y, z], yaw))

    @action
    def move_by(self, x: float, y: float, z: float, turn: float = 0.0, arm: Arm = "right") -> str:
        """Move a gripper from where it is, and turn it.

        Example: move_by(0.05, 0.0, -0.02)
        """
        gripper = self._scene.gripper(arm)
        x, y, z = _added(gripper.position, [x, y, z])
        return self.send(self._move_command(arm, [x, y, z], _half_circle(gripper.yaw + turn)))

    @action
    def move_both(self, right: Place, left: Place) -> str:
        """Move both grippers at a time. Each place is x, y, z, or x, y, z, yaw.

        Example: move_both([0.0, -0.2, 1.0], [0.0, 0.2, 1.0])
        """
        self._both()
        return self.send(f"move_to right {_written(right)} left {_written(left)}")

    @action
    def open_gripper(self, arm: Arms = "right") -> str:
        """Open the fingers, and let go of what they hold.

        Example: open_gripper("right")
        """
        return self.send(f"open_gripper{self._named(arm)}")

    @action
    def close_gripper(self, arm: Arms = "right") -> str:
        """Close the fingers. Returns what they hold then.

        Example: close_gripper("right")
        """
        return self.send(f"close_gripper{self._named(arm)}")

    @action
    def wait(self) -> str:
        """Wait for half a second."""
        return self.send("wait")

    @action
    def lift(self, height: float, arm: Arms = "right") -> str:
        """Move a gripper straight up. Both arms move at a time.

        Example: lift(0.1)
        """
        if arm != "both":
            return self.move_by(0.0, 0.0, height, arm=arm)
        right, left = self._both()
        return self.move_both(
            _added(right.position, [0, 0, height]), _added(left.position, [0, 0, height])
        )

    # Skills of several steps

    @action
    def grasp(self, name: str, arm: Arm = "right") -> str:
        """Open the gripper, move it over a thing, down to it, and close it.

        Takes 3 to 5 steps. The fingers close along a side of the thing that fits in between them.
        Look at held() afterwards: a grasp can fail.
        Example: grasp("nut_handle")
        """
        gripper = self._with_fingers(arm)
        yaw = _grasp_yaw(self._scene.thing(name), gripper.yaw)
        if gripper.open is not None and gripper.open < _WIDEST:
            self.open_gripper(arm)
        self._over(name, yaw, arm)
        thing = self._scene.thing(name)
        x, y, z = thing.position
        self.move_to(x, y, max(z, thing.top - _FINGERS), yaw, arm)
        return self.close_gripper(arm)

    @action
    def place(
        self, x: float, y: float, z: float, yaw: float | None = None, arm: Arm = "right"
    ) -> str:
        """Put down what the gripper holds, so that its centre comes to a position.

        Takes 5 steps: up, over the place, down, open, up. It is carried above all other things.
        With a yaw, the thing is turned to that yaw first.
        Example: place(0.1, -0.05, 0.83)
        """
        held = self._held(arm)
        gripper = self._scene.gripper(arm)
        turn = 0.0 if yaw is None else _half_circle(yaw - held.yaw)
        self._raise(self._carrying_height(held, gripper), arm)
        self._carry(held.name, x, y, None, turn, arm)
        self._carry(held.name, x, y, z, 0.0, arm)
        self.open_gripper(arm)
        return self.lift(_ABOVE, arm)

    @action
    def place_on(self, name: str, arm: Arm = "right") -> str:
        """Put down what the gripper holds on the middle of another thing. Takes 5 steps.

        Example: place_on("table")
        """
        held, below = self._held(arm), self._scene.thing(name)
        x, y, _ = below.position
        return self.place(x, y, below.top + held.size[2] / 2, arm=arm)

    @action
    def wipe(self, points: list[Point]) -> str:
        """Press the sponge onto the table and draw it along points, each x, y.

        Takes a step for each point, and two more. No more than 50 points at a time.
        Example: wipe([[0.1, 0.0], [0.15, 0.05]])
        """
        gripper = self._scene.gripper("right")
        if gripper.open is not None:
            raise RuntimeError("this arm has fingers and no sponge; wipe is for the task Wipe")
        if not 0 < len(points) <= MOST_POINTS:
            raise ValueError(f"wipe takes 1 to {MOST_POINTS} points, and not {len(points)}")
        top = self._scene.thing("table").top
        first, last = points[0], points[-1]
        self.move_to(first[0], first[1], top + 0.03)
        for x, y in points:
            self.move_to(x, y, top - _PRESS)
        return self.move_to(last[0], last[1], top + 0.05)

    # What the skills are made of

    @property
    def _text(self) -> str:
        last = self.last_result
        return self.first_observation.text if last is None else last.observation.text

    @property
    def _scene(self) -> Scene:
        return Scene.read(self._text)

    def _named(self, arm: str) -> str:
        """Return the arm as a command names it: not at all, where it is the only one."""
        if arm == "both":
            self._both()
        else:
            self._scene.gripper(arm)
        return f" {arm}" if len(self._scene.grippers) > 1 else ""

    def _both(self) -> tuple[Gripper, Gripper]:
        return self._scene.gripper("right"), self._scene.gripper("left")

    def _move_command(self, arm: str, position: Sequence[float], yaw: float | None) -> str:
        place = [*position] if yaw is None else [*position, yaw]
        return f"move_to{self._named(arm)} {_written(place)}"

    def _with_fingers(self, arm: Arm) -> Gripper:
        gripper = self._scene.gripper(arm)
        if gripper.open is None:
            raise RuntimeError("this arm has a sponge and no fingers; use wipe(points)")
        return gripper

    def _held(self, arm: Arm) -> Thing:
        name = self._with_fingers(arm).held
        if name is None:
            raise RuntimeError(f"the {arm} gripper holds nothing; grasp something first")
        return self._scene.thing(name)

    def _over(self, name: str, yaw: float, arm: Arm) -> None:
        """Move over a thing; straight up first, where the way there is too low."""
        thing, gripper = self._scene.thing(name), self._scene.gripper(arm)
        x, y, _ = thing.position
        height = thing.top + _ABOVE
        if gripper.position[2] < height - 0.02:
            self._raise(height, arm)
        self.move_to(x, y, height, yaw, arm)

    def _raise(self, height: float, arm: Arm) -> None:
        x, y, z = self._scene.gripper(arm).position
        self.move_to(x, y, max(height, z), arm=arm)

    def _carrying_height(self, held: Thing, gripper: Gripper) -> float:
        """Return the gripper's height at which what it holds is above all other things."""
        hangs = gripper.position[2] - (held.position[2] - held.size[2] / 2)
        others = [thing.top for thing in self._scene.things.values() if not _is_part(thing, held)]
        return max(others, default=0.0) + _CLEARANCE + hangs

    def _carry(self, name: str, x: float, y: float, z: float | None, turn: float, arm: Arm) -> None:
        """Move so that the thing that is held comes to a place; z None: at the height it has."""
        gripper, centre = self._scene.gripper(arm), self._scene.thing(name).position
        angle = math.radians(turn)
        dx, dy, dz = (g - c for g, c in zip(gripper.position, centre, strict=True))
        across = x + dx * math.cos(angle) - dy * math.sin(angle)
        along = y + dx * math.sin(angle) + dy * math.cos(angle)
        height = gripper.position[2] if z is None else z + dz
        yaw = _half_circle(gripper.yaw + turn) if turn else None
        self.move_to(across, along, height, yaw, arm)

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, Any]]:
        """Return the call that sends a command of the simulator.

        Raises:
            ValueError: no function sends it.
        """
        if match := _MOVE_BOTH.fullmatch(command):
            return "move_both", {arm: _read(match[arm]) for arm in ("right", "left")}
        if match := _MOVE.fullmatch(command):
            names = ("x", "y", "z", "yaw")
            arguments: dict[str, Any] = dict(zip(names, _read(match["place"]), strict=False))
        elif match := _GRIP.fullmatch(command):
            arguments = {}
        elif command == "wait":
            return "wait", {}
        else:
            return super().command_call(command)
        name = match.groupdict().get("name") or "move_to"
        return name, arguments | ({"arm": match["arm"]} if match["arm"] else {})


def _grasp_yaw(thing: Thing, now: float) -> float:
    """Return the yaw at which the fingers fit around a thing, the nearest to the present one.

    Raises:
        ValueError: it is too wide.
    """
    narrow = min(thing.size[0], thing.size[1])
    fits = min(_WIDEST, _ALIKE * narrow)
    turns = [turn for side, turn in ((1, 0.0), (0, 90.0)) if thing.size[side] <= fits]
    if not turns:
        raise ValueError(
            f"{thing.name!r} is too wide for the gripper, which opens to 0.08; grasp a narrower "
            "part of it"
        )
    yaws = [_quarter(thing.yaw + turn - now) for turn in turns]
    return _half_circle(now + min(yaws, key=abs))


def _quarter(angle: float) -> float:
    """Turn an angle into one from -90 to 90 that is the same for a gripper with equal fingers."""
    return (angle + 90) % 180 - 90


def _half_circle(angle: float) -> float:
    """Turn an angle into the same one from -180 to 180."""
    return (angle + 180) % 360 - 180


def _is_part(thing: Thing, whole: Thing) -> bool:
    return thing.name == whole.name or thing.notes.startswith(f"part of the {whole.name}")


def _added(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a + b for a, b in zip(one, other, strict=True)]


def _written(place: Sequence[float]) -> str:
    return " ".join(f"{round(number, 4) + 0.0:g}" for number in place)


def _read(text: str) -> list[float]:
    return [float(number) for number in text.split()]
