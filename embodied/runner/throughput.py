"""Measures a sitting: one process's work on a run, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime

from embodied.errors import RunError
from embodied.llm.config import LLMConfig
from embodied.llm.metrics_poller import MetricsPoller
from embodied.runner.assignment import Result
from embodied.store import RunInvocation

KEEP_SECONDS = 30.0
"""How often the figures are kept. A sitting that is killed loses at most these seconds of them."""

_LOG = logging.getLogger(__name__)


class Meter:
    """Adds up what a sitting does.

    Args:
        watch: of the LLM server; None where the run has none.
        clock: seconds since any moment.
    """

    def __init__(
        self, watch: MetricsPoller | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.watch = watch
        self._clock = clock
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._started = self._at = clock()
        self._episodes = self._turns = 0
        self._in_flight = 0
        self._in_flight_seconds = 0.0
        self._workers = self._most_workers = self._started_workers = 0
        self._worker_bytes = 0

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker is there while the block lasts."""
        self._started_workers += 1
        self._workers += 1
        self._most_workers = max(self._most_workers, self._workers)
        try:
            yield
        finally:
            self._workers -= 1

    @contextmanager
    def episode(self) -> Iterator[None]:
        """An episode is in flight while the block lasts."""
        self._advance()
        self._in_flight += 1
        try:
            yield
        finally:
            self._advance()
            self._in_flight -= 1

    def add(self, result: Result) -> None:
        """Count what a worker sent back."""
        self._worker_bytes = max(self._worker_bytes, result.memory_bytes)
        if result.episode is not None:
            self._episodes += 1
            self._turns += result.episode.summary.turns

    def sitting(self) -> RunInvocation:
        """The figures so far."""
        self._advance()
        return RunInvocation(
            started_at=self._started_at,
            wall_seconds=self._at - self._started,
            episodes=self._episodes,
            turns=self._turns,
            in_flight_seconds=self._in_flight_seconds,
            workers=self._most_workers,
            replaced_workers=self._started_workers - self._most_workers,
            worker_bytes=self._worker_bytes,
            server=None if self.watch is None else self.watch.totals.model_copy(),
        )

    def _advance(self) -> None:
        now = self._clock()
        self._in_flight_seconds += self._in_flight * (now - self._at)
        self._at = now


@asynccontextmanager
async def measuring(
    models: Sequence[LLMConfig], keep: Callable[[RunInvocation], object]
) -> AsyncIterator[Meter]:
    """Measure while the block lasts; the figures go to `keep` every `KEEP_SECONDS` and at the end.

    A sitting that never had a worker is not kept. That `keep` fails fails no run.
    """
    watch = MetricsPoller(models[0]) if models else None
    meter = Meter(watch)
    try:
        async with watch or nullcontext():
            keeping = asyncio.create_task(_keep_on(meter, keep))
            try:
                yield meter
            finally:
                keeping.cancel()
    finally:
        _keep(meter, keep)


async def _keep_on(meter: Meter, keep: Callable[[RunInvocation], object]) -> None:
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        _keep(meter, keep)


def _keep(meter: Meter, keep: Callable[[RunInvocation], object]) -> None:
    sitting = meter.sitting()
    if not sitting.workers:
        return
    try:
        keep(sitting)
    except RunError as error:
        _LOG.warning("the throughput of this sitting is not kept: %s", error)
