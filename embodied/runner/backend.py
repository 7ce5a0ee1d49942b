"""What a pool of workers must do for a batch.

To add one, write a class over `Pool` and register it under the entry-point group `embodied.pools`,
or name it by its file: `runner.kind: path/to/file.py:Class`. A worker plays with
`embodied.runner.worker.Worker(run.config)`; the configuration goes to another process by pickle,
that of a pool in a file as `config.model_dump(mode="json")`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from embodied.config.schema import RunnerConfig
from embodied.errors import ConfigError
from embodied.plugins.registry import load
from embodied.runner.approvals import Question
from embodied.runner.assignment import Assignment, Result
from embodied.runner.plan import ResolvedRun
from embodied.trajectory import ApprovalRecord


class WorkerDied(Exception):  # noqa: N818 - an event that is dealt with, not an error
    """A worker process is gone, with the episodes that it was playing."""


class WorkerHandle(ABC):
    """A started worker."""

    slots: int
    """Episodes that it plays at a time."""

    @abstractmethod
    async def run(self, assignment: Assignment) -> Result:
        """Play one episode there. It is cancelled where the episode takes too long.

        Raises:
            WorkerDied: the worker is gone.
        """

    async def next_question(self) -> Question:
        """Wait for a call there that a person is to approve; as `Worker.next_question`.

        Raises:
            WorkerDied: the worker is gone.
            ConfigError: this pool passes no questions on.
        """
        raise ConfigError(
            f"{type(self).__name__} passes no questions on from its workers; choose "
            "--runner.approval allow, deny or a rule that never asks"
        )

    async def answer(self, number: int, approval: ApprovalRecord) -> None:
        """Pass the answer to a question on; as `Worker.answer`.

        Raises:
            WorkerDied: the worker is gone.
        """
        raise NotImplementedError

    async def waited_seconds(self, episode: str) -> float:
        """Return the time, since an episode began, in which requests of the worker to models
        waited for rate limits. No episode counts as hung because of it.

        Raises:
            WorkerDied: the worker is gone.
        """
        return 0.0

    @abstractmethod
    async def stop(self) -> None:
        """End the worker for good, by `Worker.stop`: its robots are stopped first."""


class Pool(ABC):
    """Starts workers."""

    Settings: ClassVar[type[RunnerConfig]] = RunnerConfig
    """The section `runner` of a run on this pool. A pool with settings of its own adds fields."""
    notice: ClassVar[str] = ""
    """What is shown while it is made, where that takes seconds."""
    in_this_process: ClassVar[bool] = False
    """Whether workers share this process, and so its terminal."""
    size: int
    """Workers to keep."""

    @abstractmethod
    def __init__(self, run: ResolvedRun) -> None:
        """Reach what the workers run on. It may block: this is no thread of the event loop.

        Raises:
            ConfigError: it cannot be reached.
        """

    @abstractmethod
    async def start_worker(self) -> WorkerHandle:
        """Start a worker and return it, ready to play.

        Raises:
            EmbodiedError: it cannot be set up.
            WorkerDied: it died while it started.
        """

    @abstractmethod
    def close(self) -> None:
        """Release what all workers shared. It may block."""


def pool_class(kind: str) -> type[Pool]:
    """Find a pool by its name, as registered or `path/to/file.py:Class`, with errors as `load`."""
    return load("embodied.pools", kind, Pool)  # type: ignore[no-any-return]
