"""Workers without Ray: one, in this process, for debugging."""

from __future__ import annotations

import asyncio
import logging

from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerHandle
from embodied.runner.plan import ResolvedRun
from embodied.runner.worker import Worker

STOP_SECONDS = 10.0
"""How long the end of a worker waits for episodes that were cancelled."""

_LOG = logging.getLogger(__name__)


class LocalPool(Pool):
    """One worker in this process. Its memory cannot be given back while the run lasts."""

    size = 1

    def __init__(self, run: ResolvedRun) -> None:
        self._config = run.config

    async def start_worker(self) -> WorkerHandle:
        """Set a worker up in this process, with threads of its own."""
        worker = Worker(self._config)
        return _LocalHandle(worker, await worker.start())

    def close(self) -> None:
        """Do nothing: nothing is shared."""


class _LocalHandle(WorkerHandle):
    def __init__(self, worker: Worker, slots: int) -> None:
        self._worker = worker
        self._abandoned: list[asyncio.Task[Result]] = []
        self.slots = slots

    async def run(self, assignment: Assignment) -> Result:
        """Play one episode; where this is cancelled, leave it to clean up behind itself.

        That may take long: a call into a simulator cannot be cancelled.
        """
        playing = asyncio.create_task(self._worker.run(assignment))
        try:
            return await asyncio.shield(playing)
        except asyncio.CancelledError:
            self._worker.renew_threads()
            playing.cancel()
            self._abandoned.append(playing)
            raise

    async def waited_seconds(self) -> float:
        return await self._worker.waited_seconds()

    async def stop(self) -> None:
        if self._abandoned:
            _, hanging = await asyncio.wait(self._abandoned, timeout=STOP_SECONDS)
            if hanging:
                _LOG.warning(
                    "%d cancelled episodes hang in their simulator, which stays open", len(hanging)
                )
        await self._worker.stop()
