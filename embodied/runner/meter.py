"""Measures an invocation of a run: one process's work on it, from its start to its end."""

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

SAVE_SECONDS = 30.0
"""How often the figures are saved: what is killed loses at most these seconds of them."""

_LOG = logging.getLogger(__name__)


class InvocationMeter:
    """Adds up what an invocation does.

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
        """Count a worker while the block lasts."""
        self._started_workers += 1
        self._workers += 1
        self._most_workers = max(self._most_workers, self._workers)
        try:
            yield
        finally:
            self._workers -= 1

    @contextmanager
    def episode(self) -> Iterator[None]:
        """Count an episode as in flight while the block lasts."""
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

    def invocation(self) -> RunInvocation:
        """Return the figures so far."""
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
    models: Sequence[LLMConfig], save: Callable[[RunInvocation], object]
) -> AsyncIterator[InvocationMeter]:
    """Measure while the block lasts; the figures go to `save` every `SAVE_SECONDS` and at the end.

    Nothing is saved where there never was a worker. A failure of `save` fails no run.
    """
    watch = MetricsPoller(models[0]) if models else None
    meter = InvocationMeter(watch)
    try:
        async with watch or nullcontext():

            async def save_on() -> None:
                while True:
                    await asyncio.sleep(SAVE_SECONDS)
                    await asyncio.to_thread(_save, meter.invocation(), save)

            saving = asyncio.create_task(save_on())
            try:
                yield meter
            finally:
                saving.cancel()
    finally:
        _save(meter.invocation(), save)


def _save(invocation: RunInvocation, save: Callable[[RunInvocation], object]) -> None:
    if not invocation.workers:
        return
    try:
        save(invocation)
    except RunError as error:
        _LOG.warning("the throughput of this invocation is not saved: %s", error)
