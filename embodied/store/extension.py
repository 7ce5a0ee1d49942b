"""Growing a run: more samples or more tasks, everything else as it was."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.store.index import scan
from embodied.store.layout import read_protocol
from embodied.store.summary import Summary

GROWING = ("limit", "kinds", "ids", "samples", "sample")
"""Settings of `tasks` that may choose more than before."""


def check_protocol(folder: Path, stored: RunProtocol, wanted: RunProtocol) -> None:
    """Raise `RunError` unless a protocol is the stored one, or that with more of its tasks."""
    same = not stored.model_copy(update={"tasks": wanted.tasks}).differences(wanted)
    if not (same and _grown(stored.tasks, wanted.tasks)):
        _refuse(folder, stored, wanted)


def check_extension(folder: Path, wanted: RunProtocol, episodes: Collection[str]) -> None:
    """Raise `RunError` unless `check_protocol` passes and `episodes` has all that are stored."""
    stored = read_protocol(folder)
    check_protocol(folder, stored, wanted)
    if stored.differences(wanted):
        planned = set(episodes)
        for record in scan(folder):
            if isinstance(record, Summary) and record.episode_id not in planned:
                _refuse(folder, stored, wanted, f"they leave out episode {record.episode_id!r}; ")


def _refuse(folder: Path, stored: RunProtocol, wanted: RunProtocol, why: str = "") -> None:
    raise RunError(
        f"{folder} holds a run with another protocol, and their scores must not be mixed:\n  "
        + "\n  ".join(stored.differences(wanted))
        + f"\n{why}choose another folder or restore these settings"
    )


def _grown(stored: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(
        _covers(wanted.get(name), stored.get(name))
        if name in GROWING
        else wanted.get(name) == stored.get(name)
        for name in stored.keys() | wanted.keys()
    )


def _covers(wanted: Any, stored: Any) -> bool:
    """Tell whether a setting chooses all that another does; None and an empty list choose all."""
    if not wanted or not stored:
        return not wanted
    try:
        return set(wanted) >= set(stored) if isinstance(wanted, list) else bool(wanted >= stored)
    except TypeError:
        return False
