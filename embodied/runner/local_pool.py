"""Workers without Ray: one, in this process, for debugging."""

from __future__ import annotations

from embodied.runner.approvals import Question
from embodied.runner.assignment import Assignment, Result
from embodied.runner.backend import Pool, WorkerHandle
from embodied.runner.plan import ResolvedRun
from embodied.runner.worker import Worker
from embodied.trajectory import ApprovalRecord


class LocalPool(Pool):
    """One worker in this process. Its memory cannot be given back while the run lasts."""

    in_this_process = True
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
        self.slots = slots

    async def run(self, assignment: Assignment) -> Result:
        return await self._worker.run(assignment)

    async def next_question(self) -> Question:
        return await self._worker.next_question()

    async def answer(self, number: int, approval: ApprovalRecord) -> None:
        await self._worker.answer(number, approval)

    async def waited_seconds(self, episode: str) -> float:
        return await self._worker.waited_seconds(episode)

    async def stop(self) -> None:
        await self._worker.stop()
