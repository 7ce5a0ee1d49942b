"""The card of a dataset: what went in, by which rules, as JSON and as a Hugging Face card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from embodied.datasets.columns import to_features
from embodied.datasets.selection import FunnelStep
from embodied.datasets.statistics import Figures, Statistics
from embodied.datasets.turns import MaskKind
from embodied.errors import DataError
from embodied.trajectory import Record

CARD, CARD_FOR_PEOPLE = "card.json", "README.md"
"""The names of its two forms in the dataset's folder."""

CARD_VERSION = 1


class Recipe(Record):
    """What a dataset was asked to be."""

    select: list[str]
    """The rules, in the order in which they were applied."""
    mask: MaskKind
    thoughts: bool
    holdout: str | None
    allow_splits: list[str]
    """Evaluation splits that were asked for by name."""
    seed: int


class SourceRecord(Record):
    """A run that episodes were taken from."""

    run: str
    """Name of its folder."""
    environment: str
    controller: str | None
    action: str
    """The action format."""
    conversation: str
    model: str
    """The model that played, or the policy where it asks none."""
    policy: dict[str, Any]
    """The policy's settings, with those of sampling."""
    protocol_sha256: str
    """The hash of all settings that make two scores comparable."""
    data: dict[str, str]
    """Versions of the simulator and of its data."""
    episodes: int
    """Those that the run has."""
    selected: int
    """Those that the rules keep."""
    damaged: list[str] = Field(default_factory=list)
    """Records of the run that could not be read."""


class PartRecord(Record):
    """A part of the dataset."""

    episodes: int
    splits: dict[str, int]
    """Episodes by the split that their tasks are of."""
    scenes: dict[str, list[str]]
    """Scenes by environment, sorted."""


class FormatRecord(Record):
    """A format that the dataset is written in."""

    files: dict[str, str]
    """By part, the file of its rows; parts without rows have none."""
    rows: dict[str, int]
    """By part."""
    columns: dict[str, Any]
    """Their types, by name."""
    note: str = ""
    """What whoever trains on it has to know."""


class Card(Record):
    """All that is to be known of a dataset."""

    card_version: int = CARD_VERSION
    embodied_version: str
    recipe: Recipe
    sources: list[SourceRecord]
    funnel: list[FunnelStep]
    parts: dict[str, PartRecord]
    statistics: Statistics
    warnings: list[str]
    """What may be wrong with the data."""
    formats: dict[str, FormatRecord] = Field(default_factory=dict)


def read_card(folder: Path) -> Card:
    """Read the card of a dataset; raise `DataError` where the folder has none."""
    path = folder / CARD
    try:
        return Card.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{path} is no card of a dataset: {error!s:.300}; build the dataset again"
        ) from error


def render(card: Card) -> str:
    """Write the card for people: a head that Hugging Face's hub and `datasets` read, then text."""
    return head(card.formats, card.parts["train"].episodes) + "\n".join(
        [
            "# Episodes of robots that are controlled by code",
            "",
            f"Made by embodied {_cell(card.embodied_version)}. {CARD} says the same for machines.",
            "",
            *_warnings(card),
            *_sources(card),
            *_funnel(card.funnel),
            *_parts(card),
            *_training(card.recipe),
            *statistics_table(card.statistics),
            *files_section(card.formats),
        ]
    )


def head(formats: Mapping[str, FormatRecord], rows: int) -> str:
    """Write the head of a card, by which `datasets` finds files and types of columns."""
    content = {
        "tags": ["embodied", "code-as-action", "trajectories"],
        "task_categories": ["text-generation"],
        "size_categories": [_size(rows)],
        "configs": [
            {
                "config_name": name,
                "default": number == 0,
                "data_files": [{"split": part, "path": path} for part, path in each.files.items()],
            }
            for number, (name, each) in enumerate(formats.items())
        ],
        "dataset_info": [
            {"config_name": name, "features": to_features(each.columns)}
            for name, each in formats.items()
        ],
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}---\n\n"


def _size(rows: int) -> str:
    """Name the size as the hub does."""
    bounds = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    return next((name for bound, name in bounds.items() if rows < bound), "1M<n<10M")


def _warnings(card: Card) -> Iterator[str]:
    for warning in card.warnings:
        yield f"> **Note:** {_cell(warning)}"
        yield ""


def _sources(card: Card) -> Iterator[str]:
    yield "## Runs"
    yield ""
    yield from table(
        ("run", "environment", "robot", "action", "model", "episodes", "selected", "protocol"),
        (
            (
                *(source.run, source.environment, source.controller or "", source.action),
                *(source.model, f"{source.episodes:,}", f"{source.selected:,}"),
                source.protocol_sha256[:12],
            )
            for source in card.sources
        ),
    )


def _funnel(funnel: Sequence[FunnelStep]) -> Iterator[str]:
    yield "## Selection"
    yield ""
    rows = ((step.rule, step.does, f"{step.removed:,}", f"{step.kept:,}") for step in funnel)
    yield from table(("rule", "what it does", "removed", "kept"), rows)


def _parts(card: Card) -> Iterator[str]:
    yield "## Parts"
    yield ""
    recipe = card.recipe
    if recipe.holdout is not None:
        yield f"Held out: {_cell(recipe.holdout)}, drawn with seed {recipe.seed}."
        yield ""
    if recipe.allow_splits:
        listed = _cell(", ".join(recipe.allow_splits))
        yield f"Evaluation splits that were asked for by name: {listed}."
        yield ""
    rows = (
        (
            name,
            f"{part.episodes:,}",
            ", ".join(f"{split} {count:,}" for split, count in part.splits.items()),
            ", ".join(f"{name}: {len(scenes):,}" for name, scenes in part.scenes.items()),
        )
        for name, part in card.parts.items()
    )
    yield from table(("part", "episodes", "splits", "scenes"), rows)


def _training(recipe: Recipe) -> Iterator[str]:
    masked = {
        "errors": "Failed actions and messages that could not be read are not trained on.",
        "none": "All messages of the policy are trained on.",
    }
    thoughts = "part of the messages" if recipe.thoughts else "left out"
    yield f"{masked[recipe.mask]} Thoughts of thinking models are {thoughts}."
    yield ""


def statistics_table(statistics: Statistics) -> Iterator[str]:
    """Write statistics as a Markdown section."""
    yield "## Statistics"
    yield ""
    yield f"Tokens: {_cell(statistics.tokenizer)}. Shares are of the actions that are code."
    yield ""
    yield from table(HEADINGS, statistics_rows(statistics))


HEADINGS = (
    *("environment", "kind", "episodes", "tasks", "scenes", "turns", "tokens", "trained", "calls"),
    *("errors", "recoveries", "loops", "conditions", "functions"),
)


def statistics_rows(statistics: Statistics) -> Iterator[tuple[str, ...]]:
    """Yield the cells of a table of statistics, the total last."""
    groups: list[tuple[str, str, Figures]] = []
    for environment, total in statistics.by_environment.items():
        kinds = [each for each in statistics.by_kind if each.environment == environment]
        groups += [(environment, each.kind, each) for each in kinds]
        if 1 < len(kinds) < len(statistics.by_kind):
            groups.append((environment, "total", total))
    for environment, kind, each in [*groups, ("total", "", statistics)]:
        counts = (
            *(each.episodes, each.tasks, each.scenes, each.turns, each.tokens),
            *(each.trained_tokens, each.calls, each.failed_turns, each.recoveries),
        )
        shares = (each.loop_share, each.condition_share, each.function_share)
        yield (
            *(environment, kind, *(f"{count:,}" for count in counts)),
            *("-" if share is None else f"{share:.0%}" for share in shares),
        )


def files_section(formats: Mapping[str, FormatRecord]) -> Iterator[str]:
    """Write the files of each format as a Markdown section."""
    yield "## Files"
    yield ""
    rows = (
        (name, ", ".join(each.files.values()), ", ".join(f"{n:,}" for n in each.rows.values()))
        for name, each in formats.items()
    )
    yield from table(("format", "files", "rows"), rows)
    for name, each in formats.items():
        if each.note:
            yield f"{name}: {each.note}"
            yield ""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Write a Markdown table, and an empty line."""
    yield f"| {' | '.join(headings)} |"
    yield f"|{' --- |' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"
    yield ""


def _cell(text: str) -> str:
    """Write a text from anywhere so that it stays text, on one line."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", line)
