"""Episodes that were chosen, read one at a time whenever they are gone through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from embodied.datasets.sources import Candidate, Episode, Source
from embodied.errors import RunError


@dataclass(frozen=True)
class Part:
    """The episodes of one part of a dataset, such as `train`."""

    sources: Sequence[Source]
    candidates: Sequence[Candidate]

    def __len__(self) -> int:
        """Count the episodes."""
        return len(self.candidates)

    def __iter__(self) -> Iterator[Episode]:
        """Read the episodes in their order."""
        return map(self.load, self.candidates)

    def load(self, candidate: Candidate) -> Episode:
        """Read one episode.

        Raises:
            RunError: its record is no longer there.
        """
        source = self.sources[candidate.source]
        trajectory = source.run.load(candidate.place)
        if trajectory is None:
            raise RunError(
                f"episode {candidate.place.episode_id!r} of {source.run.folder} can no longer be "
                "read; the run was changed meanwhile: build the dataset again"
            )
        return Episode(source, trajectory)

    def by_task(self) -> list[list[Candidate]]:
        """List the episodes of each task, in the order of their first ones."""
        tasks: dict[tuple[str, str, str], list[Candidate]] = {}
        for candidate in self.candidates:
            tasks.setdefault(candidate.task, []).append(candidate)
        return list(tasks.values())
