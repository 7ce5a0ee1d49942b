"""A robot whose actions return and take values of every kind of type."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import Enum, Flag, IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from embodied import Controller, Handle, action


class Gait(Enum):
    WALK = "walk"
    RUN = "run"
    THIRD = 3
    STROLL = "walk"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


class Status(Flag):
    READY = 1
    HOT = 2


@dataclass
class Pose:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    row: int
    column: int


class Goal(BaseModel):
    title: str
    pose: Pose
    gait: Gait = Gait.RUN
    then: Goal | None = None


class Pair(NamedTuple):
    count: int
    cell: Cell


class Grasp(Handle):
    def __init__(self, strength: int) -> None:
        self.strength = strength


class Surveyor(Controller):
    """Looks at things and goes to them."""

    grasp = Grasp(4)

    @action
    def pose(self, x: float = 1.0) -> Pose:
        """Where the robot is."""
        return Pose(x, 2.0, ["a"])

    @action
    def goal(self) -> Goal:
        """What it is to do, and then."""
        then = Goal(title="u", pose=Pose(2.0), gait=Gait.WALK)
        return Goal(title="t", pose=Pose(1.0), then=then)

    @action
    def follow(self, goal: Goal) -> str:
        """Follow a goal."""
        return repr(goal)

    @action
    def move(self, pose: Pose, gait: Gait = Gait.WALK, level: Level = Level.LOW) -> str:
        """Move."""
        return f"{pose} {gait} {level!r}"

    @action
    def signal(self, color: Color, status: Status) -> str:
        """Signal."""
        return f"{color!r} {status!r}"

    @action
    def gait(self) -> Gait:
        """How it goes."""
        return Gait.RUN

    @action
    def settings(self) -> tuple[Level, Color, Status]:
        """How it is set."""
        return Level.HIGH, Color.RED, Status.READY | Status.HOT

    @action
    def cells(self) -> set[Cell]:
        """Where things are."""
        return {Cell(1, 2)}

    @action
    def poses(self) -> dict[Cell, Pose]:
        """Where cells are."""
        return {Cell(1, 2): Pose(3.0)}

    @action
    def visits(self, cells: set[Cell]) -> str:
        """Visit cells."""
        return repr(cells)

    @action
    def gaits(self) -> dict[Gait, int]:
        """How it may go, and how fast."""
        return {Gait.RUN: 3}

    @action
    def pair(self, given: Pair | None = None) -> Pair:
        """A pair."""
        return given or Pair(1, Cell(2, 3))

    @action
    def times(self, at: datetime | None = None) -> tuple[datetime, timedelta, date]:
        """Times."""
        start = at or datetime(2020, 1, 2, 3, tzinfo=timezone.utc)  # noqa: UP017 - as it is shown
        return start, timedelta(days=-1, seconds=5), date(2020, 1, 2)

    @action
    def file(self) -> Path:
        """A file."""
        return Path("/a/b")

    @action
    def find(self) -> Grasp:
        """Find how to take something."""
        return self.grasp

    @action
    def take(self, grasp: Grasp) -> int:
        """Take it."""
        assert grasp is self.grasp
        return grasp.strength

    @action
    def anything(self) -> Any:
        """Something that no signature names."""
        return {"of": date(2020, 1, 2), "at": (Pose(1.0),), "no": Unnamed(7)}


@dataclass
class Unnamed:
    value: int
