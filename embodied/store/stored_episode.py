"""An episode as a run keeps it.

It is made by the worker that played the episode: the one writer need not take trajectories apart.
"""

from __future__ import annotations

from typing import NamedTuple

from embodied.store.jsonl import decode, encode
from embodied.store.summary import Summary, summarize
from embodied.trajectory import Trajectory


class StoredEpisode(NamedTuple):
    """A trajectory as its line in a shard, with the figures that the index has of it."""

    line: bytes
    """Line feed included."""
    summary: Summary
    """Without its location, which it gets when it is stored."""

    @classmethod
    def of(cls, trajectory: Trajectory) -> StoredEpisode:
        """Encode and summarize a trajectory; it is read back once.

        Raises:
            UnstorableError: it would not read back as a trajectory, or is too long for a line.
        """
        line, stored = encode(trajectory)
        return cls(line, summarize(stored, line))

    @property
    def trajectory(self) -> Trajectory:
        """The trajectory, read from the line."""
        return decode(self.line)
