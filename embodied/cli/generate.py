"""`embodied generate`: write new tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from embodied.errors import ConfigError
from embodied.registry import environment_class


def generate(
    env: Annotated[str, typer.Argument(help="Environment, e.g. alfworld.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")],
    count: Annotated[int, typer.Option("--count", help="Number of tasks.")] = 24,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same tasks.")] = 0,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="Option of the generator."),
    ] = None,
) -> None:
    """Write new tasks, the same ones for the same seed."""
    given: dict[str, Any] = {}
    for text in option or []:
        name, separator, value = text.partition("=")
        if not separator:
            raise ConfigError(f"--option {text!r} is not of the form NAME=VALUE")
        given[name] = yaml.safe_load(value)
    paths = environment_class(env).generate(out, count, seed, **given)
    print(f"wrote {len(paths)} tasks to {out}")
