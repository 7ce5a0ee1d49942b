"""Runs on disk: folders that explain themselves, survive being killed and can be gone on with.

`RunStore` writes a run, `RunReader` (or `open_run`) reads one, also while it is being written.
"""

from __future__ import annotations

from embodied.store.invocation import Sitting
from embodied.store.reader import RunReader, open_run
from embodied.store.stored_episode import StoredEpisode
from embodied.store.summary import EpisodeSeconds, Place, Summary
from embodied.store.writer import RunStore

__all__ = [
    "EpisodeSeconds",
    "Place",
    "RunReader",
    "RunStore",
    "Sitting",
    "StoredEpisode",
    "Summary",
    "open_run",
]
