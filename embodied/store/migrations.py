"""Records of earlier versions, brought into the shape of this one when they are read.

Whoever changes records so that earlier ones no longer read back raises `SCHEMA_VERSION` of
`embodied.trajectory`, adds the step from the version before to a table below, and keeps a run that
was written before in `tests/golden`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from embodied._util.stored_text import as_json_text
from embodied.errors import RunError
from embodied.trajectory import SCHEMA_VERSION

Migration = Callable[[dict[str, Any]], dict[str, Any]]


def _write_values_as_texts(record: dict[str, Any]) -> dict[str, Any]:
    """Write what had a type of its own in each record as JSON texts, which version 2 has."""
    for turn in record.get("turns", []):
        calls = turn.get("calls", [])
        for call in calls:
            call |= {name: as_json_text(call.get(name)) for name in ("arguments", "result")}
        for error in (each.get("error") for each in (turn, *calls)):
            if error is not None:
                error["variables"] = as_json_text(error.get("variables", {}))
    return record


TRAJECTORIES: Mapping[int, Migration] = {1: _write_values_as_texts}
"""By version, the step that turns a trajectory into one of the next version. A version without one
has the next one's shape."""

PROTOCOLS: Mapping[int, Migration] = {}
"""The same of `protocol.yaml`."""


def migrate(record: dict[str, Any], steps: Mapping[int, Migration]) -> dict[str, Any]:
    """Bring a record into the current shape. One without a version counts as the first.

    Raises:
        RunError: a newer embodied wrote it.
        AttributeError, KeyError, TypeError, ValueError: it has not the shape of its version.
    """
    version = record.get("schema_version", 1)
    if not isinstance(version, int):
        raise ValueError(f"schema_version: {version!r:.80} is not a number")
    if version > SCHEMA_VERSION:
        raise RunError(
            f"a newer embodied wrote this: its schema_version is {version}, and {SCHEMA_VERSION} "
            "is the last that this one reads; upgrade it: pip install --upgrade embodied-codeact"
        )
    for number in range(max(version, 1), SCHEMA_VERSION):
        record = steps[number](record) if number in steps else record
    return record | {"schema_version": SCHEMA_VERSION}
