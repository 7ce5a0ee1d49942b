"""The commands: what a text asks the robot to do."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

TEMPLATES = (
    "move_to X Y Z [YAW]",
    "move_to right X Y Z [YAW] left X Y Z [YAW]",
    "open_gripper [right|left|both]",
    "close_gripper [right|left|both]",
    "wait",
)
"""The forms of command. `move_to` takes one arm's name too, or none for the right one."""

_FARTHEST = 2.0
"""Metres from the origin beyond which no arm reaches."""

_NUMBER = r"[-+]?(?:\d{1,6}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,2})?"
_MOTION = re.compile(rf"(?:(?P<arm>right|left)\s+)?(?P<numbers>{_NUMBER}(?:\s+{_NUMBER}){{2,3}})")


class CommandError(ValueError):
    """The text is no command that this robot knows; the message is for the policy."""


@dataclass(frozen=True)
class ArmTarget:
    """Where one gripper is to go."""

    arm: str
    position: tuple[float, float, float]
    yaw: float | None
    """Degrees; None: as it is."""


@dataclass(frozen=True)
class MoveCommand:
    """Move one gripper, or both at a time."""

    targets: tuple[ArmTarget, ...]


@dataclass(frozen=True)
class GripCommand:
    """Open or close grippers."""

    arms: tuple[str, ...]
    close: bool


@dataclass(frozen=True)
class WaitCommand:
    """Let half a second pass."""


Command = MoveCommand | GripCommand | WaitCommand


def parse(text: str, arms: Sequence[str]) -> Command:
    """Read a command.

    Args:
        text: the command.
        arms: the arms that this robot has.

    Raises:
        CommandError: it is no command; says which there are.
    """
    verb, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if verb == "move_to":
        command: MoveCommand | GripCommand = _move(rest)
    elif verb in ("open_gripper", "close_gripper") and rest in ("", "right", "left", "both"):
        sides = tuple(arms) if rest == "both" else (rest or "right",)
        command = GripCommand(sides, verb == "close_gripper")
    elif verb == "wait" and not rest:
        return WaitCommand()
    else:
        raise CommandError(f"There is no such command. Commands are: {'; '.join(TEMPLATES)}.")
    _check_arms(command, arms)
    return command


def _move(text: str) -> MoveCommand:
    targets: list[ArmTarget] = []
    rest = text
    while match := _MOTION.match(rest):
        x, y, z, *yaw = [float(number) for number in match["numbers"].split()]
        _check_reach(x, y, z, *yaw)
        targets.append(ArmTarget(match["arm"] or "right", (x, y, z), yaw[0] if yaw else None))
        rest = rest[match.end() :].strip()
    if rest or not targets or len({target.arm for target in targets}) < len(targets):
        raise CommandError(f"move_to is written so: {TEMPLATES[0]}; or: {TEMPLATES[1]}.")
    return MoveCommand(tuple(targets))


def _check_reach(x: float, y: float, z: float, yaw: float = 0.0) -> None:
    if max(abs(x), abs(y), abs(z)) > _FARTHEST:
        raise CommandError(
            f"The target ({x:g} {y:g} {z:g}) is out of reach. Positions are in metres, within "
            f"{_FARTHEST:g} m of the origin."
        )
    if not math.isfinite(yaw) or abs(yaw) > 360:
        raise CommandError("The yaw is given in degrees, from -360 to 360.")


def _check_arms(command: MoveCommand | GripCommand, arms: Sequence[str]) -> None:
    match command:
        case MoveCommand(targets):
            named = [target.arm for target in targets]
        case GripCommand(sides):
            named = list(sides)
    if absent := [arm for arm in named if arm not in arms]:
        raise CommandError(f"There is no {absent[0]} arm here, only: {', '.join(arms)}.")
