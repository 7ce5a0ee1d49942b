"""What the ``alfworld`` package ships: floor plans, containment rules, goals, domain, grammar.

Everything is read from the installed package's files on first use and kept. The package itself is
never imported, because importing it creates a cache folder and sets an environment variable.

Sources, relative to the package: ``gen/constants.py`` (types and rules), ``gen/goal_library.py``
(goals and instructions), ``gen/layouts`` (floor plans), ``data/alfred.pddl`` and
``data/alfred.twl2`` (domain and grammar).
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal

Dialect = Literal["move", "put"]

#: The dialects: ``move X to Y`` (alfworld 0.4 and later) and ``put X in/on Y`` (before).
DIALECTS: tuple[Dialect, ...] = ("move", "put")

#: The task kinds that ALFWorld plays as text, in the order of its ``TASK_TYPES``.
KINDS: tuple[str, ...] = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)

#: Floor plans that no training game uses: ALFRED's validation-unseen scenes (10, 219, 308, 424)
#: and its test-unseen scenes. Holding out both keeps ALFRED's own test scenes unseen too.
HELD_OUT_FLOOR_PLANS: tuple[int, ...] = (9, 10, 29, 215, 219, 226, 308, 315, 325, 404, 424, 425)

#: Side of the grid on which the robot stands, in metres (``AGENT_STEP_SIZE``).
GRID = 0.25


class UnsupportedAlfworldError(RuntimeError):
    """The installed ``alfworld`` package does not read as this module expects."""


@dataclass(frozen=True, slots=True, order=True)
class Pose:
    """Where the robot stands to reach something.

    ``x`` and ``z`` count steps of `GRID` metres, ``turn`` quarter turns clockwise from +z, and
    ``horizon`` the degrees by which the camera looks down.
    """

    x: int
    z: int
    turn: int
    horizon: int

    @property
    def identifier(self) -> str:
        """The name of this location, as ALFRED writes it."""
        return f"loc|{self.x}|{self.z}|{self.turn}|{self.horizon}"


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """One AI2-THOR room as the package describes it."""

    number: int
    room: str
    """``Kitchen``, ``LivingRoom``, ``Bedroom`` or ``Bathroom``."""
    types: tuple[str, ...]
    """Every type of object and receptacle in the room, sorted."""
    receptacles: tuple[tuple[str, Pose], ...]
    """Receptacles with a known position, and where to stand to use each."""
    standing: tuple[tuple[int, int], ...]
    """Grid points that the robot can reach, as ``(x, z)`` in steps of `GRID`."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Types and what may be done with them."""

    object_types: tuple[str, ...]
    """Types declared as objects, sorted. Includes the movable receptacles."""
    receptacle_types: tuple[str, ...]
    """Types of fixed receptacles, sorted."""
    movable_receptacles: frozenset[str]
    contents: Mapping[str, frozenset[str]]
    """Object types that each receptacle type may hold."""
    affordances: Mapping[str, frozenset[str]]
    """Object types by ``Cleanable``, ``Heatable``, ``Coolable``, ``Toggleable``, ``Sliceable``."""
    openable: frozenset[str]
    rooms: Mapping[str, range]
    """Floor plan numbers of each room type."""
    rooms_of_kind: Mapping[str, frozenset[str]]
    """Room types in which each task kind makes sense."""


@dataclass(frozen=True, slots=True)
class GoalTemplate:
    """The goal of one task kind, with holes ``{obj}``, ``{recep}``, ``{toggle}``, ``{mrecep}``."""

    pddl: str
    """The end of a PDDL problem, from ``(:goal`` to the bracket that closes ``(define``."""
    instructions: tuple[str, ...]
    """English forms of the task, lower case."""


def package_folder() -> Path:
    """Return the folder of the installed ``alfworld`` package.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("alfworld")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "generating ALFWorld games needs the package 'alfworld'; install it with: "
            "pip install 'embodied-codeact[alfworld]'"
        )
    return Path(spec.submodule_search_locations[0])


@cache
def load_rules() -> Rules:
    """Read the types and rules of ``gen/constants.py``."""
    constants = _run_file("gen/constants.py")
    movable = frozenset(constants.MOVABLE_RECEPTACLES)
    receptacles = frozenset(constants.RECEPTACLES) - movable
    return Rules(
        object_types=tuple(sorted(set(constants.OBJECTS) - receptacles)),
        receptacle_types=tuple(sorted(receptacles)),
        movable_receptacles=movable,
        contents=_frozen(constants.VAL_RECEPTACLE_OBJECTS),
        affordances=_frozen(constants.VAL_ACTION_OBJECTS),
        openable=frozenset(constants.OPENABLE_CLASS_LIST),
        rooms=dict(constants.SCENE_TYPE),
        rooms_of_kind=_frozen(constants.GOALS_VALID),
    )


@cache
def load_goal(kind: str) -> GoalTemplate:
    """Read the goal of one of `KINDS`, from ``gen/goal_library.py``.

    Types are written with ``#`` there, because ``-`` is spoken for in object names; here they are
    plain PDDL.
    """
    goal = _run_file("gen/goal_library.py").gdict[kind]
    return GoalTemplate(goal["pddl"].replace("#", "-"), tuple(goal["templates"]))


@cache
def load_floor_plan(number: int) -> FloorPlan:
    """Read one floor plan of ``gen/layouts``.

    Raises:
        ValueError: there is no such floor plan.
    """
    room = next((room for room, plans in load_rules().rooms.items() if number in plans), None)
    if room is None:
        raise ValueError(f"there is no floor plan {number}")
    stem = f"gen/layouts/FloorPlan{number}"
    poses = json.loads(_read(f"{stem}-openable.json"))
    return FloorPlan(
        number=number,
        room=room,
        types=tuple(sorted(json.loads(_read(f"{stem}-objects.json")))),
        receptacles=tuple((name, _pose(*poses[name])) for name in sorted(poses)),
        standing=_standing_points(package_folder() / f"{stem}-layout.npy"),
    )


@cache
def load_domain(dialect: Dialect) -> str:
    """Read the PDDL domain of a dialect. ``put`` has no ``help`` action.

    Raises:
        UnsupportedAlfworldError: the package's text changed, so ``put`` cannot be derived.
    """
    text = _read("data/alfred.pddl")
    if dialect == "move":
        return text
    return _without(text, "(:action help\n", "(checked ?a)\n        )\n)\n\n")


@cache
def load_grammar(dialect: Dialect) -> str:
    """Read the TextWorld grammar of a dialect, with ``UNKNOWN GOAL`` for the instruction.

    Raises:
        UnsupportedAlfworldError: the package's text changed, so ``put`` cannot be derived.
    """
    text = _read("data/alfred.twl2")
    if dialect == "move":
        return text
    for old, new, count in _PUT_GRAMMAR:
        text = _replaced(text, old, new, count)
    return _without(text, "\n\naction help {", '    """;\n}')


def type_of(identifier: str) -> str:
    """Return the type of an AI2-THOR identifier.

    >>> type_of("Mug|-00.40|+00.86|-01.53"), type_of("Sink|-00.70|+00.93|-00.65|SinkBasin")
    ('Mug', 'SinkBasin')
    """
    parts = identifier.split("|")
    return parts[-1] if parts[-1].isalpha() else parts[0]


#: (text of the package's grammar, text of the older grammar, times it occurs)
_PUT_GRAMMAR = (
    ('"You arrive at {r.name}. #', '"You arrive at {lend.name}. #', 1),
    ('"You move the {o.name} to the {r.name}."', '"You put the {o.name} in/on the {r.name}."', 1),
    ('template :: "move {o} to {r}";', 'template :: "put {o} in/on {r}";', 2),
)


def _read(name: str) -> str:
    return (package_folder() / name).read_text(encoding="utf-8")


def _run_file(name: str) -> ModuleType:
    """Run one of the package's files by itself, without the package around it."""
    path = package_folder() / name
    spec = importlib.util.spec_from_file_location(f"_alfworld_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UnsupportedAlfworldError(f"{path} cannot be run as Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _frozen(rules: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in rules.items()}


def _pose(x: float, z: float, rotation: float, horizon: float) -> Pose:
    return Pose(round(x / GRID), round(z / GRID), round(rotation / 90) % 4, round(horizon))


def _standing_points(path: Path) -> tuple[tuple[int, int], ...]:
    import numpy as np

    return tuple((round(x / GRID), round(z / GRID)) for x, z in np.load(path).tolist())


def _replaced(text: str, old: str, new: str, count: int) -> str:
    found = text.count(old)
    if found != count:
        raise UnsupportedAlfworldError(
            f"alfworld's text should hold {old!r} {count} times, but does {found} times"
        )
    return text.replace(old, new)


def _without(text: str, start: str, end: str) -> str:
    """Cut the one passage from `start` up to and including the next `end`."""
    _replaced(text, start, "", 1)
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise UnsupportedAlfworldError(f"alfworld's text has no {end!r} after {start!r}")
    return before + after
