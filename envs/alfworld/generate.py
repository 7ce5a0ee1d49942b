"""Make new ALFWorld games from what the ``alfworld`` package ships, without any download.

A game is drawn from a seed and an index, can be solved, and loads in stock ALFWorld:

    write_games(Path("data"), count=600, seed=0)     # then set ALFWORLD_DATA=data

Floor plans, containment rules, goals, domain and grammar are the package's. Where objects lie is
drawn. No official game is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random
from typing import Any

from envs.alfworld import generate_text as text
from envs.alfworld.generate_goal import Goal, goals_for
from envs.alfworld.generate_scene import (
    FLOOR_TYPES,
    MAX_COPIES,
    Layout,
    Receptacle,
    Scene,
    copies_of,
    furnish,
    keep_some,
    portable_types,
)
from envs.alfworld.pddl import read_problem
from envs.alfworld.planner import (
    PlanningLimitError,
    PlanStep,
    Unsolvable,
    render,
    shortest_plan,
)
from envs.alfworld.rules import (
    DIALECTS,
    HELD_OUT_FLOOR_PLANS,
    KINDS,
    Dialect,
    load_domain,
    load_floor_plan,
    load_grammar,
    load_rules,
)

SPLITS = ("train", "valid_seen", "valid_unseen")
"""``valid_seen`` has the floor plans of ``train``; ``valid_unseen`` has `HELD_OUT_FLOOR_PLANS`."""

MIN_RECEPTACLES = 4
"""A goal needs up to three receptacles, and there should be one more to look into."""

MIN_PLAN_STEPS = 3
"""Games with a shorter plan are not made."""

_TARGET_COPIES = (1, 2, 3, 4)
_TARGET_WEIGHTS = (4, 3, 2, 1)
_ATTEMPTS = 100


class GenerationError(RuntimeError):
    """No game could be drawn. That is a fault of this module, or of a changed ``alfworld``."""


@dataclass(frozen=True)
class GeneratorOptions:
    """What the games are like.

    Raises:
        ValueError: a value is outside its range.
    """

    dialect: Dialect = "move"
    """``move`` (``move X to Y``, alfworld 0.4 and later) or ``put`` (``put X in/on Y``, before)."""
    kinds: tuple[str, ...] = KINDS
    """The task kinds, which take turns by index."""
    receptacles: int | None = None
    """How many receptacles a room has, at least `MIN_RECEPTACLES`. None, or more than its floor
    plan has: all of them (6 to 55)."""
    distractors: int | None = None
    """How many portable things there are besides those of the target's type, fewer where the room
    cannot hold them. None: each type of the floor plan, in one to three copies."""
    hidden: float = 0.3
    """The probability that a target starts behind a closed door, in rooms where it can."""

    def __post_init__(self) -> None:
        _check_one_of("dialect", self.dialect, DIALECTS)
        if isinstance(self.kinds, str) or not self.kinds:
            raise ValueError(f"kinds must name at least one of {', '.join(KINDS)}")
        object.__setattr__(self, "kinds", tuple(self.kinds))
        for kind in self.kinds:
            _check_one_of("kinds", kind, KINDS)
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError(f"kinds must not repeat: {', '.join(self.kinds)}")
        if self.receptacles is not None:
            _check_at_least("receptacles", self.receptacles, MIN_RECEPTACLES)
        if self.distractors is not None:
            _check_at_least("distractors", self.distractors, 0)
        if not 0 <= self.hidden <= 1:
            raise ValueError(f"hidden must be from 0 to 1, not {self.hidden!r}")
        object.__setattr__(self, "hidden", float(self.hidden))


@dataclass(frozen=True)
class GeneratedGame:
    """One game, not yet written."""

    trial: str
    """Identifies seed, index, split and options."""
    seed: int
    goal: Goal
    scene: Scene
    dialect: Dialect
    instruction: str
    """The task in English, lower case and without a full stop."""
    problem: str
    """The PDDL problem."""
    plan: tuple[PlanStep, ...]
    """A shortest plan."""

    @property
    def kind(self) -> str:
        """The task kind, one of `KINDS`."""
        return self.goal.kind

    @property
    def task(self) -> str:
        """The name of the task folder, such as ``pick_and_place_simple-Mug-None-Desk-308``."""
        goal = self.goal
        end = goal.destination or goal.lamp
        return f"{goal.kind}-{goal.target}-None-{end}-{self.scene.floor_plan}"

    @property
    def walkthrough(self) -> list[str]:
        """The text commands of `plan`, which win the game."""
        return render(self.plan, text.display_names_of(self.scene), self.dialect)

    def game_data(self) -> dict[str, Any]:
        """The contents of ``game.tw-pddl``, with the keys of official games of the same dialect.

        ``alfworld-generate`` adds ``walkthrough`` since 0.4; older games have none.
        """
        grammar = load_grammar(self.dialect).replace("UNKNOWN GOAL", self.instruction)
        data = {
            "pddl_domain": load_domain(self.dialect),
            "grammar": grammar,
            "pddl_problem": self.problem,
            "solvable": True,
        }
        return data if self.dialect == "put" else data | {"walkthrough": self.walkthrough}

    def metadata(self) -> dict[str, Any]:
        """The contents of ``traj_data.json``."""
        record = text.metadata(self.scene, self.goal, self.plan, self.instruction, self.seed)
        return record | {"task_id": self.trial}


def floor_plans(split: str) -> tuple[int, ...]:
    """The floor plans of a split. ``valid_unseen`` shares none with the others.

    Raises:
        ValueError: there is no such split.
    """
    _check_one_of("split", split, SPLITS)
    if split == "valid_unseen":
        return HELD_OUT_FLOOR_PLANS
    numbers = (number for room in load_rules().rooms.values() for number in room)
    return tuple(number for number in numbers if number not in HELD_OUT_FLOOR_PLANS)


def generate_game(
    seed: int,
    index: int,
    options: GeneratorOptions | None = None,
    split: str = "train",
) -> GeneratedGame:
    """Draw game number `index` of a seed.

    Depends on the arguments and the installed ``alfworld`` package only. The dialect changes
    nothing but the words. Indices take turns through ``options.kinds``. The game is known to be
    solvable, because a plan has been found from its PDDL text.

    Raises:
        ValueError: `seed` or `index` is negative, or there is no such split.
        ModuleNotFoundError: the package ``alfworld`` is not installed.
        GenerationError: no game could be drawn.
    """
    options = options or GeneratorOptions()
    _check_at_least("seed", seed, 0)
    _check_at_least("index", index, 0)
    kind = options.kinds[index % len(options.kinds)]
    plans = [number for number in floor_plans(split) if goals_for(number, kind)]
    rng = Random(f"{split} {seed} {index}")
    trial = _trial(seed, index, options, split)
    for _ in range(_ATTEMPTS):
        goal, scene = _draw(kind, rng.choice(plans), options, rng)
        problem = text.problem(f"plan_{trial}", scene, goal)
        plan = _plan(problem)
        if len(plan) >= MIN_PLAN_STEPS:
            instruction = text.instruction(goal, rng)
            return GeneratedGame(
                trial, seed, goal, scene, options.dialect, instruction, problem, plan
            )
    raise GenerationError(f"no {kind} in {_ATTEMPTS} attempts: {split}, {seed=}, {index=}")


def write_games(
    out: Path,
    count: int,
    seed: int,
    split: str = "train",
    options: GeneratorOptions | None = None,
) -> list[Path]:
    """Write games 0 to `count` - 1 of a seed, in the folders that ``$ALFWORLD_DATA`` has.

    That is ``json_2.1.1/<split>/<task>/<trial>/`` with ``game.tw-pddl`` and ``traj_data.json``, and
    ``logic/`` with domain and grammar. Games appear whole or not at all. Writing the same games
    again changes nothing.

    Returns:
        The paths of the ``game.tw-pddl`` files, by index.

    Raises:
        ValueError: `count` is below 1, `seed` is negative, or there is no such split.
        OSError: a game cannot be written, for example because the disk is full. Games written
            before it stay.
    """
    options = options or GeneratorOptions()
    _check_at_least("count", count, 1)
    games = (generate_game(seed, index, options, split) for index in range(count))
    root = out / "json_2.1.1" / split
    paths = []
    for game in games:
        files = {"game.tw-pddl": game.game_data(), "traj_data.json": game.metadata()}
        folder = root / game.task / game.trial
        _write_folder(folder, {name: json.dumps(data) for name, data in files.items()}, out)
        paths.append(folder / "game.tw-pddl")
    _write_file(out / "logic" / "alfred.pddl", load_domain(options.dialect))
    _write_file(out / "logic" / "alfred.twl2", load_grammar(options.dialect))
    return paths


def _plan(problem: str) -> tuple[PlanStep, ...]:
    """A shortest plan; empty if there is none to be had, or none is needed."""
    try:
        return tuple(shortest_plan(read_problem(problem)))
    except (Unsolvable, PlanningLimitError):
        return ()


def _draw(kind: str, floor_plan: int, options: GeneratorOptions, rng: Random) -> tuple[Goal, Scene]:
    """A goal and a scene for it, which is not yet known to be solvable."""
    goals = goals_for(floor_plan, kind)
    target = rng.choice(sorted({goal.target for goal in goals}))
    goal = rng.choice([goal for goal in goals if goal.target == target])
    furniture = furnish(floor_plan)
    receptacles = furniture.receptacles
    if options.receptacles is not None:
        receptacles = tuple(_fewer(receptacles, goal, options.receptacles, floor_plan, rng))
    layout = Layout(load_floor_plan(floor_plan), receptacles, rng)
    layout.keep_fixtures(furniture.fixtures)
    _place_targets(layout, goal, options.hidden, rng)
    for distractor in _distractors(floor_plan, goal, options.distractors, rng):
        layout.place_anywhere(distractor)
    return goal, layout.scene()


def _fewer(
    receptacles: tuple[Receptacle, ...], goal: Goal, count: int, floor_plan: int, rng: Random
) -> list[Receptacle]:
    """`count` receptacles, with those that the goal cannot do without."""
    contents = load_rules().contents
    lit = {t.receptacle for t in furnish(floor_plan).fixtures if t.type == goal.lamp}
    needs = [
        lambda place: goal.target in contents.get(place.type, ()) and goal.may_start_in(place.type),
        lambda place: place.identifier in lit if goal.lamp else place.type == goal.destination,
    ]
    treatment = goal.treatment
    if treatment is not None:
        needs.append(lambda place: place.type == treatment.appliance)
    return keep_some(receptacles, needs, count, rng)


def _place_targets(layout: Layout, goal: Goal, hidden: float, rng: Random) -> None:
    """Lay out the objects of the target's type, as far as there is room."""
    (copies,) = rng.choices(_TARGET_COPIES[goal.wanted - 1 :], _TARGET_WEIGHTS[goal.wanted - 1 :])
    for _ in range(copies):
        behind_door = rng.random() < hidden
        homes = [home for home in layout.homes(goal.target) if goal.may_start_in(home.type)]
        layout.place(goal.target, [h for h in homes if h.openable == behind_door] or homes)


def _distractors(floor_plan: int, goal: Goal, count: int | None, rng: Random) -> list[str]:
    types = sorted(portable_types() & set(load_floor_plan(floor_plan).types) - {goal.target})
    if count is None:
        return [kind for kind in types for _ in range(copies_of(kind, rng))]
    within_reach = [kind for kind in types if kind not in FLOOR_TYPES]
    pool = within_reach * MAX_COPIES
    return rng.sample(pool, min(count, len(pool)))


def _trial(seed: int, index: int, options: GeneratorOptions, split: str) -> str:
    digest = hashlib.sha256(repr((split, astuple(options))).encode()).hexdigest()
    return f"trial_G{seed}_{index:06}_{digest[:8]}"


def _write_folder(folder: Path, files: Mapping[str, str], scratch: Path) -> None:
    """Make `folder` hold exactly these files, at once.

    They are written to a new folder in `scratch`, on the same disk, which then takes its place.
    """
    with _explained(folder):
        if _holds(folder, files):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=scratch) as new:
            filled, replaced = Path(new, "filled"), Path(new, "replaced")
            filled.mkdir()
            for name, content in files.items():
                _write_through(filled / name, content)
            if folder.exists():
                folder.rename(replaced)
            filled.rename(folder)


def _write_file(path: Path, content: str) -> None:
    """Make `path` hold this text, at once."""
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=path.parent) as new:
            filled = Path(new, path.name)
            _write_through(filled, content)
            filled.replace(path)


def _write_through(path: Path, content: str) -> None:
    """Write a file as far as the disk, so that a full one is noticed here."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _holds(folder: Path, files: Mapping[str, str]) -> bool:
    if not folder.is_dir() or {path.name for path in folder.iterdir()} != set(files):
        return False
    return all((folder / name).read_bytes() == content.encode() for name, content in files.items())


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what could not be written when the operating system refuses."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"cannot write {path}: {error.strerror}") from error


def _check_one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; not {value!r}")


def _check_at_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")
