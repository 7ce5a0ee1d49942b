"""`embodied run` and `embodied resume`: play a batch of episodes into a run folder."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.prompt import Confirm

from embodied.cli import options, output
from embodied.cli.report import report
from embodied.config.schema import RunConfig
from embodied.errors import RunError
from embodied.runs import Run, stored_config
from embodied.runs import run as play
from embodied.store import RunReader
from embodied.store.layout import delete_run, is_run, prepare_folder

INFRASTRUCTURE_ERRORS_EXIT_CODE = 3


def run(
    path: options.ConfigFile = None,
    env: options.Env = None,
    goal: options.Goal = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    action: options.Action = None,
    interpreter: options.Interpreter = None,
    seed: options.Seed = None,
    out: options.Out = None,
    ray_address: options.RayAddress = None,
    allow_unconfined: options.AllowUnconfined = False,
    settings: options.Set = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Replace the run in the folder, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Replace it without asking.")] = False,
    json: options.Json = False,
) -> None:
    """Play a batch of episodes and report on it. A run that was interrupted is finished.

    Every setting of the configuration is an option: --llm.model NAME, --runner.workers 4.

    \b
      embodied run quickstart
      embodied run --env alfworld --split valid_unseen --policy expert --tasks.limit 20
      embodied run --env alfworld --policy llm --llm.model Qwen/Qwen3-8B --out runs/qwen
      embodied run --env alfworld --tasks.sample 60 --seed 1 --out runs/sample
      embodied run --env mcp:http://127.0.0.1:9000/mcp --goal goal.py:is_done --policy llm
    """  # noqa: D301 - \b keeps click from filling a paragraph
    if allow_unconfined:
        settings = [*(settings or []), "runner.allow_unconfined=true"]
    config = options.resolve(
        path,
        env=env,
        goal=goal,
        split=split,
        policy=policy,
        protocol=protocol,
        action=action,
        interpreter=interpreter,
        seed=seed,
        out=out,
        ray_address=ray_address,
        settings=settings,
    )
    if fresh:
        replace_run(config.out, sure=yes)
    play_run(config)
    finish(config.out, json)


def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of a run that was interrupted.")],
    settings: options.Set = None,
    json: options.Json = False,
) -> None:
    """Finish a run: play the episodes that it lacks, and those with infrastructure errors again.

    Settings of `runner`, and how the LLM server is reached, may be changed:

    \b
      embodied resume runs/quickstart
      embodied resume runs/qwen --runner.workers 4 --llm.base_url http://other:8000/v1
    """  # noqa: D301 - \b keeps click from filling a paragraph
    play_run(stored_config(folder, {}, settings or []))
    finish(folder, json)


def replace_run(folder: Path, *, sure: bool) -> None:
    """Delete the run in a folder, if there is one, after asking.

    Args:
        folder: where a new run is to be.
        sure: whether to delete without asking.

    Raises:
        RunError: the folder holds something else than a run, or the answer was no.
    """
    prepare_folder(folder)
    if not is_run(folder):
        return
    if not sure:
        episodes = len(RunReader(folder).finished())
        question = f"Delete the run in {escape(str(folder))} with {episodes:,} episodes?"
        console = Console(stderr=True, soft_wrap=True)
        with contextlib.suppress(EOFError):
            sure = Confirm.ask(question, console=console, default=False)
    if not sure:
        raise RunError(
            f"the run in {folder} is kept; choose another folder with --out, or delete the run "
            "without being asked with --yes"
        )
    delete_run(folder)


def play_run(config: RunConfig) -> Run:
    """Play what is missing of a run into its folder, and say how to go on if that is interrupted.

    Raises:
        EmbodiedError: the run cannot start, or cannot go on.
    """
    try:
        return play(config, progress=output.shows_progress())
    except KeyboardInterrupt:
        again = f"; finish the run with: embodied resume {config.out}" if is_run(config.out) else ""
        print(f"interrupted{again}", file=sys.stderr)
        raise typer.Exit(130) from None


def finish(folder: Path, json: bool) -> None:
    """Print the report; the exit code says whether infrastructure errors remain."""
    figures = report(folder, json)
    if figures.infrastructure_errors:
        print(f"run them again with: embodied resume {folder}", file=sys.stderr)
        raise typer.Exit(INFRASTRUCTURE_ERRORS_EXIT_CODE)
