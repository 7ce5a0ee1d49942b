"""What a grid robot remembers: the cells that its views have shown, where it is, what it carries.

A view is the text of `docs/babyai.md`: where the robot faces and what it carries, things with
their places, walls, hidden cells; what it does not name is free floor. Places on the map are
(east, south) of where the episode began.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator

Place = tuple[int, int]
Pose = tuple[Place, str]
"""A place, and the direction that the robot faces there."""

FLOOR, WALL = "floor", "wall"
COMPASS = {"north": (0, -1), "east": (1, 0), "south": (0, 1), "west": (-1, 0)}
TURNS = ("turn right", "turn left")

_SIZE = 7
_CLOCKWISE = tuple(COMPASS)
_VIEW = re.compile(
    r"You face (?P<facing>\w+), carrying (?:nothing|a (?P<carrying>.+))\.\n"
    r"You see: (?P<things>.+)\."
    r"(?:\nWalls: (?P<walls>.+)\.)?"
    r"(?:\nHidden: (?P<hidden>.+)\.)?"
)
_THING = re.compile(r"(?P<name>[a-z ]+) (?P<area>\d.*)")
_AREA = re.compile(
    r"(?:(?P<near>\d)(?: to (?P<far>\d))? forward)?(?:, )?"
    r"(?:(?P<first>\d)(?P<crossing> left)?(?: to (?P<last>\d))? (?P<side>left|right))?"
)


class GridMap:
    """The map of one episode."""

    def __init__(self) -> None:
        self.cells: dict[Place, str] = {}
        """What was last seen in each place: `floor`, `wall`, or a thing such as `red ball`."""
        self.here: Place = (0, 0)
        self.facing = "north"
        self.start_facing: str | None = None
        self.carrying: str | None = None

    def read(self, text: str) -> None:
        """Take in an observation; a text without a view changes nothing."""
        view = _VIEW.search(text)
        if view is None:
            return
        self.facing, self.carrying = view["facing"], view["carrying"]
        self.start_facing = self.start_facing or self.facing
        if text.startswith("You moved forward."):
            self.here = self.ahead()
        self.cells.setdefault(self.here, FLOOR)
        hidden = {(0, 0), *_cells(view["hidden"])}
        named = dict.fromkeys(_cells(view["walls"]), WALL) | dict(_things(view["things"]))
        for forward in range(_SIZE):
            for right in range(-(_SIZE // 2), _SIZE // 2 + 1):
                if (right, forward) not in hidden:
                    place = self._placed(right, forward)
                    self.cells[place] = named.get((right, forward), FLOOR)

    def ahead(self, pose: Pose | None = None) -> Place:
        """Return the place in front of the robot, or of a pose."""
        (x, y), facing = pose or (self.here, self.facing)
        dx, dy = COMPASS[facing]
        return x + dx, y + dy

    def things(self) -> dict[Place, str]:
        """List everything seen that is neither floor nor wall, with its place."""
        return {place: name for place, name in self.cells.items() if name not in (FLOOR, WALL)}

    def can_open(self, name: str) -> bool:
        """Return whether this is a closed door that a toggle opens."""
        color = name.partition(" ")[2].removesuffix(" door")
        return name.endswith(" door") and (
            name.startswith("closed ")
            or (name.startswith("locked ") and self.carrying == f"{color} key")
        )

    def way(
        self, arrived: Callable[[Pose], bool], *, through_things: bool = False
    ) -> list[str] | None:
        """Find the fewest turns and moves to a pose that will do; None where there is no way.

        The way leads over known floor and through doors that can be opened.

        Args:
            arrived: whether a pose will do.
            through_things: as if things that can be carried were not there.
        """
        start = (self.here, self.facing)
        came: dict[Pose, tuple[Pose, str] | None] = {start: None}
        queue = deque([start])
        while queue:
            pose = queue.popleft()
            if arrived(pose):
                return _path(came, pose)
            for command, following in self._moves(pose, through_things):
                if following not in came:
                    came[following] = (pose, command)
                    queue.append(following)
        return None

    def in_the_way(self, arrived: Callable[[Pose], bool]) -> str | None:
        """Return the first thing on the shortest way through things; None without a way."""
        pose = (self.here, self.facing)
        for command in self.way(arrived, through_things=True) or ():
            pose = dict(self._moves(pose, True))[command]
            name = self.cells.get(pose[0], FLOOR)
            if is_portable(name):
                return f"{name} {self.relative(pose[0])}"
        return None

    def relative(self, place: Place) -> str:
        """Describe a place as seen from the robot: `2 forward, 1 left`, `3 back`."""
        (x, y), (dx, dy) = self.here, COMPASS[self.facing]
        east, south = place[0] - x, place[1] - y
        forward, right = east * dx + south * dy, south * dx - east * dy
        parts = []
        if forward:
            parts.append(f"{abs(forward)} {'forward' if forward > 0 else 'back'}")
        if right:
            parts.append(f"{abs(right)} {'right' if right > 0 else 'left'}")
        return ", ".join(parts) or "where you are"

    def first_room(self) -> set[Place]:
        """Return the known places of the room that the episode began in, and the doors of it."""
        room, todo = {(0, 0)}, [(0, 0)]
        while todo:
            for place in neighbours(todo.pop()):
                name = self.cells.get(place, WALL)
                if name == WALL or place in room:
                    continue
                room.add(place)
                if not name.endswith(" door"):
                    todo.append(place)
        return room

    def _placed(self, right: int, forward: int) -> Place:
        (x, y), (dx, dy) = self.here, COMPASS[self.facing]
        return x + forward * dx - right * dy, y + forward * dy + right * dx

    def _moves(self, pose: Pose, through_things: bool) -> Iterator[tuple[str, Pose]]:
        place, facing = pose
        ahead = self.ahead(pose)
        name = self.cells.get(ahead, WALL)
        free = name == FLOOR or name.startswith("open ") or self.can_open(name)
        if free or (through_things and is_portable(name)):
            yield "forward", (ahead, facing)
        turn = _CLOCKWISE.index(facing)
        for command, by in zip(TURNS, (1, -1), strict=True):
            yield command, (place, _CLOCKWISE[(turn + by) % 4])


def is_portable(name: str) -> bool:
    """Return whether this is a thing that can be carried."""
    return name not in (FLOOR, WALL) and not name.endswith(" door")


def neighbours(place: Place) -> list[Place]:
    """Return the four places beside a place."""
    return [(place[0] + dx, place[1] + dy) for dx, dy in COMPASS.values()]


def _path(came: dict[Pose, tuple[Pose, str] | None], pose: Pose) -> list[str]:
    commands = []
    step = came[pose]
    while step is not None:
        pose, command = step
        commands.append(command)
        step = came[pose]
    return commands[::-1]


def _things(text: str) -> Iterator[tuple[Place, str]]:
    for item in text.split("; "):
        thing = _THING.fullmatch(item)
        if thing is not None:
            yield next(_area(thing["area"])), thing["name"]


def _cells(text: str | None) -> Iterator[Place]:
    for item in text.split("; ") if text else ():
        yield from _area(item)


def _area(text: str) -> Iterator[Place]:
    """Read the cells of a place or rectangle in words, as (right, forward) of the robot."""
    area = _AREA.fullmatch(text)
    if area is None:
        raise ValueError(f"{text!r} is no place in a robot's view")
    near = int(area["near"] or 0)
    far = int(area["far"] or near)
    columns = _columns(area)
    for forward in range(near, far + 1):
        for right in columns:
            yield right, forward


def _columns(area: re.Match[str]) -> range:
    if area["first"] is None:
        return range(1)
    sign = -1 if area["side"] == "left" else 1
    first = int(area["first"])
    last = int(area["last"] or first)
    if area["crossing"]:
        return range(-first, last + 1)
    ends = sorted((sign * first, sign * last))
    return range(ends[0], ends[1] + 1)
