"""Furnish a floor plan, and lay out the objects of one generated game in it.

A floor plan has the same furniture in every game: the receptacles that the ``alfworld`` package
gives a position, and others, of types that the package lists without one, at invented places.
Objects are laid out anew for each game, where the package's containment rules allow.

Counts and places that the package does not give (four stove burners, a desk lamp on a desk) follow
what official games look like. One of their oddities is left out: an object there may lie in two
overlapping receptacles at once, and stay in one when it is taken from the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from embodied_envs.alfworld.rules import GRID, FloorPlan, Pose, load_floor_plan, load_rules, type_of


@dataclass(frozen=True, slots=True)
class Receptacle:
    """A fixed receptacle."""

    identifier: str
    pose: Pose
    """Where to stand to use it. Neighbours may share a pose."""
    openable: bool
    """Whether it has a door. It is then closed when the game starts."""

    @property
    def type(self) -> str:
        """The AI2-THOR type, such as ``Mug`` or ``SinkBasin``."""
        return type_of(self.identifier)


@dataclass(frozen=True, slots=True)
class Thing:
    """Anything that is not a fixed receptacle: things to carry, lamps, windows."""

    identifier: str
    pose: Pose | None
    """Where to stand to see it; None for the few types that ALFWorld knows nothing about."""
    receptacle: str | None = None
    """The receptacle it lies in; None on the floor or on a wall."""

    @property
    def type(self) -> str:
        """The AI2-THOR type, such as ``Mug`` or ``SinkBasin``."""
        return type_of(self.identifier)


@dataclass(frozen=True, slots=True)
class Furniture:
    """What is always in a floor plan."""

    receptacles: tuple[Receptacle, ...]
    fixtures: tuple[Thing, ...]
    """Things that cannot be picked up."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The state of the world when a game starts."""

    floor_plan: int
    receptacles: tuple[Receptacle, ...]
    things: tuple[Thing, ...]
    start: Pose
    """Where the robot stands. No receptacle is in reach from there."""


#: Types that hold one object at a time.
ROOM_FOR_ONE = frozenset(
    {"CoffeeMachine", "HandTowelHolder", "StoveBurner", "ToiletPaperHanger", "TowelHolder"}
)

#: Things to carry that stand on the floor, out of reach, as they do in official games.
FLOOR_TYPES = frozenset(
    {"BaseballBat", "BasketBall", "Boots", "Plunger", "ScrubBrush", "TennisRacket"}
)

#: Things to carry that no containment rule knows, so that they cannot be put down again.
_UNRULED_TYPES = frozenset({"Boots", "PaperTowelRoll", "ScrubBrush", "TeddyBear"})

#: Things of which a room has one.
_SINGLE_TYPES = FLOOR_TYPES | {"PaperTowelRoll", "RemoteControl", "TeddyBear", "Towel"}

#: Where things lie that no containment rule knows.
_RESTS_ON = {
    "DeskLamp": ("Desk", "SideTable", "Dresser", "DiningTable", "Shelf"),
    "HousePlant": ("CounterTop", "DiningTable", "CoffeeTable", "SideTable"),
    "PaperTowelRoll": ("CounterTop",),
    "TeddyBear": ("Bed",),
}

#: How much likelier than one drawer a receptacle is to receive an object.
_ATTRACTION = {
    "CounterTop": 6,
    "DiningTable": 6,
    "Fridge": 5,
    "StoveBurner": 5,
    "Bed": 4,
    "CoffeeTable": 4,
    "Desk": 4,
    "Dresser": 3,
    "SinkBasin": 3,
    "Sofa": 3,
    "SideTable": 2,
    "Toilet": 2,
}

#: How many of a type a room has whose positions the package does not give.
_UNPLACED_COUNTS = {"Cabinet": 2, "Drawer": 2, "Shelf": 2, "StoveBurner": 4}

#: How many there are of a fixture; others come singly.
_FIXTURE_COUNTS = {"Blinds": 2, "Chair": 2, "Window": 2}

#: Fixtures that belong to a receptacle, and stand where it does.
_PART_OF = {
    "Bathtub": "BathtubBasin",
    "Faucet": "SinkBasin",
    "LaundryHamperLid": "LaundryHamper",
    "Sink": "SinkBasin",
    "StoveKnob": "StoveBurner",
}

#: Most copies of a type (``MAX_NUM_OF_OBJ_INSTANCES`` of the package).
MAX_COPIES = 3

_HORIZONS = (0, 15, 30, 45, 60)
_START_HORIZON = 30
_AHEAD = {0: (0.0, 1.0), 1: (1.0, 0.0), 2: (0.0, -1.0), 3: (-1.0, 0.0)}


@cache
def portable_types() -> frozenset[str]:
    """Return the types of things that the robot can pick up."""
    rules = load_rules()
    ruled = frozenset[str]().union(*rules.contents.values())
    return (ruled | rules.movable_receptacles | _UNRULED_TYPES) & frozenset(rules.object_types)


@cache
def furnish(number: int) -> Furniture:
    """Furnish a floor plan, the same at every call.

    Raises:
        ValueError: there is no such floor plan.
    """
    plan = load_floor_plan(number)
    builder = _Builder(plan, Random(f"furniture {number}"))
    receptacles = builder.known_receptacles() + builder.invented_receptacles()
    return Furniture(tuple(receptacles), tuple(builder.fixtures(receptacles)))


class Layout:
    """Lays out objects in the receptacles of one game. Every draw comes from one generator."""

    def __init__(self, plan: FloorPlan, receptacles: Iterable[Receptacle], rng: Random) -> None:
        self.receptacles = tuple(receptacles)
        self.things: list[Thing] = []
        self._rng = rng
        self._names = {place.identifier for place in self.receptacles}
        self._counts: Counter[str] = Counter()
        self._floor = _Floor(plan, rng, {place.pose for place in self.receptacles})

    def keep_fixtures(self, fixtures: Iterable[Thing]) -> None:
        """Add the fixtures, except those that stood in a receptacle that this game lacks."""
        for thing in fixtures:
            if thing.receptacle is None or thing.receptacle in self._names:
                self._add(thing)

    def homes(self, kind: str) -> list[Receptacle]:
        """List the receptacles that can take one more object of this type."""
        return [
            place
            for place in self.receptacles
            if _may_lie_in(kind, place.type)
            and not (place.type in ROOM_FOR_ONE and self._counts[place.identifier])
        ]

    def place(self, kind: str, homes: Sequence[Receptacle]) -> None:
        """Put a new object into one of `homes`, rather a large one; nothing if there are none."""
        if homes:
            weights = [_ATTRACTION.get(home.type, 1) for home in homes]
            home = self._rng.choices(homes, weights)[0]
            name = _name_near(kind, home.identifier, self._rng, self._names)
            self._add(Thing(name, home.pose, home.identifier))

    def place_anywhere(self, kind: str) -> None:
        """Put a new object where its type belongs, or leave it out if there is no such place."""
        if kind in FLOOR_TYPES:
            pose = self._floor.new_pose(self._rng.choice(_HORIZONS))
            self._add(Thing(_name_ahead(kind, pose, 0.0, self._rng, self._names), pose))
        else:
            self.place(kind, self.homes(kind))

    def scene(self) -> Scene:
        """Return the finished scene."""
        return Scene(
            floor_plan=self._floor.plan.number,
            receptacles=tuple(sorted(self.receptacles, key=lambda place: place.identifier)),
            things=tuple(sorted(self.things, key=lambda thing: thing.identifier)),
            start=self._floor.new_pose(_START_HORIZON),
        )

    def _add(self, thing: Thing) -> None:
        self.things.append(thing)
        self._names.add(thing.identifier)
        if thing.receptacle is not None:
            self._counts[thing.receptacle] += 1


def copies_of(kind: str, rng: Random) -> int:
    """Draw how many of a type there are in a room, when the goal does not say."""
    return 1 if kind in _SINGLE_TYPES else rng.randint(1, MAX_COPIES)


def keep_some(
    receptacles: Collection[Receptacle],
    needed: Iterable[Callable[[Receptacle], bool]],
    count: int,
    rng: Random,
) -> list[Receptacle]:
    """Choose `count` receptacles, among them one that meets each need. Keeps their order.

    Raises:
        ValueError: the needs alone take more than `count`, or one cannot be met.
    """
    kept: set[str] = set()
    for need in needed:
        kept.add(rng.choice([place.identifier for place in receptacles if need(place)]))
    if len(kept) > count:
        raise ValueError(f"{count} receptacles are too few for a goal that needs {len(kept)}")
    others = [place.identifier for place in receptacles if place.identifier not in kept]
    kept.update(rng.sample(others, min(len(others), count - len(kept))))
    return [place for place in receptacles if place.identifier in kept]


class _Floor:
    """Hands out poses that nothing else has."""

    def __init__(self, plan: FloorPlan, rng: Random, taken: set[Pose]) -> None:
        self.plan = plan
        self._rng = rng
        self._taken = set(taken)

    def new_pose(self, horizon: int) -> Pose:
        while True:
            x, z = self._rng.choice(self.plan.standing)
            pose = Pose(x, z, self._rng.randrange(4), horizon)
            if pose not in self._taken:
                self._taken.add(pose)
                return pose


class _Builder:
    """Furnishes one floor plan."""

    def __init__(self, plan: FloorPlan, rng: Random) -> None:
        self._plan = plan
        self._rng = rng
        self._names = {name for name, _ in plan.receptacles}
        self._floor = _Floor(plan, rng, {pose for _, pose in plan.receptacles})

    def known_receptacles(self) -> list[Receptacle]:
        openable = load_rules().openable
        return [
            Receptacle(name, pose, type_of(name) in openable)
            for name, pose in self._plan.receptacles
        ]

    def invented_receptacles(self) -> list[Receptacle]:
        """Yield receptacles without a known position, and so without doors in ALFRED.

        Cabinets and drawers get up to two such companions even where others are known.
        """
        known = Counter(type_of(name) for name, _ in self._plan.receptacles)
        made: list[Receptacle] = []
        for kind in load_rules().receptacle_types:
            if kind not in self._plan.types:
                continue
            if not known[kind]:
                made += self._some(kind, _UNPLACED_COUNTS.get(kind, 1))
            elif kind in ("Cabinet", "Drawer"):
                made += self._some(kind, self._rng.randint(0, 2))
        return made

    def fixtures(self, receptacles: list[Receptacle]) -> list[Thing]:
        """Yield everything that is neither a fixed receptacle nor portable."""
        rules = load_rules()
        made: list[Thing] = []
        for kind in self._plan.types:
            if kind in rules.receptacle_types or kind in portable_types():
                continue
            made += self._fixture(kind, receptacles)
        return [
            thing if thing.type in rules.object_types else replace(thing, pose=None)
            for thing in made
        ]

    def _some(self, kind: str, count: int) -> list[Receptacle]:
        """Yield new receptacles of one type. Stove burners are reached in pairs."""
        made: list[Receptacle] = []
        for index in range(count):
            if kind == "StoveBurner" and index % 2:
                pose = made[-1].pose
            else:
                pose = self._floor.new_pose(_START_HORIZON)
            height = 0.0 if kind in ("GarbageCan", "LaundryHamper", "Toilet") else 0.9
            name = _name_ahead(kind, pose, height, self._rng, self._names)
            if kind in ("SinkBasin", "BathtubBasin"):
                name = f"{kind.removesuffix('Basin')}{name.removeprefix(kind)}|{kind}"
            self._names.add(name)
            made.append(Receptacle(name, pose, openable=False))
        return made

    def _fixture(self, kind: str, receptacles: list[Receptacle]) -> list[Thing]:
        owners = [place for place in receptacles if place.type == _PART_OF.get(kind)]
        if owners:
            return [self._part(kind, owner) for owner in owners]
        homes = [place for place in receptacles if _may_lie_in(kind, place.type)]
        if homes:
            home = min(homes, key=lambda place: _RESTS_ON[kind].index(place.type))
            return [Thing(self._near(kind, home), home.pose, home.identifier)]
        made: list[Thing] = []
        for _ in range(_FIXTURE_COUNTS.get(kind, 1)):
            pose = self._floor.new_pose(self._rng.choice(_HORIZONS))
            made.append(Thing(_name_ahead(kind, pose, 1.5, self._rng, self._names), pose))
            self._names.add(made[-1].identifier)
        return made

    def _part(self, kind: str, owner: Receptacle) -> Thing:
        stem, _, basin = owner.identifier.rpartition("|")
        if basin == f"{kind}Basin":
            return Thing(stem, owner.pose)
        return Thing(self._near(kind, owner), owner.pose)

    def _near(self, kind: str, place: Receptacle) -> str:
        name = _name_near(kind, place.identifier, self._rng, self._names)
        self._names.add(name)
        return name


def _may_lie_in(kind: str, receptacle_type: str) -> bool:
    if kind in _RESTS_ON:
        return receptacle_type in _RESTS_ON[kind]
    return kind in load_rules().contents.get(receptacle_type, ())


def _name_near(kind: str, place: str, rng: Random, taken: Collection[str]) -> str:
    """Make a new identifier for something in or on `place`."""
    x, y, z = (float(part) for part in place.split("|")[1:4])
    while True:
        name = _name(kind, x + rng.uniform(-0.3, 0.3), y + 0.05, z + rng.uniform(-0.3, 0.3))
        if name not in taken:
            return name


def _name_ahead(kind: str, pose: Pose, height: float, rng: Random, taken: Collection[str]) -> str:
    """Make a new identifier for something between 0.4 m and 0.9 m in front of a pose."""
    ahead_x, ahead_z = _AHEAD[pose.turn]
    while True:
        reach = rng.uniform(0.4, 0.9)
        name = _name(kind, pose.x * GRID + ahead_x * reach, height, pose.z * GRID + ahead_z * reach)
        if name not in taken:
            return name


def _name(kind: str, x: float, y: float, z: float) -> str:
    return "|".join((kind, *(f"{value:+06.2f}" for value in (x, y, z))))
