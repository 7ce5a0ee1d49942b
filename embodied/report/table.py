"""The report of a run as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from embodied.report.metrics import Figures, Report

WIDTH = 100
"""Columns of the text where it does not go to a terminal."""

_CAUSES = 10
"""Causes that are listed; the rest is counted."""


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a report.

    Args:
        report: the figures of a run.
        console: where to; None: standard output, `WIDTH` columns wide and plain where that is no
            terminal.
    """
    (console or _standard_output()).print(render(report))


def render(report: Report) -> RenderableType:
    """A report as a table with notes below it."""
    return Group(_table(report), Text(), *_notes(report))


def _standard_output() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def _table(report: Report) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, pad_edge=False)
    table.add_column("task kind", overflow="fold", min_width=10)
    for heading in ("episodes", "success", "95 % CI", "turns", "calls", "steps", "tokens"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, figures in report.by_kind.items():
        table.add_row(_plain(kind), *_cells(figures))
    table.add_section()
    table.add_row("total", *_cells(report), style="bold")
    return table


def _cells(figures: Figures) -> Iterator[str]:
    yield f"{figures.episodes:,}"
    yield _percent(figures.success_rate)
    yield _interval(figures)
    yield _number(figures.turns.mean)
    yield _number(figures.calls.mean)
    yield _number(figures.steps.mean)
    yield _number(figures.tokens.mean, digits=0)


def _notes(report: Report) -> Iterator[Text]:
    if not report.episodes:
        yield Text("No episode is scored yet.")
    else:
        yield Text("Turns, calls, steps and tokens: mean per episode.", style="dim")
    if report.steps.mean_of_successes is not None:
        yield Text(f"Steps per success: {_number(report.steps.mean_of_successes)}.")
    yield from _causes("Infrastructure errors, not scored", report.infrastructure_causes)
    yield from _causes("Retries", report.retries)
    yield from _causes("Truncated, by limit", report.truncated)
    if report.damaged_lines:
        yield Text(
            f"Damaged lines, in no figure: {report.damaged_lines:,}. "
            "`embodied resume` runs the episodes that they leave missing.",
            style="bold red",
        )


def _causes(heading: str, causes: Mapping[str, int]) -> Iterator[Text]:
    """A heading with the sum, and a line for each cause."""
    if not causes:
        return
    yield Text(f"{heading}: {sum(causes.values()):,}")
    listed = list(causes.items())[:_CAUSES]
    width = max(len(f"{number:,}") for _, number in listed)
    for cause, number in listed:
        line = Text(f"  {number:>{width},}  ", overflow="ellipsis", no_wrap=True)
        yield line.append_text(_plain(cause))
    if len(causes) > _CAUSES:
        yield Text(f"  and {len(causes) - _CAUSES} more causes")


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"


def _interval(figures: Figures) -> str:
    if figures.interval is None:
        return "-"
    low, high = (100 * bound for bound in figures.interval)
    return f"{low:.1f} to {high:.1f}"


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _plain(text: str) -> Text:
    """Text of a run, without markup and control characters."""
    return Text(
        "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    )
