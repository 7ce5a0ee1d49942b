"""`embodied tasks` and `generate`: list tasks, write new ones and show how they are spread."""

from __future__ import annotations

import json as json_module
from collections.abc import Iterator, Mapping, Sequence
from inspect import getattr_static
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich import box
from rich.table import Table

from embodied.cli import options
from embodied.config.load import load_config
from embodied.environment import Environment
from embodied.errors import ConfigError
from embodied.plugins.registry import environment_class
from embodied.report.table import standard_output
from embodied.runner.tasks import choose_tasks, split_tasks

_CATEGORIES = 12
"""Categories that a table shows; the rest is one line."""


def tasks(
    env: Annotated[str, typer.Argument(help=options.ENVIRONMENT)],
    split: options.Split = None,
    settings: options.Set = None,
    json: options.Json = False,
) -> None:
    """List the tasks of a split: id, type and instruction.

    The settings of `tasks` choose among them:

    \b
      embodied tasks alfworld --split valid_unseen --tasks.limit 5
    """  # noqa: D301 - \b keeps click from filling a paragraph
    config = load_config(None, [{"environment": {"name": env}, "split": split}], settings or [])
    found = choose_tasks(split_tasks(config), config.tasks, config.seed)
    if json:
        print(json_module.dumps([task.model_dump() for task in found], indent=1))
        return
    for task in found:
        print(f"{task.id}\t{task.kind}\t{task.instruction}")
    print(f"{len(found)} tasks")


def generate(
    env: Annotated[str, typer.Argument(help="Environment, e.g. alfworld.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    count: Annotated[int, typer.Option(help="Number of tasks.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tasks.")] = 0,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="Option of the generator; see above."),
    ] = None,
    stats: Annotated[
        bool,
        typer.Option(
            "--stats",
            help="Show how the tasks in the folder are spread, beside the official ones. "
            "With --count 0 nothing is written before.",
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """Write new tasks, the same ones for the same seed.

    Options of alfworld:

    \b
      split=train            or valid_seen (the same floor plans), valid_unseen (12 others)
      kinds=NAME             one task kind, or several: kinds=NAME,NAME
      receptacles=10         receptacles in the room, from 4 up; default: all of them
      distractors=5          portable objects beside the target; default: 1 to 3 of each type
      hidden=0.3             probability that a target starts behind a closed door
      dialect=move           or put: the commands of games made before alfworld 0.4

    More receptacles and distractors, and hidden near 1, make a task harder:

    \b
      embodied generate alfworld --count 100 --out games \\
        --option split=valid_unseen --option hidden=0.8 --option receptacles=10
    """  # noqa: D301 - \b keeps click from filling a paragraph
    kind, given = environment_class(env), _parse_options(option or [])
    if count < 0 or (count == 0 and not stats):
        raise ConfigError(f"--count must be at least 1 (0 only with --stats), not {count}")
    if seed < 0:
        raise ConfigError(f"--seed must be at least 0, not {seed}")
    if stats and getattr_static(kind, "describe_tasks") is vars(Environment)["describe_tasks"]:
        raise ConfigError(f"the environment {env!r} has no statistics of its tasks; omit --stats")
    written = kind.generate(out, count, seed, **given) if count else []
    statistics = kind.describe_tasks(out, **given) if stats else None
    if json:
        record = {"out": str(out), "written": len(written), "statistics": statistics}
        print(json_module.dumps(record, indent=1))
        return
    if written:
        print(f"wrote {len(written)} tasks to {out}")
    if statistics is not None:
        _print_statistics(statistics)


def _parse_options(texts: Sequence[str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise ConfigError(f"--option {text!r} is not of the form NAME=VALUE")
        try:
            given[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            reason = getattr(error, "problem", None) or "it cannot be read"
            raise ConfigError(
                f"--option {text!r}: the value is not valid YAML ({reason}); "
                f"a text with special characters needs quotes, a list looks like [a, b]"
            ) from error
    return given


def _print_statistics(statistics: Mapping[str, Any]) -> None:
    console = standard_output()
    console.print()
    console.print(_table(statistics))
    for note in statistics["notes"]:
        console.print(f"\n{note}", markup=False, highlight=False)


def _table(statistics: Mapping[str, Any]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("")
    for column in statistics["columns"]:
        table.add_column(f"{column['name']}\n{column['tasks']:,} tasks", justify="right")
    for part in statistics["tables"]:
        table.add_row(part["name"], style="bold")
        for name, values in _lines(part["rows"]):
            table.add_row(f"  {name}", *values)
    return table


def _lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Yield a table's rows as text, the less common categories taken together."""
    categories = [row for row in rows if not row["summary"]]
    rare = categories[_CATEGORIES:]
    for row in rows:
        if row not in rare:
            yield row["name"], [_shown(value, row["unit"]) for value in row["values"]]
    if rare:
        totals = [
            sum(value or 0 for value in values)
            for values in zip(*(row["values"] for row in rare), strict=True)
        ]
        yield f"{len(rare)} others", [_shown(total, rare[0]["unit"]) for total in totals]


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if unit == "share" else f"{value:,.4g}"
