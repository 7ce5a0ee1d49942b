"""The contract between a batch and the workers that play its episodes."""

from __future__ import annotations

from abc import ABC, abstractmethod

from embodied.runner.assignment import Assignment, Result


class WorkerDied(Exception):  # noqa: N818 - an event that is dealt with, not an error
    """A worker process is gone, with the episodes that it was playing."""


class WorkerHandle(ABC):
    """A started worker."""

    slots: int
    """Episodes that it plays at a time."""

    @abstractmethod
    async def run(self, assignment: Assignment) -> Result:
        """Play one episode there.

        Raises:
            WorkerDied: the worker is gone.
        """

    @abstractmethod
    async def stop(self) -> None:
        """End the worker, at once and for good."""


class Pool(ABC):
    """Starts workers."""

    size: int
    """Workers to keep."""

    @abstractmethod
    async def start_worker(self) -> WorkerHandle:
        """A new worker, ready to play.

        Raises:
            EmbodiedError: it cannot be set up.
            WorkerDied: it died while it started.
        """

    @abstractmethod
    def close(self) -> None:
        """Release what all workers shared."""
