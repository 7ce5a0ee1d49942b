"""What each sitting on a run measured: one small file a sitting, replaced while it grows."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import NonNegativeFloat, NonNegativeInt, ValidationError

from embodied.llm.server_metrics import ServerTotals
from embodied.store.layout import open_file, replacing, sitting_numbers, sitting_path
from embodied.trajectory import Record

_FILE_BYTES = 64 * 1024

_log = logging.getLogger("embodied.store")


class Sitting(Record):
    """One process's work on a run. A run that was resumed had several."""

    started_at: str
    """ISO 8601, in UTC."""
    wall_seconds: NonNegativeFloat
    """From the start of its first worker to the end of its last episode."""
    episodes: NonNegativeInt
    """That it finished."""
    turns: NonNegativeInt
    """Of these episodes."""
    in_flight_seconds: NonNegativeFloat
    """Episodes that were being played, times seconds."""
    workers: NonNegativeInt
    """Most that were there at a time."""
    replaced_workers: NonNegativeInt
    worker_bytes: NonNegativeInt
    """The largest resident memory that a worker had after an episode, without its children's."""
    server: ServerTotals | None = None
    """Of the LLM server; None where the run has none."""


def write_sitting(folder: Path, number: int, sitting: Sitting) -> None:
    """Write a sitting, in place of what it had measured before."""
    with replacing(sitting_path(folder, number)) as file:
        file.write(sitting.model_dump_json().encode())


def read_sittings(folder: Path) -> list[Sitting]:
    """The sittings of a run in their order; those that cannot be read are passed over."""
    sittings = []
    for number in sitting_numbers(folder):
        path = sitting_path(folder, number)
        try:
            with open_file(path) as file:
                sittings.append(Sitting.model_validate_json(file.read(_FILE_BYTES)))
        except (FileNotFoundError, ValidationError) as error:
            _log.warning("sitting passed over: %s: %s", path, error)
    return sittings
