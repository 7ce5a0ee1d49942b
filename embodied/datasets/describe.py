"""Fills the card of a dataset."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from embodied.datasets.card import Card, PartRecord, Recipe, SourceRecord
from embodied.datasets.part import Part
from embodied.datasets.selection import FunnelStep
from embodied.datasets.sources import Candidate, Source
from embodied.datasets.statistics import Statistics


def describe(
    recipe: Recipe,
    funnel: Sequence[FunnelStep],
    episodes_read: Mapping[int, int],
    parts: Mapping[str, Part],
    statistics: Statistics,
) -> Card:
    """Describe a dataset, without the files it is written to.

    Args:
        recipe: what it was asked to be.
        funnel: what each rule removed.
        episodes_read: episodes by the number of their run.
        parts: its episodes.
        statistics: of all parts together.
    """
    sources = parts["train"].sources
    chosen = [
        [each for part in parts.values() for each in part.candidates if each.source == number]
        for number in range(len(sources))
    ]
    return Card(
        embodied_version=importlib.metadata.version("embodied-codeact"),
        recipe=recipe,
        sources=[
            _source(source, episodes_read.get(number, 0), len(chosen[number]))
            for number, source in enumerate(sources)
        ],
        funnel=list(funnel),
        parts={name: _part(part) for name, part in parts.items()},
        statistics=statistics,
        warnings=[
            warning
            for source, found in zip(sources, chosen, strict=True)
            for warning in _warnings(source, found)
        ],
    )


def _source(source: Source, episodes: int, selected: int) -> SourceRecord:
    settings = source.protocol
    return SourceRecord(
        run=source.name,
        environment=settings.environment,
        controller=settings.protocol.controller,
        action=settings.protocol.action,
        conversation=settings.protocol.conversation,
        model=source.model,
        policy=settings.policy,
        protocol_sha256=source.protocol_sha256,
        data=settings.data,
        episodes=episodes,
        selected=selected,
        damaged=list(source.run.damaged),
    )


def _part(part: Part) -> PartRecord:
    scenes: dict[str, set[str]] = {}
    for each in part.candidates:
        if each.group is not None:
            scenes.setdefault(each.environment, set()).add(each.group)
    return PartRecord(
        episodes=len(part),
        splits=dict(Counter(each.split for each in part.candidates)),
        scenes={name: sorted(found) for name, found in sorted(scenes.items())},
    )


def _warnings(source: Source, chosen: Sequence[Candidate]) -> Iterator[str]:
    if source.run.damaged:
        yield f"damaged records of {source.name} that were left out: {len(source.run.damaged):,}"
    native = sum(each.native for each in chosen)
    if native and source.tools is None:
        yield (
            f"episodes of {source.name} that call functions natively, and whose rows do not say "
            f"which there are, as the robot is in a file or not installed here: {native:,}"
        )
    if pictures := sum(each.sees for each in chosen):
        yield (
            f"episodes of {source.name} with pictures, in whose place rows have a line of text: "
            f"{pictures:,}"
        )
    missed = sum(not each.success for each in chosen)
    if missed:
        yield f"episodes of {source.name} that did not reach the goal: {missed:,}"
