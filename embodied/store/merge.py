"""Merging runs of one protocol, which differ in their tasks or samples, into one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embodied.errors import ConfigError, RunError
from embodied.store.invocation import write_invocation
from embodied.store.jsonl import StoredEpisode
from embodied.store.layout import SHARDS, open_file, writing
from embodied.store.reader import RunReader
from embodied.store.summary import Summary
from embodied.store.writer import RunStore


def merge_runs(folders: Sequence[Path], out: Path) -> RunReader:
    """Merge runs into a new one, which has each of their episodes once.

    A finished episode takes the place of an infrastructure error. The new run's `tasks` are those
    of the runs where these are the same, else all that are stored; resuming it plays what is
    missing of them. What the runs measured of their speed is kept.

    Args:
        folders: of at least two runs, which need not be finished.
        out: where to; a folder that does not exist or is empty.

    Raises:
        ConfigError: there are fewer than two runs, or one is given twice.
        RunError: `out` is taken; the runs have not one protocol; an episode is finished in two of
            them and not the same.
    """
    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise ConfigError("merging needs at least two runs, each given once")
    runs = [RunReader(folder) for folder in folders]
    _check_protocols(runs)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} is there already; merge into a new folder")
    chosen = _choose(runs)
    tasks = _tasks(runs, {summary.task_id for _, summary in chosen.values()})
    protocol = runs[0].protocol.model_copy(update={"tasks": tasks})
    config = {**runs[0].config, "tasks": tasks, "out": str(out.absolute())}
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        # Built beside its place, so that a merge that is killed leaves no part of a run there.
        with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
            built = Path(scratch) / "run"
            with RunStore.create(built, protocol, config) as store:
                for run in runs:
                    for trajectory in run.trajectories():
                        if chosen.get(trajectory.episode_id, (None,))[0] is run:
                            store.append(StoredEpisode.of(run.with_pictures(trajectory)))
            measured = [invocation for run in runs for invocation in run.invocations()]
            for number, invocation in enumerate(measured):
                write_invocation(built, number, invocation)
            built.replace(out)
    return RunReader(out)


def _check_protocols(runs: Sequence[RunReader]) -> None:
    first, *others = runs
    for run in others:
        mine, theirs = first.protocol, run.protocol
        changes: dict[str, Any] = {"tasks": mine.tasks}
        if mine.tasks.get("sample") and theirs.tasks.get("sample"):
            changes["seed"] = mine.seed  # by which tasks were chosen
        if found := mine.differences(theirs.model_copy(update=changes)):
            raise RunError(
                f"{run.folder} has another protocol than {first.folder}, and their scores must not "
                "be mixed:\n  " + "\n  ".join(found) + "\nmerge runs that differ in `tasks` alone"
            )


def _choose(runs: Iterable[RunReader]) -> dict[str, tuple[RunReader, Summary]]:
    """Choose the run that gives each episode, with its summary there."""
    chosen: dict[str, tuple[RunReader, Summary]] = {}
    for run in runs:
        for summary in run.summaries():
            other_run, other = chosen.get(summary.episode_id, (run, None))
            if other is None or (summary.finished and not other.finished):
                chosen[summary.episode_id] = run, summary
            elif summary.finished and _line(run, summary) != _line(other_run, other):
                raise RunError(
                    f"episode {summary.episode_id!r} is finished in {other_run.folder} and in "
                    f"{run.folder}, and not the same; merge runs of other tasks or samples"
                )
    return chosen


def _line(run: RunReader, summary: Summary) -> bytes:
    with open_file(SHARDS.path(run.folder, summary.shard)) as file:
        file.seek(summary.offset)
        return file.read(summary.length)


def _tasks(runs: Sequence[RunReader], stored: Iterable[str]) -> dict[str, Any]:
    """Find settings of `tasks` that choose all episodes of the merged run."""
    protocols = [run.protocol for run in runs]
    first, *others = [(each.seed, {**each.tasks, "samples": 1}) for each in protocols]
    tasks = first[1] | {"samples": max(each.tasks.get("samples", 1) for each in protocols)}
    if all(other == first for other in others):
        return tasks
    unbounded = {name: None for name in ("limit", "sample") if name in tasks}
    return tasks | unbounded | {"kinds": [], "ids": sorted(stored)}
