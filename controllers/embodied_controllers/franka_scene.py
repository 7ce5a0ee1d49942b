"""Reads the scene off the observations of the Franka arms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

_NUMBER = r"-?\d+(?:\.\d+)?"
_THREE = rf"{_NUMBER} {_NUMBER} {_NUMBER}"
_THING = re.compile(
    rf"^(?P<name>\w+): position (?P<position>{_THREE})(?:, yaw (?P<yaw>{_NUMBER}))?"
    rf", size (?P<size>{_THREE})(?P<notes>.*)$",
    re.MULTILINE,
)
_GRIPPER = re.compile(
    rf"^(?:(?P<arm>right|left) )?gripper: position (?P<position>{_THREE}), yaw (?P<yaw>{_NUMBER})"
    rf"(?:, open (?P<open>{_NUMBER}), holding (?P<held>.+))?",
    re.MULTILINE,
)
_DIRT = re.compile(r"^dirt: .* at (?P<points>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Thing:
    """One thing that is seen."""

    name: str
    position: list[float]
    size: list[float]
    yaw: float
    notes: str

    @property
    def top(self) -> float:
        """The height of its upper side."""
        return self.position[2] + self.size[2] / 2


@dataclass(frozen=True)
class Gripper:
    """One gripper."""

    position: list[float]
    yaw: float
    open: float | None
    """How far its fingers are apart; None: it has none."""
    held: str | None
    """What it holds."""


@dataclass(frozen=True)
class Scene:
    """All that an observation tells."""

    things: Mapping[str, Thing]
    grippers: Mapping[str, Gripper]
    dirt: list[list[float]]

    @classmethod
    def read(cls, text: str) -> Scene:
        """Read the scene of an observation; empty where it shows none."""
        dirt = _DIRT.search(text)
        points = dirt["points"].split("; ") if dirt else []
        return cls(
            {match["name"]: _thing(match) for match in _THING.finditer(text)},
            {match["arm"] or "right": _gripper(match) for match in _GRIPPER.finditer(text)},
            [_numbers(point) for point in points],
        )

    def thing(self, name: str) -> Thing:
        """Return the thing of a name.

        Raises:
            ValueError: there is none; says which there are.
        """
        if name in self.things:
            return self.things[name]
        close = difflib.get_close_matches(name, self.things, n=1)
        there = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(self.things)}"
        raise ValueError(f"there is no thing called {name!r}; {there}")

    def gripper(self, arm: str) -> Gripper:
        """Return the gripper of an arm.

        Raises:
            ValueError: there is no such arm.
        """
        if arm not in self.grippers:
            raise ValueError(f"there is no {arm} arm here, only: {', '.join(self.grippers)}")
        return self.grippers[arm]


def _thing(match: re.Match[str]) -> Thing:
    return Thing(
        match["name"],
        _numbers(match["position"]),
        _numbers(match["size"]),
        float(match["yaw"] or 0),
        match["notes"].removeprefix(", "),
    )


def _gripper(match: re.Match[str]) -> Gripper:
    held = match["held"]
    return Gripper(
        _numbers(match["position"]),
        float(match["yaw"]),
        float(match["open"]) if match["open"] else None,
        None if held in (None, "nothing") else held.split(" and ")[0],
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split()]
