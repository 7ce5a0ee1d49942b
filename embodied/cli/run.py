"""`embodied run` and `embodied resume`: play a batch of episodes into a run folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from embodied.cli import options, output
from embodied.cli.report import print_report
from embodied.config.load import with_changes
from embodied.config.schema import RunConfig
from embodied.errors import ConfigError
from embodied.policies.human import show_end
from embodied.runner.batch import assignments, data_version, run_batch, run_protocol
from embodied.runner.plan import check_servers, prepare
from embodied.runner.progress import RunProgress
from embodied.runner.worker import Assignment
from embodied.store import RunStore, StoredEpisode, open_run
from embodied.store.layout import is_run

INFRASTRUCTURE_ERRORS_EXIT_CODE = 3

RESUME_SETTINGS = (
    "runner",
    "llm.base_url",
    "llm.api_key_environment",
    "llm.connect_seconds",
    "llm.answer_seconds",
    "llm.retries",
    "llm.outage_seconds",
    "llm.max_concurrency",
    "llm.cache",
)
"""What may change when a run is resumed: where and how it is played, not what."""


def run(
    path: options.ConfigFile = None,
    env: options.Env = None,
    split: options.Split = None,
    policy: options.PolicyName = None,
    protocol: options.ProtocolName = None,
    action: options.Action = None,
    interpreter: options.Interpreter = None,
    out: options.Out = None,
    ray_address: options.RayAddress = None,
    allow_unconfined: options.AllowUnconfined = False,
    settings: options.Set = None,
    json: options.Json = False,
) -> None:
    """Play a batch of episodes and report on it. A run that was interrupted is finished.

    Every setting of the configuration is an option: --llm.model NAME, --runner.workers 4.

    \b
      embodied run quickstart
      embodied run --env alfworld --split valid_unseen --policy expert --tasks.limit 20
      embodied run --env alfworld --policy llm --llm.model Qwen/Qwen3-8B --out runs/qwen
    """  # noqa: D301 - \b keeps click from filling a paragraph
    if allow_unconfined:
        settings = [*(settings or []), "runner.allow_unconfined=true"]
    config = options.resolve(
        path,
        env=env,
        split=split,
        policy=policy,
        protocol=protocol,
        action=action,
        interpreter=interpreter,
        out=out,
        ray_address=ray_address,
        settings=settings,
    )
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
    names = [text.partition("=")[0].strip() for text in settings or []]
    _check_resumable(names)
    stored = open_run(folder).config
    config = with_changes(stored, str(folder / "config.yaml"), assignments=settings or [])
    _check_key_name(config, folder, names)
    play_run(config.model_copy(update={"out": folder}))
    finish(folder, json)


def _check_resumable(names: list[str]) -> None:
    for name in names:
        if not any(f"{name}.".startswith(f"{known}.") for known in RESUME_SETTINGS):
            raise ConfigError(
                f"{name} cannot be changed when a run is resumed; these can: runner.*, "
                f"{', '.join(RESUME_SETTINGS[1:])}. For anything else start another run"
            )


def _check_key_name(config: RunConfig, folder: Path, names: list[str]) -> None:
    """Refuse a stored name that would send another secret than an API key to the stored server."""
    setting = "llm.api_key_environment"
    if config.llm is None or setting in names:
        return
    name = config.llm.api_key_environment
    if not name.endswith("_API_KEY"):
        raise ConfigError(
            f"{folder / 'config.yaml'} would send the variable {name} to {config.llm.base_url} as "
            f"an API key; if that is meant, add --{setting} {name}"
        )


def play_run(config: RunConfig) -> None:
    """Play what is missing of a run into its folder.

    Raises:
        EmbodiedError: the run cannot start, or cannot go on.
    """
    folder = config.out
    config = prepare(config)
    protocol = run_protocol(config, data_version(config))
    if assignments(config, _finished(config.out)):
        asyncio.run(check_servers(config))
    try:
        with RunStore.create(config.out, protocol, config.model_dump(mode="json")) as store:
            todo = assignments(config, store.finished())
            _play(config, todo, store, folder)
    except KeyboardInterrupt:
        print(f"interrupted; finish the run with: embodied resume {folder}", file=sys.stderr)
        raise typer.Exit(130) from None


def _play(config: RunConfig, todo: list[Assignment], store: RunStore, folder: Path) -> None:
    console = output.progress_console()
    console.print(
        f"{len(todo)} episodes of {config.environment.name} by {config.policy.name} into {folder}",
        highlight=False,
        soft_wrap=True,
    )
    if not todo:
        return
    human = config.policy.name == "human"
    with RunProgress(len(todo), console, live=not human) as progress:

        def write(episode: StoredEpisode) -> None:
            store.append(episode)
            if human:
                show_end(episode.trajectory)
            progress.add(episode.summary)

        asyncio.run(run_batch(config, todo, write, store.keep))


def _finished(folder: Path) -> set[str]:
    return open_run(folder).finished() if is_run(folder) else set()


def finish(folder: Path, json: bool) -> None:
    """Print the report; the exit code says whether infrastructure errors remain."""
    figures = print_report(folder, json)
    if figures.infrastructure_errors:
        print(f"run them again with: embodied resume {folder}", file=sys.stderr)
        raise typer.Exit(INFRASTRUCTURE_ERRORS_EXIT_CODE)
