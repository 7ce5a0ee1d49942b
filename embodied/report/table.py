"""The report of a run as text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from embodied.report.metrics import Mean, Metrics, Report
from embodied.report.throughput import ServerThroughput, Throughput
from embodied.trajectory import Record

WIDTH = 100
"""Columns of the text where it does not go to a terminal."""

_CAUSES = 10
"""Causes that are listed; the rest is counted."""


def print_report(report: Report, console: Console | None = None) -> None:
    """Print a report to a console; without one, to `standard_output()`."""
    (console or standard_output()).print(render(report))


def render(report: Report) -> RenderableType:
    """Lay out a report as a table with notes below it."""
    return Group(_table(report), Text(), *_notes(report))


def standard_output() -> Console:
    """Make a console of standard output, `WIDTH` columns wide and plain where it is no terminal.

    A process without standard output, or with a closed one, prints nothing.
    """
    if sys.stdout is None or sys.stdout.closed:
        return Console(quiet=True)
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)


def print_json(record: Record) -> None:
    """Print a record as one JSON object to standard output, if there is one."""
    if sys.stdout is not None and not sys.stdout.closed:
        print(record.model_dump_json(indent=1))


def new_table(heading: str) -> Table:
    """Begin a table with the column of names on its left."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True, pad_edge=False)
    table.add_column(plain_text(heading), overflow="fold", min_width=10)
    return table


def _table(report: Report) -> Table:
    table = new_table("task kind")
    for heading in ("episodes", "success", "95 % CI", "turns", "calls", "steps", "tokens"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, figures in report.by_kind.items():
        table.add_row(plain_text(kind), *_cells(figures))
    table.add_section()
    table.add_row("total", *_cells(report), style="bold")
    return table


def _cells(figures: Metrics) -> Iterator[str]:
    yield f"{figures.episodes:,}"
    yield format_percent(figures.success_rate)
    yield format_interval(figures.interval, " to ")
    yield format_number(figures.turns.mean)
    yield format_number(figures.calls.mean)
    yield format_number(figures.steps.mean)
    yield format_number(figures.tokens.mean, digits=0)


def _notes(report: Report) -> Iterator[RenderableType]:
    if not report.episodes:
        yield Text("No episode is scored yet.")
    else:
        yield Text("Turns, calls, steps and tokens: mean per episode.", style="dim")
    if report.steps.mean_of_successes is not None:
        yield Text(f"Steps per success: {format_number(report.steps.mean_of_successes)}.")
    if report.unscored:
        yield Text(f"Unscored episodes, as nothing says what they reached: {report.unscored:,}.")
    yield from _warnings(report)
    yield from _passes(report)
    yield from _means(report)
    yield from _cached(report)
    yield from _pictures(report)
    yield from _feedback(report)
    yield from _mistakes(report)
    yield from _causes("Infrastructure errors, not scored", report.infrastructure_causes)
    yield from _causes("Retries", report.retries)
    yield from _causes("Requests to models that were sent again", report.llm_retries)
    yield from _causes("Messages under another model's name", report.served_models)
    yield from _causes("Truncated, by limit", report.truncated)
    yield from _throughput(report.throughput)
    if report.damaged_lines:
        yield Text(
            f"Damaged lines, in no figure: {report.damaged_lines:,}. "
            "`embodied resume` runs the episodes that they leave missing.",
            style="bold red",
        )


def _warnings(report: Report) -> Iterator[Text]:
    for warning in report.warnings:
        text = plain_text(f"Warning: {warning}.")
        text.stylize("bold red")
        yield text


def _passes(report: Report) -> Iterator[RenderableType]:
    """Yield a table of pass@k and pass^k, where tasks have several samples."""
    if len(report.pass_at_k) < 2:
        return
    yield Text(f"Samples of {report.tasks:,} tasks; intervals count tasks, not samples:")
    table = new_table("k")
    for heading in ("tasks", "pass@k", "95 % CI", "pass^k", "95 % CI"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one, all_ in zip(report.pass_at_k, report.pass_hat_k, strict=True):
        cells = (
            text
            for each in (one, all_)
            for text in (format_percent(each.rate), format_interval(each.interval, " to "))
        )
        table.add_row(str(one.k), f"{one.tasks:,}", *cells)
    yield table


def _means(report: Report) -> Iterator[Text]:
    """Yield a line for the reward, and one for each of the simulator's own figures."""
    if not report.episodes:
        return
    yield Text("The simulator's own figures, mean per episode (95 % CI):")
    for name, mean in named_means(report).items():
        some = f", in {mean.episodes:,} episodes" if mean.episodes < report.episodes else ""
        interval = f" ({format_mean_interval(mean)})" if mean.interval else ""
        yield plain_text(f"  {name}: {format_mean(mean)}{interval}{some}")


def named_means(report: Report) -> dict[str, Mean]:
    """Name the simulator's own figures as tables do."""
    metrics = {f"metric {name}": mean for name, mean in report.metrics.items()}
    return {"reward": report.reward, **metrics}


def _cached(report: Report) -> Iterator[Text]:
    cached, prompt = report.tokens.cached.total, report.tokens.prompt.total
    if cached and prompt:
        yield Text(f"Prompt tokens from the prefix cache: {format_percent(cached / prompt)}.")
    if report.cached_messages.total:
        yield Text(f"Messages kept from earlier runs: {report.cached_messages.total:,}.")


def _pictures(report: Report) -> Iterator[Text]:
    if pictures := report.pictures.total:
        per_turn = format_number(pictures / max(report.turns.total, 1), 2)
        yield Text(f"Pictures per turn: {per_turn} ({pictures:,} in all).")


def _feedback(report: Report) -> Iterator[Text]:
    tokens = report.feedback_tokens
    if tokens.total:
        yield Text(
            f"Feedback tokens per episode: {format_number(tokens.mean, 0)} "
            f"(prompt {format_number(tokens.prompt.mean, 0)}, "
            f"completion {format_number(tokens.completion.mean, 0)})."
        )


def _mistakes(report: Report) -> Iterator[Text]:
    counts = {"Format errors": report.format_errors, "Failed calls": report.failed_calls}
    if any(count.total for count in counts.values()):
        yield Text(" ".join(f"{name}: {count.total:,}." for name, count in counts.items()))
    cut, empty = report.cut_messages.total, report.empty_messages.total
    if cut or empty:
        hint = " Cut ones reached llm.max_tokens: raise it." if cut else ""
        yield Text(f"Messages cut: {cut:,}. Empty messages: {empty:,}.{hint}", style="bold")

    if report.unread_calls_hint:
        count = f"Messages with unread function calls: {report.unread_calls.total:,}."
        yield Text(f"{count} {report.unread_calls_hint}", style="bold")


@dataclass(frozen=True)
class _Entry:
    """A text that may be many lines long, each as far in as the first one."""

    label: str
    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        margin = self.label
        for line in self.text.wrap(console, options.max_width - len(margin)):
            line.rstrip()
            yield Text(margin).append_text(line)
            margin = " " * len(margin)


def _causes(heading: str, causes: Mapping[str, int]) -> Iterator[RenderableType]:
    """Yield a heading with the sum, and each cause as it stands."""
    if not causes:
        return
    yield Text(f"{heading}: {sum(causes.values()):,}")
    listed = list(causes.items())[:_CAUSES]
    width = max(len(f"{number:,}") for _, number in listed)
    for cause, number in listed:
        yield _Entry(f"  {number:>{width},}  ", plain_text(cause))
    if len(causes) > _CAUSES:
        yield Text(f"  and {len(causes) - _CAUSES} more causes")


def _throughput(throughput: Throughput) -> Iterator[Text]:
    """Yield a heading with the speed, and a line for each thing that it depends on."""
    if not throughput.invocations:
        return
    minutes, seconds = divmod(round(throughput.wall_seconds), 60)
    yield Text(
        f"Throughput: {format_number(throughput.episodes_per_hour, 0)} episodes/h, "
        f"{_short(throughput.turns_per_second)} turns/s, "
        f"{_short(throughput.mean_in_flight)} in flight, "
        f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    )
    if parts := throughput.milliseconds_per_turn:
        listed = (f"{name} {_short(value)} ms" for name, value in parts)
        yield Text(f"  per turn: {', '.join(listed)}")
    if server := throughput.server:
        yield from _server(server)
    if workers := throughput.workers:
        replaced = f", {workers.replaced:,} replaced" if workers.replaced else ""
        megabytes = format_number(workers.largest_bytes / 1e6, 0)
        yield Text(f"  workers: {workers.used:,}{replaced}; at most {megabytes} MB each")


def _server(server: ServerThroughput) -> Iterator[Text]:
    if server.busy is None:
        yield Text("  server: it gives no figures")
        return
    restarts = f"; restarts: {server.restarts:,}" if server.restarts else ""
    yield Text(
        f"  server: busy {format_percent(server.busy)}, {_short(server.mean_running)} running, "
        f"{_short(server.mean_waiting)} waiting{restarts}"
    )
    hits = server.prefix_cache_hit_rate
    yield Text(
        f"  tokens/s: {format_number(server.prompt_tokens_per_second, 0)} in, "
        f"{format_number(server.completion_tokens_per_second, 0)} out"
        + ("" if hits is None else f"; prefix cache {format_percent(hits)}")
    )


def _short(value: float | None) -> str:
    """Format a number, with a digit after the point where that says something."""
    return format_number(value, 1 if value is None or value < 100 else 0)


def format_percent(rate: float | None) -> str:
    """Format a share from 0 to 1; a dash for None."""
    return "-" if rate is None else f"{100 * rate:.1f} %"


def format_interval(bounds: tuple[float, float] | None, between: str) -> str:
    """Format the interval of a rate, in percent; a dash for None."""
    return between.join(f"{100 * bound:.1f}" for bound in bounds) if bounds else "-"


def format_mean(mean: Mean) -> str:
    """Format a mean; a dash for None."""
    return format_number(mean.mean, _digits(mean))


def format_mean_interval(mean: Mean) -> str:
    """Format the interval of a mean; a dash for None."""
    bounds = mean.interval
    return " to ".join(format_number(bound, _digits(mean)) for bound in bounds) if bounds else "-"


def _digits(mean: Mean) -> int:
    """Choose digits after the point by the size of a mean, so that it and its interval agree."""
    return 3 if abs(mean.mean or 0) < 10 else 1


def format_number(value: float | None, digits: int = 1) -> str:
    """Format a number; a dash for None."""
    return "-" if value is None else f"{value:,.{digits}f}"


def plain_text(text: str) -> Text:
    """Make text of a run printable: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
