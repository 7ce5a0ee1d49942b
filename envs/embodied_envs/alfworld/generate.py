"""Make new ALFWorld games from what the ``alfworld`` package ships, without any download.

A game is drawn from a seed and an index, can be solved, and loads in stock ALFWorld:

    write_games(Path("data"), count=600, seed=0)     # then set ALFWORLD_DATA=data

Floor plans, containment rules, goals, domain and grammar are the package's. Where objects lie is
drawn. No official game is read. Every game has been won by its own plan on the native engine.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from embodied.errors import ConfigError, DataError
from embodied_envs.alfworld import generate_text as text
from embodied_envs.alfworld.generate_files import write_file, write_folder
from embodied_envs.alfworld.generate_goal import Goal, draw_goal, goals_for
from embodied_envs.alfworld.generate_options import MIN_RECEPTACLES, SPLITS, GeneratorOptions
from embodied_envs.alfworld.generate_proof import is_won_by
from embodied_envs.alfworld.generate_scene import (
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
from embodied_envs.alfworld.pddl.problem import read_problem
from embodied_envs.alfworld.planner.plan import PlanStep, render
from embodied_envs.alfworld.planner.search import PlanningLimitError, Unsolvable, shortest_plan
from embodied_envs.alfworld.rules import (
    HELD_OUT_FLOOR_PLANS,
    Dialect,
    UnsupportedAlfworldError,
    load_domain,
    load_floor_plan,
    load_grammar,
    load_rules,
)

__all__ = [
    "MIN_PLAN_STEPS",
    "MIN_RECEPTACLES",
    "SPLITS",
    "TRIAL_PREFIX",
    "GeneratedGame",
    "GenerationError",
    "GeneratorOptions",
    "floor_plans",
    "generate_game",
    "write_games",
]

MIN_PLAN_STEPS = 3
"""Games with a shorter plan are not made."""

TRIAL_PREFIX = "trial_G"
"""How the trial of a generated game begins; official ones begin with ``trial_T``."""

_TARGET_COPIES = (1, 2, 3, 4)
_TARGET_WEIGHTS = (4, 3, 2, 1)
_ATTEMPTS = 100


class GenerationError(RuntimeError):
    """No game could be drawn. That is a fault of this module, or of a changed ``alfworld``."""


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
        """Make the contents of ``game.tw-pddl``, with the keys of official games of this dialect.

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
        """Make the contents of ``traj_data.json``."""
        record = text.metadata(self.scene, self.goal, self.plan, self.instruction, self.seed)
        return record | {"task_id": self.trial}


def floor_plans(split: str) -> tuple[int, ...]:
    """List the floor plans of a split. `valid_unseen` shares none with the others."""
    if split == "valid_unseen":
        return HELD_OUT_FLOOR_PLANS
    numbers = (number for room in load_rules().rooms.values() for number in room)
    return tuple(number for number in numbers if number not in HELD_OUT_FLOOR_PLANS)


def generate_game(seed: int, index: int, options: GeneratorOptions | None = None) -> GeneratedGame:
    """Draw game number `index` of a seed.

    Depends on the arguments and the installed ``alfworld`` package only. The dialect changes
    nothing but the words. Indices take turns through ``options.kinds``, and the games of a kind
    through the floor plans of the split. The game is known to be solvable: a plan has been found
    from its PDDL text, and has won it on the native engine.

    Raises:
        ValueError: `seed` or `index` is negative.
        ModuleNotFoundError: the package ``alfworld`` is not installed.
        GenerationError: no game could be drawn.
    """
    options = options or GeneratorOptions()
    split = options.split
    _check_at_least("seed", seed, 0)
    _check_at_least("index", index, 0)
    turn, position = divmod(index, len(options.kinds))
    kind = options.kinds[position]
    plans = _possible_floor_plans(split, kind)
    floor_plan = _dealt(plans, turn, options.kinds, f"{split} {seed} {kind}")
    rng = Random(f"{split} {seed} {index}")
    trial = _trial(seed, index, options)
    for _ in range(_ATTEMPTS):
        goal = draw_goal(floor_plan, kind, plans, rng)
        scene = _draw_scene(goal, floor_plan, options, rng)
        problem = text.problem(f"plan_{trial}", scene, goal)
        instruction = text.instruction(goal, rng)
        game = GeneratedGame(
            trial, seed, goal, scene, options.dialect, instruction, problem, _plan(problem)
        )
        if _is_sound(game):
            return game
    raise GenerationError(f"no {kind} in {_ATTEMPTS} attempts: {split}, {seed=}, {index=}")


def write_games(
    out: Path, count: int, seed: int, options: GeneratorOptions | None = None
) -> list[Path]:
    """Write games 0 to `count` - 1 of a seed, in the folders that ``$ALFWORLD_DATA`` has.

    That is ``json_2.1.1/<split>/<task>/<trial>/`` with ``game.tw-pddl`` and ``traj_data.json``, and
    ``logic/`` with domain and grammar. Games appear whole or not at all. Writing the same games
    again changes nothing.

    Returns:
        The paths of the ``game.tw-pddl`` files, by index.

    Raises:
        ConfigError: `count` is below 1, `seed` is negative, or the package is missing.
        DataError: a game cannot be written, for example because the disk is full. Games written
            before it stay.
    """
    options = options or GeneratorOptions()
    try:
        _check_at_least("count", count, 1)
        return _write_games(out, count, seed, options)
    except (ValueError, ModuleNotFoundError, UnsupportedAlfworldError) as error:
        raise ConfigError(f"cannot generate games: {error}") from error
    except OSError as error:
        raise DataError(error.strerror or str(error)) from error


def _write_games(out: Path, count: int, seed: int, options: GeneratorOptions) -> list[Path]:
    root = out / "json_2.1.1" / options.split
    paths = []
    for index in range(count):
        game = generate_game(seed, index, options)
        files = {"game.tw-pddl": game.game_data(), "traj_data.json": game.metadata()}
        folder = root / game.task / game.trial
        write_folder(folder, {name: json.dumps(data) for name, data in files.items()}, out)
        paths.append(folder / "game.tw-pddl")
    write_file(out / "logic" / "alfred.pddl", load_domain(options.dialect))
    write_file(out / "logic" / "alfred.twl2", load_grammar(options.dialect))
    return paths


def _check_at_least(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")


def _possible_floor_plans(split: str, kind: str) -> tuple[int, ...]:
    return tuple(number for number in floor_plans(split) if goals_for(number, kind))


def _dealt(plans: tuple[int, ...], turn: int, kinds: tuple[str, ...], seed: str) -> int:
    """Deal the floor plan of a turn, as from a pack of cards, shuffled anew when dealt out.

    A pack has as many cards as there are floor plans. It holds those where few of the kinds are
    possible the more often, because the others come up for their other kinds, too.
    """
    deal, position = divmod(turn, len(plans))
    rng = Random(f"{seed} {deal}")
    order = rng.sample(plans, len(plans))
    shares = list(accumulate(1 / _kinds_possible(number, kinds) for number in order))
    cards = rng.sample(range(len(plans)), len(plans))
    mark = (cards[position] + rng.random()) / len(plans) * shares[-1]
    return order[min(bisect(shares, mark), len(plans) - 1)]


@cache
def _kinds_possible(floor_plan: int, kinds: tuple[str, ...]) -> int:
    return sum(bool(goals_for(floor_plan, kind)) for kind in kinds)


def _is_sound(game: GeneratedGame) -> bool:
    """Return whether the game is long enough, and its plan wins it on the native engine."""
    return len(game.plan) >= MIN_PLAN_STEPS and is_won_by(game.game_data(), game.walkthrough)


def _plan(problem: str) -> tuple[PlanStep, ...]:
    """Find a shortest plan; empty if there is none to be had, or none is needed."""
    try:
        return tuple(shortest_plan(read_problem(problem)))
    except (Unsolvable, PlanningLimitError):
        return ()


def _draw_scene(goal: Goal, floor_plan: int, options: GeneratorOptions, rng: Random) -> Scene:
    """Draw a scene for a goal, which is not yet known to be solvable."""
    furniture = furnish(floor_plan)
    receptacles = furniture.receptacles
    if options.receptacles is not None:
        receptacles = tuple(_fewer(receptacles, goal, options.receptacles, floor_plan, rng))
    layout = Layout(load_floor_plan(floor_plan), receptacles, rng)
    layout.keep_fixtures(furniture.fixtures)
    _place_targets(layout, goal, options.hidden, rng)
    for distractor in _distractors(floor_plan, goal, options.distractors, rng):
        layout.place_anywhere(distractor)
    return layout.scene()


def _fewer(
    receptacles: tuple[Receptacle, ...], goal: Goal, count: int, floor_plan: int, rng: Random
) -> list[Receptacle]:
    """Choose `count` receptacles, with those that the goal cannot do without."""
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


def _trial(seed: int, index: int, options: GeneratorOptions) -> str:
    split, *others = dict(options).values()
    digest = hashlib.sha256(repr((split, tuple(others))).encode()).hexdigest()
    return f"{TRIAL_PREFIX}{seed}_{index:06}_{digest[:8]}"
