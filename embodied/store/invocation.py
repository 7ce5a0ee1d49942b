"""What each invocation of a run measured: one small file, replaced while it plays."""

from __future__ import annotations

import logging
from pathlib import Path

from pydantic import NonNegativeFloat, NonNegativeInt, ValidationError

from embodied.llm.server_metrics import ServerTotals
from embodied.store.layout import INVOCATIONS, open_file, replacing
from embodied.trajectory import Record

_FILE_BYTES = 64 * 1024

_log = logging.getLogger("embodied.store")


class RunInvocation(Record):
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


def write_invocation(folder: Path, number: int, invocation: RunInvocation) -> None:
    """Write what an invocation measured, in place of what it had measured before."""
    with replacing(INVOCATIONS.path(folder, number)) as file:
        file.write(invocation.model_dump_json().encode())


def read_invocations(folder: Path) -> list[RunInvocation]:
    """Read the invocations of a run in their order; bad files are passed over and logged."""
    invocations = []
    for number in INVOCATIONS.numbers(folder):
        path = INVOCATIONS.path(folder, number)
        try:
            with open_file(path) as file:
                invocations.append(RunInvocation.model_validate_json(file.read(_FILE_BYTES)))
        except (FileNotFoundError, ValidationError) as error:
            _log.warning("invocation passed over: %s: %s", path, error)
    return invocations
