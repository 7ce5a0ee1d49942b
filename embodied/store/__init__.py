"""Runs on disk: folders that explain themselves, survive being killed and can be resumed.

`RunStore` writes a run, `RunReader` reads one, also while it is being written.
"""

from __future__ import annotations

from embodied.store.invocation import RunInvocation
from embodied.store.jsonl import StoredEpisode
from embodied.store.reader import RunReader
from embodied.store.summary import EpisodeSeconds, Summary
from embodied.store.writer import RunStore

__all__ = [
    "EpisodeSeconds",
    "RunInvocation",
    "RunReader",
    "RunStore",
    "StoredEpisode",
    "Summary",
]
