"""A comparison of runs as text for people: one column a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from embodied.report.compare import ComparedRun, RunComparison
from embodied.report.metrics import Report
from embodied.report.paired import Difference, PairedFigures
from embodied.report.table import (
    format_interval,
    format_mean,
    format_mean_interval,
    format_number,
    format_percent,
    named_means,
    new_table,
    plain_text,
    standard_output,
)

_VALUE_CHARACTERS = 40
"""Values of settings that are longer are shown by their beginning and a hash."""

_RUN_COLUMNS = 10
"""Columns of text that each run has at least: enough for `61.0-100.0`."""

_ALL_RUNS_COLUMNS = 66
"""Columns of text that all runs together take at most, unless they need more."""


def print_comparison(comparison: RunComparison, console: Console | None = None) -> None:
    """Print a comparison to a console; without one, to `standard_output()`."""
    parts = (*_introduction(comparison), Text(), *_tables(comparison), *_notes(comparison))
    (console or standard_output()).print(Group(*parts))


def _introduction(comparison: RunComparison) -> Iterator[Text]:
    if not comparison.differing:
        yield Text("The runs do not differ in any setting.")
    else:
        names = ", ".join(comparison.differing)
        yield plain_text(f"Settings that differ: {names}. All others are the same.")
    for name in comparison.not_comparable:
        values = " | ".join(_value(run, name) for run in comparison.runs)
        yield _warning(f"Warning: the runs are not comparable in {name}: {values}")
    if not comparison.same_episodes:
        counts = ", ".join(f"{run.figures.episodes:,} in {run.name}" for run in comparison.runs)
        yield _warning(
            f"Warning: the runs hold different episodes: {counts}; "
            f"{comparison.shared_episodes:,} in all of them."
        )


def _tables(comparison: RunComparison) -> Iterator[RenderableType]:
    yield _figures(comparison.runs, [run.figures for run in comparison.runs], comparison.differing)
    yield Text()
    if not comparison.same_episodes and comparison.shared_episodes:
        yield Text("Only the episodes that all runs hold:")
        yield _figures(comparison.runs, [run.shared for run in comparison.runs])
        yield Text()
    yield _paired(comparison.paired)
    yield Text()
    yield _paired_means(comparison.paired)
    yield Text()


def _figures(
    runs: Sequence[ComparedRun], reports: Sequence[Report], settings: Sequence[str] = ()
) -> Table:
    table = new_table("run")
    widest = max(_RUN_COLUMNS, _ALL_RUNS_COLUMNS // len(runs))
    for run in runs:
        heading = plain_text(run.name)
        table.add_column(
            heading, justify="right", overflow="fold", min_width=_RUN_COLUMNS, max_width=widest
        )
    for name in settings:
        table.add_row(plain_text(name), *(plain_text(_value(run, name)) for run in runs))
    table.add_section()
    for label, cell in _ROWS.items():
        cells = [cell(report) for report in reports]
        if label not in _ONLY_WHERE_ANY or set(cells) != {"0"}:
            table.add_row(label, *cells)
    for label, rates in _pass_rows(reports):
        table.add_row(label, *map(format_percent, rates))
    table.add_section()
    means = [named_means(report) for report in reports]
    for name in dict.fromkeys(name for each in means for name in each):
        found = [each.get(name) for each in means]
        table.add_row(plain_text(name), *("-" if m is None else format_mean(m) for m in found))
        intervals = ["-" if m is None else format_mean_interval(m) for m in found]
        if set(intervals) != {"-"}:
            table.add_row("  95 % CI", *intervals)
    return table


def _pass_rows(reports: Sequence[Report]) -> Iterator[tuple[str, list[float]]]:
    """Yield pass@k and pass^k for the most samples that all runs have, where they have several."""
    k = min(len(report.pass_at_k) for report in reports)
    if k > 1:
        yield f"pass@{k}", [report.pass_at_k[k - 1].rate for report in reports]
        yield f"pass^{k}", [report.pass_hat_k[k - 1].rate for report in reports]


_ROWS: dict[str, Callable[[Report], str]] = {
    "episodes": lambda report: f"{report.episodes:,}",
    "tasks": lambda report: f"{report.tasks:,}",
    "success": lambda report: format_percent(report.success_rate),
    "95 % CI": lambda report: format_interval(report.interval, "-"),
    "turns": lambda report: format_number(report.turns.mean),
    "turns per success": lambda report: format_number(report.turns.mean_of_successes),
    "steps": lambda report: format_number(report.steps.mean),
    "steps per success": lambda report: format_number(report.steps.mean_of_successes),
    "calls": lambda report: format_number(report.calls.mean),
    "failed calls": lambda report: format_number(report.failed_calls.mean, 2),
    "format errors": lambda report: format_number(report.format_errors.mean, 2),
    "unread calls": lambda report: f"{report.unread_calls.total:,}",
    "characters": lambda report: format_number(report.characters.mean, 0),
    "tokens": lambda report: format_number(report.tokens.mean, 0),
    "  prompt": lambda report: format_number(report.tokens.prompt.mean, 0),
    "  completion": lambda report: format_number(report.tokens.completion.mean, 0),
    "feedback tokens": lambda report: format_number(report.feedback_tokens.mean, 0),
    "pictures": lambda report: format_number(report.pictures.mean),
    "cut messages": lambda report: f"{report.cut_messages.total:,}",
    "empty messages": lambda report: f"{report.empty_messages.total:,}",
    "infrastructure errors": lambda report: f"{report.infrastructure_errors:,}",
}
_ONLY_WHERE_ANY = {
    "unread calls",
    "feedback tokens",
    "pictures",
    "cut messages",
    "empty messages",
    "infrastructure errors",
}


def _paired(paired: Sequence[PairedFigures]) -> Table:
    table = new_table(f"against {paired[0].first}")
    counted = ("shared", "both", "only\nfirst", "only\nthis", "neither")
    for heading in (*counted, "success, points\n(95 % CI)", "turns\n(95 % CI)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for pair in paired:
        counts = (pair.shared, pair.both, pair.only_first, pair.only_run, pair.neither)
        table.add_row(
            plain_text(pair.run),
            *(f"{count:,}" for count in counts),
            _difference(pair.success_rate_difference, 100, digits=1),
            _difference(pair.turns_difference, 1, digits=2),
        )
    return table


def _paired_means(paired: Sequence[PairedFigures]) -> Table:
    table = new_table(f"against {paired[0].first}")
    table.add_column("figure", overflow="fold")
    table.add_column("difference (95 % CI)", justify="right", no_wrap=True)
    for pair in paired:
        figures = {"reward": pair.reward_difference}
        figures |= {f"metric {name}": each for name, each in pair.metric_differences.items()}
        for name, difference in figures.items():
            cell = _difference(difference, 1, digits=3)
            table.add_row(plain_text(pair.run), plain_text(name), cell)
    return table


def _difference(difference: Difference | None, scale: float, digits: int) -> str:
    if difference is None:
        return "-"
    value = f"{scale * difference.value:+.{digits}f}"
    if difference.interval is None:
        return f"{value} (-)"
    low, high = (f"{scale * bound:+.{digits}f}" for bound in difference.interval)
    return f"{value} ({low} to {high})"


def _notes(comparison: RunComparison) -> Iterator[Text]:
    yield Text(
        "Turns to tokens: mean per episode. Characters: what the policy wrote. Last: the episodes "
        "of the same task and sample, scored in both runs; successes in both, one or neither; "
        "differences of the means, by paired bootstrap (-: all tasks differ alike, or only one).",
        style="dim",
    )
    for run in comparison.runs:
        for warning in run.figures.warnings:
            yield _warning(f"Warning: in {run.name} {warning}.")
        if run.figures.damaged_lines:
            damaged = f"Damaged lines of {run.name}, in no figure: {run.figures.damaged_lines:,}."
            yield _warning(damaged)


def _warning(text: str) -> Text:
    warning = plain_text(text)
    warning.stylize("bold red")
    return warning


def _value(run: ComparedRun, name: str) -> str:
    """Render the value of a setting in a run, on one line."""
    if name not in run.settings:
        return "(not set)"
    value = run.settings[name]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= _VALUE_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    return f"{text[: _VALUE_CHARACTERS // 2]}… (sha256 {digest[:8]})"
