"""The front door in Python: plays runs, finishes them, reads them.

The module is not called `run`, as the function of that name is an attribute of the package.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio.from_thread import start_blocking_portal
from rich.console import Console

from embodied._util.mappings import dotted_names
from embodied._util.threads import running_loop
from embodied.config.load import SHORTHANDS, read_config_file, with_changes
from embodied.config.schema import RunConfig
from embodied.errors import ConfigError, RunError
from embodied.llm.config import REACHING_SETTINGS
from embodied.policies.factory import policy_class
from embodied.policies.human import show_end
from embodied.report import Report, aggregate_run, dataframe
from embodied.runner.approvals import Terminal
from embodied.runner.assignment import Assignment
from embodied.runner.batch import run_batch
from embodied.runner.plan import ResolvedRun, check_servers, resolve
from embodied.runner.progress import RunProgress
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.store.layout import is_run

if TYPE_CHECKING:
    import pandas

RESUME_SETTINGS = ("runner", "tasks", *(f"llm.{name}" for name in REACHING_SETTINGS))
"""What may change when a run is resumed: where and how it is played, and how much of it."""

_KEYWORDS = "the keywords"


class Run(RunReader):
    """A run on disk: its trajectories, its report and its table of episodes."""

    def report(self) -> Report:
        """Compute the figures of the run so far."""
        return aggregate_run(self)

    def dataframe(self) -> pandas.DataFrame:
        """Make a table with one row an episode.

        Raises:
            ConfigError: pandas is not installed.
        """
        return dataframe(self)


def run(
    config: str | Path | Mapping[str, Any] | RunConfig | None = None,
    /,
    *,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Play a batch of episodes into a run's folder; one that is there and unfinished is finished.

    Inside a running event loop, as in a notebook, the episodes are played in a thread.

    Args:
        config: a configuration file, the name of one that comes along, or a mapping of settings.
        progress: whether to show how far the run is, on standard error.
        **settings: settings by their names in configuration files, laid over those of `config`:
            nested ones as mappings (`runner={"kind": "local"}`). `env` is short for
            `environment.name`, `samples` for `tasks.samples`, `action` and `interpreter` for those
            of `protocol`. `policy` may also be a class of `Policy`, or a function that takes the
            messages and returns a text.

    Raises:
        ConfigError, DataError: the run cannot be played.
        RunError: its folder holds a run with another protocol, or workers cannot be kept alive.
    """
    wanted = configured(config, settings)
    plan = resolve(wanted)
    if running_loop() is None:
        return asyncio.run(_play(plan, wanted.out, progress))
    with start_blocking_portal() as portal:
        future = portal.start_task_soon(_play, plan, wanted.out, progress)
        try:
            return future.result()
        finally:
            future.cancel()


async def run_async(
    config: str | Path | Mapping[str, Any] | RunConfig | None = None,
    /,
    *,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Do what `run` does, inside a running event loop. Cancelling it leaves a run to resume."""
    wanted = configured(config, settings)
    plan = await asyncio.to_thread(resolve, wanted)
    return await _play(plan, wanted.out, progress)


def resume(folder: str | Path, /, *, progress: bool = True, **settings: Any) -> Run:
    """Finish a run: play the episodes that it lacks, and those with infrastructure errors again.

    Args:
        folder: the run's folder.
        progress: as for `run`.
        **settings: what may change (`RESUME_SETTINGS`): where and how it is played, and `tasks`,
            which may choose more than before (`samples=8`). A policy that was given as an object
            of Python has to be given again as `policy`.

    Raises:
        ConfigError: something else is to be changed, or the run cannot be played.
        RunError: the folder holds no run.
    """
    return run(stored_config(folder, settings), progress=progress)


def open_run(folder: str | Path) -> Run:
    """Open a run for reading, also while it is being played.

    Raises:
        RunError: the folder is not a run.
    """
    return Run(folder)


def configured(
    config: str | Path | Mapping[str, Any] | RunConfig | None, settings: Mapping[str, Any]
) -> RunConfig:
    """Make the configuration that `run` is called with.

    Raises:
        ConfigError: a setting is unknown, or a value is bad.
    """
    if isinstance(config, RunConfig):
        if not settings:
            return config
        if config.policy.implementation is not None:
            settings = {"policy": config.policy.implementation.value, **settings}
        tree = config.model_dump(mode="json")
        return with_changes(tree, "the configuration", [settings], caller=_KEYWORDS)
    if config is None or isinstance(config, Mapping):
        return with_changes(config or {}, "the mapping", [settings], caller=_KEYWORDS)
    path = Path(config)
    return with_changes(read_config_file(path), str(path), [settings], caller=_KEYWORDS)


def stored_config(
    folder: str | Path, settings: Mapping[str, Any], assignments: Iterable[str] = ()
) -> RunConfig:
    """Make the configuration to resume a run with.

    It is changed by nested mappings and by texts like `runner.workers=4`.

    Raises:
        ConfigError: something may not be changed.
        RunError: the folder holds no run.
    """
    folder, assignments = Path(folder), list(assignments)
    changed = [*dotted_names(settings), *(text.partition("=")[0].strip() for text in assignments)]
    for name in changed:
        setting = SHORTHANDS.get(name, name) + "."
        known = any(setting.startswith(f"{each}.") for each in RESUME_SETTINGS)
        if not known and not (name == "policy" and callable(settings["policy"])):
            raise ConfigError(
                f"{name} cannot be changed when a run is resumed; these can: runner.*, tasks.*, "
                f"{', '.join(RESUME_SETTINGS[2:])}. For anything else start another run"
            )
    stored, where = RunReader(folder).config, str(folder / "config.yaml")
    config = with_changes(stored, where, [settings], assignments, caller=_KEYWORDS)
    _check_key_name(config, folder, changed)
    return config.model_copy(update={"out": folder})


def _check_key_name(config: RunConfig, folder: Path, changed: list[str]) -> None:
    """Refuse a stored name that would send another secret than an API key to the stored server."""
    setting = "llm.api_key_environment"
    if config.llm is None or setting in changed:
        return
    name = config.llm.api_key_environment
    if not name.endswith("_API_KEY"):
        raise ConfigError(
            f"{folder / 'config.yaml'} would send the variable {name} to {config.llm.base_url} as "
            f"an API key; if that is meant, add --{setting} {name}"
        )


async def _play(plan: ResolvedRun, folder: Path, progress: bool) -> Run:
    """Play what is missing of a run into its folder, which the user calls `folder`."""
    out, console = plan.config.out, Console(stderr=True, quiet=not progress)
    if plan.physical and is_run(out):
        await _ask_to_go_on(plan, folder)
    if not is_run(out) or plan.unfinished(RunReader(out).finished()):
        await check_servers(plan)
    stored, episodes = plan.config.model_dump(mode="json"), [each.id for each in plan.assignments]
    with RunStore.create(out, plan.protocol, stored, episodes=episodes) as store:
        todo = plan.unfinished(store.finished())
        played = f"{plan.config.environment.name} by {plan.config.policy.name}"
        text = f"{len(todo)} episodes of {played} into {folder}"
        console.print(text, highlight=False, soft_wrap=True)
        if todo:
            await _play_into(store, plan, todo, console)
    return Run(out)


async def _ask_to_go_on(plan: ResolvedRun, folder: Path) -> None:
    """Raise RunError unless somebody approves that a real robot goes on with a run."""
    left = len(plan.unfinished(RunReader(plan.config.out).finished()))
    if not left:
        return
    question = (
        f"{plan.config.environment.name} moves a real robot. {left} episodes of the run in "
        f"{folder} are not finished; one may have been broken off in the middle."
    )
    if not (await Terminal().approve(question)).approved:
        raise RunError(f"the run in {folder} is left as it is")


async def _play_into(
    store: RunStore, plan: ResolvedRun, todo: list[Assignment], console: Console
) -> None:
    interactive = policy_class(plan.config.policy).interactive
    live = not (interactive or plan.may_ask)
    with RunProgress(len(todo), console, live=live) as progress:

        def write(episode: StoredEpisode) -> None:
            store.append(episode)
            if interactive:
                show_end(episode.trajectory)
            progress.add(episode.summary)

        await run_batch(plan, todo, write, store.save, progress.notify)
