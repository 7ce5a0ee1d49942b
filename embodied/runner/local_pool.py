"""Workers without Ray: one, in this process, for debugging."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerHandle
from embodied.runner.plan import ResolvedRun
from embodied.runner.worker import Worker


class _Threads(ThreadPoolExecutor):
    """Threads that nobody waits for at the end: one may hang in a simulator."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


class LocalPool(Pool):
    """One worker in this process. Its memory cannot be given back while the run lasts."""

    size = 1

    def __init__(self, run: ResolvedRun) -> None:
        self._config = run.config

    async def start_worker(self) -> WorkerHandle:
        """A worker in this process, with threads of its own: those of the last one may hang."""
        worker = Worker(self._config)
        slots = await worker.start()
        asyncio.get_running_loop().set_default_executor(_Threads(worker.threads))
        return _LocalHandle(worker, slots)

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
