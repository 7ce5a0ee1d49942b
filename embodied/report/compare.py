"""Runs side by side: what they were set to, and what each came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied.errors import ConfigError, RunError
from embodied.protocol import Protocol, RunProtocol
from embodied.report.metrics import Report, aggregate
from embodied.report.paired import EpisodeKey, PairedFigures, compare_pairs
from embodied.store import RunReader, Summary
from embodied.trajectory import Record

MAY_DIFFER = ("action", "interpreter")
"""Settings of `protocol` that runs are compared by."""

MUST_MATCH = (
    *(name for name in RunProtocol.model_fields if name != "protocol"),
    *(f"protocol.{name}" for name in Protocol.model_fields if name not in MAY_DIFFER),
)
"""Settings, and groups of settings, in which runs have to agree for a comparison of the others."""


class ComparedRun(Record):
    """One run of a comparison."""

    name: str
    """The folder's name, with as many folders above it as tell the runs apart."""
    folder: str
    settings: dict[str, Any]
    """The settings in which the runs differ, by dotted name. One that this run does not have is
    not there."""
    figures: Report
    """Of all episodes of the run."""
    shared: Report
    """Of the episodes that are scored in every run."""


class RunComparison(Record):
    """Two or more runs side by side."""

    runs: list[ComparedRun]
    """In the order in which they were given."""
    differing: list[str]
    """Dotted names of the settings in which the runs differ, sorted."""
    not_comparable: list[str]
    """Those of them that make scores incomparable; see `MUST_MATCH`."""
    same_episodes: bool
    """Whether the same episodes are scored in every run."""
    shared_episodes: int
    """Episodes that are scored in every run."""
    paired: list[PairedFigures]
    """Each further run against the first one."""


def compare_runs(folders: Sequence[Path]) -> RunComparison:
    """Set runs side by side, finished or not.

    Raises:
        ConfigError: there are fewer than two runs, or one is given twice.
        RunError: a folder is not a run, cannot be read, or has no scored episode.
    """
    runs = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    shared = set.intersection(*(set(run.scored) for run in runs))
    differing = _differing([run.settings for run in runs])
    first, *others = runs
    return RunComparison(
        runs=[
            ComparedRun(
                name=run.name,
                folder=str(run.folder),
                settings={name: run.settings[name] for name in differing if name in run.settings},
                figures=run.figures,
                shared=aggregate(summary for key, summary in run.scored.items() if key in shared),
            )
            for run in runs
        ],
        differing=differing,
        not_comparable=[name for name in differing if _is_in(name, MUST_MATCH)],
        same_episodes=all(run.scored.keys() == shared for run in runs),
        shared_episodes=len(shared),
        paired=[compare_pairs(first.name, run.name, first.scored, run.scored) for run in others],
    )


@dataclass(frozen=True)
class _Run:
    name: str
    folder: Path
    settings: Mapping[str, Any]
    figures: Report
    scored: Mapping[EpisodeKey, Summary]


def _read(folder: Path, name: str) -> _Run:
    reader = RunReader(folder)
    # A mapping without entries sets nothing.
    settings = {name: value for name, value in reader.protocol.settings().items() if value != {}}
    summaries = list(reader.summaries())
    figures = aggregate(summaries, reader.invocations())
    warnings = reader.protocol.warnings()
    figures = figures.model_copy(
        update={"damaged_lines": len(reader.damaged), "warnings": warnings}
    )
    if not figures.episodes:
        raise RunError(_nothing_scored(folder, figures))
    scored = {(summary.task_id, summary.sample): summary for summary in summaries if summary.scored}
    return _Run(name, folder, settings, figures, scored)


def _nothing_scored(folder: Path, figures: Report) -> str:
    lost = {
        "infrastructure errors": figures.infrastructure_errors,
        "damaged lines": figures.damaged_lines,
    }
    details = ", ".join(f"{count:,} {what}" for what, count in lost.items() if count)
    found = f" ({details})" if details else ""
    return (
        f"{folder} has no scored episode to compare{found}; "
        f"play its episodes with: embodied resume {folder}"
    )


def _names(folders: Sequence[Path]) -> list[str]:
    """Shorten the folders' paths to the ends that tell them apart."""
    paths = [folder.resolve() for folder in folders]
    if len(paths) < 2:
        raise ConfigError("a comparison needs at least two runs")
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise ConfigError(f"{folder} is given twice; a comparison needs different runs")
    return [_name(path, [other for other in paths if other != path]) for path in paths]


def _name(path: Path, others: Iterable[Path]) -> str:
    length = 1
    while path.parts[-length:] in {other.parts[-length:] for other in others}:
        length += 1
    return str(Path(*path.parts[-length:]))


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    first, *others = settings
    names = set().union(*settings)
    return sorted(
        name
        for name in names
        if any((name in first, first.get(name)) != (name in o, o.get(name)) for o in others)
    )


def _is_in(name: str, groups: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"{group}.") for group in groups)
