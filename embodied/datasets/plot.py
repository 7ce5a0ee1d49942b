"""A picture of a dataset's statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embodied.datasets.statistics import KindFigures, Statistics
from embodied.errors import ConfigError
from embodied.report.table import plain_text

_BAR_INCHES = 0.3


def plot(statistics: Statistics, path: Path) -> None:
    """Draw episodes, tokens, errors with recoveries, and control flow, for each kind of task.

    Args:
        statistics: of a dataset.
        path: the picture; its suffix says which kind: `.png`, `.svg`, `.pdf`.

    Raises:
        ConfigError: matplotlib is not installed, or the picture cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(
            "a plot needs matplotlib; install it with: pip install 'embodied-codeact[data]'"
        ) from None
    kinds = statistics.by_kind[::-1]
    names = [_plain(f"{each.environment}: {each.kind}") for each in kinds]
    figure = Figure(figsize=(14, 1.5 + _BAR_INCHES * len(kinds)), layout="constrained")
    for axes, (title, series) in zip(
        figure.subplots(1, len(_PANELS), sharey=True), _PANELS.items(), strict=True
    ):
        axes.set_title(title)
        _draw(axes, names, kinds, series)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the plot {path} cannot be written: {error}") from error


_PANELS = {
    "episodes": {"episodes": "episodes"},
    "tokens": {"all": "tokens", "trained on": "trained_tokens"},
    "mistakes": {"failed turns": "failed_turns", "recoveries": "recoveries"},
    "share of actions with": {
        "loops": "loop_share",
        "conditions": "condition_share",
        "functions": "function_share",
    },
}
"""Titles, and below each the figures that it shows, by their words."""


def _draw(axes: Any, names: list[str], kinds: list[KindFigures], series: dict[str, str]) -> None:
    height = 0.8 / len(series)
    for number, (label, name) in enumerate(series.items()):
        places = [place + height * ((len(series) - 1) / 2 - number) for place in range(len(kinds))]
        axes.barh(places, [getattr(each, name) or 0 for each in kinds], height, label=label)
    axes.set_yticks(range(len(kinds)), names)
    axes.set_xlim(left=0)
    if len(series) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1))


def _plain(text: str) -> str:
    """Keep a text from being read as a formula, and from having control characters."""
    return plain_text(text).plain.replace("$", r"\$")
