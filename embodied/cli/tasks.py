"""`embodied tasks`: list the tasks of an environment."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from embodied.cli import options
from embodied.config.load import load_config
from embodied.runner.tasks import choose_tasks, split_tasks


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
