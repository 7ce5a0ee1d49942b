"""Progress of a run, for people: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from embodied.store import Summary
from embodied.trajectory import Outcome

LINE_SECONDS = 10.0
"""Time between two lines where there is no terminal."""


class RunProgress:
    """Counts finished episodes and shows success so far, episodes per hour and time left."""

    def __init__(self, total: int, console: Console, *, live: bool = True) -> None:
        """Start counting.

        Args:
            total: episodes that this start of the run will play.
            console: where to show progress.
            live: whether a bar may be painted on a terminal; without it, plain lines.
        """
        self._total = total
        self._console = console
        self._done = self._successes = self._errors = 0
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if live and console.is_terminal:
            self._bar = Progress(
                TextColumn("episodes"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[figures]}"),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task("episodes", total=total, figures="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def add(self, episode: Summary) -> None:
        """Count a finished episode."""
        self._done += 1
        self._successes += episode.outcome is Outcome.SUCCESS
        self._errors += episode.outcome is Outcome.INFRASTRUCTURE_ERROR
        if self._bar:
            self._bar.update(self._task, advance=1, figures=self.figures())
        elif self._done == self._total or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            self._console.print(
                f"{self._done}/{self._total} episodes, {self.figures()}, {self._left()}",
                highlight=False,
            )

    def figures(self) -> str:
        """Success so far, and speed."""
        scored = self._done - self._errors
        rate = f"{self._successes / scored:.1%}" if scored else "-"
        errors = f", {self._errors} infrastructure errors" if self._errors else ""
        return f"success {rate}{errors}, {self._per_second() * 3600:,.0f} episodes/h"

    def _per_second(self) -> float:
        return self._done / max(time.monotonic() - self._started, 1e-9)

    def _left(self) -> str:
        seconds = (self._total - self._done) / max(self._per_second(), 1e-9)
        return f"{seconds / 60:.0f} min left" if seconds >= 60 else f"{seconds:.0f} s left"
