"""How games are spread over kinds, rooms, objects and receptacles, beside the official games.

Everything is read from the games' own files: ``traj_data.json`` says what the task is about, the
PDDL problem in ``game.tw-pddl`` what the room holds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

from pydantic import BaseModel

from embodied.errors import DataError
from embodied_envs.alfworld import index
from embodied_envs.alfworld.generate import TRIAL_PREFIX
from embodied_envs.alfworld.generate_options import SPLITS, Split
from embodied_envs.alfworld.pddl.problem import Problem, read_problem
from embodied_envs.alfworld.planner.search import PlanningLimitError, Unsolvable, shortest_plan
from embodied_envs.alfworld.rules import load_rules

MEASURED = 1000
"""How many games of a split are read at most: every n-th. A game takes some milliseconds."""


_HOW = (
    "`alfworld-download` fetches all official games; set ALFWORLD_DATA to the folder that holds "
    "their json_2.1.1."
)


class Column(BaseModel):
    """One of the distributions that stand side by side."""

    name: str
    """`generated` or `official`, and the split."""
    folder: str
    """The data folder."""
    tasks: int
    """Games that the figures are of."""


class Row(BaseModel):
    """One figure in each column."""

    name: str
    unit: Literal["share", "number"]
    """`share`: from 0 to 1; the shares of a table that are not a summary add up to 1."""
    values: list[float | None]
    """By column; None where there is nothing to measure."""
    summary: bool = False
    """About the whole table, and not one of its categories."""


class Table(BaseModel):
    """The figures about one property of the games."""

    name: str
    rows: list[Row]


class TaskStatistics(BaseModel):
    """Distributions side by side, as plain data."""

    columns: list[Column]
    tables: list[Table]
    notes: list[str]
    """Sentences about what is missing or was left out."""


@dataclass(frozen=True, slots=True)
class GameFacts:
    """What is counted of one game."""

    kind: str
    room: str
    """``Kitchen``, ``LivingRoom``, ``Bedroom`` or ``Bathroom``."""
    floor_plan: int
    target: str
    destination: str
    """A receptacle type; empty for ``look_at_obj_in_light``."""
    receptacles: int
    objects: int
    """Things that can be picked up."""
    targets: int
    """Objects of the target's type."""
    hidden_targets: int
    """Those of them that start behind a closed door."""
    plan_length: int | None
    """Commands of a shortest plan; None where none was found."""


def describe_tasks(out: Path, split: Split) -> dict[str, Any]:
    """Compare the generated games of a split below `out` with official ones.

    Official games are those of ``$ALFWORLD_DATA`` in the same split or, where it lacks that, in
    another one. Returns a `TaskStatistics` as plain data.

    Raises:
        DataError: `out` has no generated games of the split.
    """
    data = out.expanduser().resolve()
    task_ids = _task_ids(data, split, generated=True)
    if not task_ids:
        raise DataError(f"there are no generated games of {split} in {data}")
    notes: list[str] = []
    groups = [_measured("generated", data, split, task_ids, notes)]
    groups += _official(split, notes)
    columns = [column for column, _ in groups]
    tables = _tables([games for _, games in groups])
    return TaskStatistics(columns=columns, tables=tables, notes=notes).model_dump()


def read_game(path: Path) -> GameFacts:
    """Count what is in the game of a ``game.tw-pddl``, from that file and its neighbour.

    Raises:
        DataError: a file is missing or does not hold what it should.
    """
    try:
        metadata = json.loads(path.with_name("traj_data.json").read_bytes())
        problem = read_problem(json.loads(path.read_bytes())["pddl_problem"])
        return _facts(metadata, problem)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"cannot read the game {path}: {error!r:.200}") from error


def _facts(metadata: Mapping[str, Any], problem: Problem) -> GameFacts:
    parameters = metadata["pddl_params"]
    target, floor_plan = parameters["object_target"], metadata["scene"]["scene_num"]
    init = frozenset(problem.init)
    target_type = f"{target}Type".lower()
    targets = {fact[1] for fact in init if fact[0] == "objecttype" and fact[2] == target_type}
    return GameFacts(
        kind=metadata["task_type"],
        room=_room(floor_plan),
        floor_plan=floor_plan,
        target=target,
        destination=parameters["parent_target"],
        receptacles=sum(fact[0] == "receptacletype" for fact in init),
        objects=sum(fact[0] == "pickupable" for fact in init),
        targets=len(targets),
        hidden_targets=len(targets & _behind_doors(init)),
        plan_length=_plan_length(problem),
    )


def _room(floor_plan: int) -> str:
    rooms = load_rules().rooms
    return next((room for room, plans in rooms.items() if floor_plan in plans), "unknown")


def _behind_doors(init: frozenset[tuple[str, ...]]) -> set[str]:
    """Return the objects that are in closed receptacles only; some lie in two at a time."""
    homes = [fact[1:] for fact in init if fact[0] == "inreceptacle"]
    closed = {fact[1] for fact in init if fact[0] == "openable" and ("opened", fact[1]) not in init}
    in_reach = {thing for thing, place in homes if place not in closed}
    return {thing for thing, _ in homes} - in_reach


def _plan_length(problem: Problem) -> int | None:
    try:
        return len(shortest_plan(problem))
    except (Unsolvable, PlanningLimitError, ValueError):
        return None


def _official(split: str, notes: list[str]) -> list[tuple[Column, list[GameFacts]]]:
    """Measure the official games; notes how to point to them where there are none."""
    try:
        data = index.data_folder(None)
    except DataError:
        notes.append(f"No official games to compare with: there is no {index.GAMES}. {_HOW}")
        return []
    for candidate in dict.fromkeys((split, *SPLITS)):
        task_ids = _task_ids(data, candidate, generated=False)
        if task_ids:
            if candidate != split:
                notes.append(f"No official games of {split} in {data}, so {candidate}. {_HOW}")
            return [_measured("official", data, candidate, task_ids, notes)]
    notes.append(f"No official games to compare with in {data}. {_HOW}")
    return []


def _task_ids(data: Path, split: str, generated: bool) -> list[str]:
    """List the generated or the official games of a split, which may be missing."""
    if not (data / index.GAMES / split).is_dir():
        return []
    task_ids = [entry.id for entry in index.read_split(data, split).games]
    return [id_ for id_ in task_ids if Path(id_).name.startswith(TRIAL_PREFIX) == generated]


def _measured(
    name: str, data: Path, split: str, task_ids: Sequence[str], notes: list[str]
) -> tuple[Column, list[GameFacts]]:
    """Read games, not more than `MEASURED`, and leave out those that cannot be read."""
    chosen = task_ids[:: max(1, -(-len(task_ids) // MEASURED))]
    games: list[GameFacts] = []
    errors: list[str] = []
    for task_id in chosen:
        try:
            games.append(read_game(index.game_file(data, split, task_id)))
        except DataError as error:
            errors.append(str(error))
    if len(chosen) < len(task_ids):
        notes.append(f"Of {len(task_ids)} {name} games, {len(chosen)} were measured.")
    if errors:
        notes.append(f"{len(errors)} {name} games are left out; the first: {errors[0]}")
    return Column(name=f"{name} ({split})", folder=str(data), tasks=len(games)), games


def _tables(groups: Sequence[list[GameFacts]]) -> list[Table]:
    return [
        _shares("task kind", groups, lambda game: game.kind),
        _shares("room type", groups, lambda game: game.room),
        Table(
            name="floor plan",
            rows=_summary([[str(game.floor_plan) for game in group] for group in groups]),
        ),
        _shares("target object", groups, lambda game: game.target, summary=True),
        _shares(
            "target receptacle (of tasks that have one)",
            groups,
            lambda game: game.destination or None,
            summary=True,
        ),
        _numbers("receptacles in the room", groups, lambda game: game.receptacles),
        _numbers("portable objects in the room", groups, lambda game: game.objects),
        _numbers("commands of a shortest plan", groups, lambda game: game.plan_length),
        Table(name="targets", rows=[_hidden(groups)]),
    ]


def _shares(
    name: str,
    groups: Sequence[list[GameFacts]],
    category: Callable[[GameFacts], str | None],
    summary: bool = False,
) -> Table:
    """Show how the games are spread over categories, the commonest first."""
    found = [[value for game in group if (value := category(game))] for group in groups]
    counts = [Counter(values) for values in found]
    rows = [
        Row(name=value, unit="share", values=[_ratio(c[value], c.total()) for c in counts])
        for value in sorted(set().union(*counts))
    ]
    rows.sort(key=lambda row: -sum(value or 0.0 for value in row.values))
    return Table(name=name, rows=(_summary(found) if summary else []) + rows)


def _summary(found: Sequence[list[str]]) -> list[Row]:
    counts = [Counter(values) for values in found]
    largest = [max(count.values(), default=0) for count in counts]
    totals = [count.total() for count in counts]
    return [
        Row(name="distinct", unit="number", values=[len(c) for c in counts], summary=True),
        Row(
            name="largest share",
            unit="share",
            values=[_ratio(*pair) for pair in zip(largest, totals, strict=True)],
            summary=True,
        ),
    ]


def _numbers(
    name: str, groups: Sequence[list[GameFacts]], number: Callable[[GameFacts], int | None]
) -> Table:
    found = [[value for game in group if (value := number(game)) is not None] for group in groups]
    figures: dict[str, Callable[[list[int]], float]] = {
        "mean": fmean,
        "least": min,
        "median": median,
        "most": max,
    }
    return Table(
        name=name,
        rows=[
            Row(
                name=label,
                unit="number",
                values=[round(figure(values), 2) if values else None for values in found],
                summary=True,
            )
            for label, figure in figures.items()
        ],
    )


def _hidden(groups: Sequence[list[GameFacts]]) -> Row:
    shares = [
        _ratio(sum(game.hidden_targets for game in group), sum(game.targets for game in group))
        for group in groups
    ]
    return Row(name="behind closed doors", unit="share", values=shares, summary=True)


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
