"""What goes to a worker and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from embodied.episode import episode_id
from embodied.store import StoredEpisode
from embodied.task import Task


@dataclass(frozen=True)
class Assignment:
    """One episode that a worker is to play."""

    task: Task
    sample: int
    causes: tuple[str, ...] = ()
    """Why earlier attempts were given up."""

    @property
    def id(self) -> str:
        """The episode's id within the run."""
        return episode_id(self.task, self.sample)


@dataclass(frozen=True)
class Result:
    """What became of one assignment: an episode, or an error."""

    memory_bytes: int
    """Resident memory of the worker afterwards."""
    episode: StoredEpisode | None = None
    error: str | None = None
    traceback: str | None = None
    retry: bool = False
    """Whether the error may go away when the episode is played again."""
    fatal: bool = False
    """Whether the error will meet every episode of the run."""
