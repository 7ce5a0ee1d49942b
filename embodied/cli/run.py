"""`embodied run` and `embodied resume`: play a batch of episodes into a run folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from embodied.cli import options
from embodied.cli.report import print_report
from embodied.config import RunConfig, validated
from embodied.llm.client import LLMClient
from embodied.policies.factory import llm_config
from embodied.registry import environment_class
from embodied.runner.batch import assignments, run_batch, run_protocol
from embodied.runner.progress import RunProgress
from embodied.store import RunStore, open_run
from embodied.trajectory import Trajectory

INFRASTRUCTURE_ERRORS_EXIT_CODE = 3


def run(
    path: options.ConfigFile = None,
    env: options.Env = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    out: options.Out = None,
    ray_address: options.RayAddress = None,
    settings: options.Set = None,
    json: options.Json = False,
) -> None:
    """Play a batch of episodes and report on it. A run that was interrupted is finished.

    Every setting of the configuration is an option: --llm.model NAME, --runner.workers 4.
    """
    config = options.resolve(
        path,
        env=env,
        split=split,
        policy=policy,
        protocol=protocol,
        out=out,
        ray_address=ray_address,
        settings=settings,
    )
    play_run(config)
    finish(config.out, json)


def resume(
    folder: Annotated[Path, typer.Argument(help="The folder of a run that was interrupted.")],
    json: options.Json = False,
) -> None:
    """Finish a run: play the episodes that it lacks, and those with infrastructure errors again."""
    stored = open_run(folder).config
    config = validated(stored, str(folder / "config.yaml"))
    play_run(config.model_copy(update={"out": folder}))
    finish(folder, json)


def play_run(config: RunConfig) -> None:
    """Play what is missing of a run into its folder.

    Raises:
        EmbodiedError: the run cannot start, or cannot go on.
    """
    prepare(config)
    protocol = run_protocol(config)
    with RunStore.create(config.out, protocol, config.model_dump(mode="json")) as store:
        todo = assignments(config, store.finished())
        console = Console(stderr=True)
        console.print(
            f"{len(todo)} episodes of {config.environment.name} by {config.policy.name} "
            f"into {config.out}",
            highlight=False,
            soft_wrap=True,
        )
        with RunProgress(len(todo), console) as progress:

            def write(trajectory: Trajectory) -> None:
                store.append(trajectory)
                progress.add(trajectory)

            try:
                asyncio.run(run_batch(config, todo, write))
            except KeyboardInterrupt:
                print(
                    f"interrupted; finish the run with: embodied resume {config.out}",
                    file=sys.stderr,
                )
                raise typer.Exit(130) from None


def prepare(config: RunConfig) -> None:
    """Do what must stand before the first episode: tasks to generate, a server that answers."""
    if config.generate is not None:
        generate = config.generate
        environment_class(config.environment.name).generate(
            generate.out, generate.count, generate.seed, **generate.options
        )
    if config.policy.name == "llm":
        asyncio.run(_check_server(config))


async def _check_server(config: RunConfig) -> None:
    client = LLMClient(llm_config(config))
    try:
        await client.check()
    finally:
        await client.close()


def finish(folder: Path, json: bool) -> None:
    """Print the report; the exit code says whether infrastructure errors remain."""
    figures = print_report(folder, json)
    if figures.infrastructure_errors:
        print(f"run them again with: embodied resume {folder}", file=sys.stderr)
        raise typer.Exit(INFRASTRUCTURE_ERRORS_EXIT_CODE)
