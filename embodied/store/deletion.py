"""Deleting a run: what it wrote, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

from embodied.errors import RunError
from embodied.store.layout import CONTENTS, LOCK, existing_run, locked, writing


def delete_run(folder: Path) -> None:
    """Delete what a run wrote to its folder, which remains. If interrupted, it can be repeated.

    Raises:
        RunError: the folder holds no run, or something that no run writes; another process is
            writing to it; it cannot be deleted.
    """
    names = {path.name for path in existing_run(folder).iterdir()} - {LOCK}
    if others := sorted(names.difference(CONTENTS)):
        raise RunError(
            f"{folder} is not deleted: it also holds {', '.join(others)}, which no run writes; "
            "move that away, or choose another folder"
        )
    with locked(folder), writing(folder):
        for name in CONTENTS:
            path = folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
