"""Workers without Ray: one, in this process, for debugging."""

from __future__ import annotations

from embodied.config import RunConfig
from embodied.runner.worker import Assignment, Result, Worker
from embodied.runner.workers import Pool, WorkerHandle


class LocalPool(Pool):
    """One worker in this process. Its memory cannot be given back while the run lasts."""

    size = 1

    def __init__(self, config: RunConfig) -> None:
        self._config = config

    async def start_worker(self) -> WorkerHandle:
        """A worker in this process."""
        worker = Worker(self._config)
        return _LocalHandle(worker, await worker.start())

    def close(self) -> None:
        """Nothing is shared."""


class _LocalHandle(WorkerHandle):
    def __init__(self, worker: Worker, slots: int) -> None:
        self._worker = worker
        self.slots = slots

    async def run(self, assignment: Assignment) -> Result:
        return await self._worker.run(assignment)

    async def stop(self) -> None:
        await self._worker.stop()
