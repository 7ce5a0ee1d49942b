"""The tasks: seven of robosuite's, each with many seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from embodied._util.suggestion import suggestion
from embodied.errors import ConfigError, DataError
from embodied.task import Task

DEFAULT_SPLIT = "test"

SPLITS: Mapping[str, range] = {
    "test": range(20),
    "valid": range(100, 120),
    "train": range(1000, 2000),
}
"""The seeds of each split; every kind of task has them all."""

INSTRUCTIONS: Mapping[str, str] = {
    "Lift": "lift the cube at least 4 cm above the table",
    "Stack": "put the red_cube on top of the green_cube and let go of it",
    "NutAssemblySquare": "put the nut over the peg, down to the table, and let go of it",
    "PickPlaceCan": "put the can into the can_bin and let go of it",
    "Door": "turn the handle of the door down and pull the door open by at least 18 degrees",
    "Wipe": "wipe all dirt off the table with the sponge",
    "TwoArmLift": (
        "lift the pot at least 10 cm above the table with both arms: the right arm holds the "
        "green_handle, the left arm the blue_handle"
    ),
}
"""The goal of each kind of task in words: what robosuite's own test asks for."""

_ID = re.compile(r"(?P<kind>\w+)/seed-(?P<seed>\d{1,9})")


def list_tasks(split: str | None) -> list[Task]:
    """List the tasks of a split, by kind, then by seed.

    Raises:
        ConfigError: there is no such split.
    """
    split = split or DEFAULT_SPLIT
    if split not in SPLITS:
        raise ConfigError(f"robosuite has no split {split!r}{suggestion(split, SPLITS)}")
    return [
        Task(
            environment="robosuite",
            id=f"{kind}/seed-{seed}",
            split=split,
            kind=kind,
            instruction=instruction,
            group=f"{kind}/seed-{seed}",
            seed=seed,
        )
        for kind, instruction in INSTRUCTIONS.items()
        for seed in SPLITS[split]
    ]


def kind_and_seed(task_id: str) -> tuple[str, int]:
    """Read an id such as `Lift/seed-3`.

    Raises:
        DataError: it is no such id.
    """
    match = _ID.fullmatch(task_id)
    if match is None or match["kind"] not in INSTRUCTIONS:
        kinds = ", ".join(INSTRUCTIONS)
        raise DataError(
            f"{task_id!r} is no task of robosuite; ids are KIND/seed-NUMBER, with the kinds {kinds}"
        )
    return match["kind"], int(match["seed"])
