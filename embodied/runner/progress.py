"""Progress of a run, for people: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    GetTimeCallable,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from embodied.store import Summary
from embodied.trajectory import Outcome

LINE_SECONDS = 10.0
"""Time between two lines where there is no terminal."""
_RATE_SECONDS = 300.0
"""The time left is what the episodes that ended in so long, a thousand at most, took each."""


class RunProgress:
    """Counts finished episodes and shows success so far, episodes per hour and time left.

    Args:
        total: episodes that this start of the run will play.
        console: where to show progress.
        live: whether a bar may be painted on a terminal; without it, plain lines.
        clock: seconds since any moment.
    """

    def __init__(
        self,
        total: int,
        console: Console,
        *,
        live: bool = True,
        clock: GetTimeCallable = time.monotonic,
    ) -> None:
        self._total = total
        self._console = console
        self._live = live and console.is_terminal
        self._clock = clock
        self._done = self._successes = self._errors = self._unscored = 0
        self._started = self._last_line = clock()
        self._bar = Progress(
            TextColumn("episodes"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            get_time=clock,
            speed_estimate_period=_RATE_SECONDS,
        )
        self._task = self._bar.add_task("episodes", total=total, figures="")

    def __enter__(self) -> Self:
        if self._live:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._bar.stop()

    def notify(self, text: str) -> None:
        """Say what is done before the first episode ends."""
        if self._live:
            self._bar.update(self._task, figures=text)
        else:
            self._print(text)

    def add(self, episode: Summary) -> None:
        """Count a finished episode."""
        self._done += 1
        self._successes += episode.outcome is Outcome.SUCCESS
        self._errors += episode.outcome is Outcome.INFRASTRUCTURE_ERROR
        self._unscored += episode.outcome is Outcome.UNSCORED
        self._bar.update(self._task, advance=1, figures=self.figures())
        overdue = self._clock() - self._last_line >= LINE_SECONDS
        if not self._live and (self._done == self._total or overdue):
            self._last_line = self._clock()
            self._print(f"{self._done}/{self._total} episodes, {self.figures()}{self._left()}")

    def figures(self) -> str:
        """Return success so far, and speed."""
        scored = self._done - self._errors - self._unscored
        rate = f"{self._successes / scored:.1%}" if scored else "-"
        errors = f", {self._errors} infrastructure errors" if self._errors else ""
        per_second = self._done / max(self._clock() - self._started, 1e-9)
        return f"success {rate}{errors}, {per_second * 3600:,.0f} episodes/h"

    def _left(self) -> str:
        """Return the time left, as soon as episodes that have ended say how fast they do."""
        seconds = 0 if self._done == self._total else self._bar.tasks[0].time_remaining
        if seconds is None:
            return ""
        return f", {seconds / 60:.0f} min left" if seconds >= 60 else f", {seconds:.0f} s left"

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False)
