"""The folder that is a confined process's world: how full it is, and how it goes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 1000


def is_too_full(folder: Path) -> bool:
    """Whether a process has left more in its folder than it may. It may still be running."""
    pending, entries, size = [str(folder)], 0, 0
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    entries += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entries > MAX_ENTRIES or size > MAX_BYTES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:
            return True
    return False


def remove(folder: Path) -> None:
    """Remove a folder that no process uses any more. What cannot be removed is left."""
    clear(folder)
    with suppress(OSError):
        folder.rmdir()


def clear(folder: Path) -> None:
    """Empty a folder that no process uses any more, however deep it is.

    What lies in folders inside it is moved up before they are removed, so that neither the length
    of a path nor a recursion can grow. What cannot be removed is left.
    """
    number, before = 0, -1
    with suppress(OSError):
        while number != before:
            before = number
            for entry in list(folder.iterdir()):
                number += _take_out(folder, entry, number)


def _take_out(folder: Path, entry: Path, number: int) -> int:
    """Remove one entry, or bring up what it holds; how many things that were."""
    try:
        if not _is_opened(entry):
            entry.unlink()
            return 1
        inner = list(entry.iterdir())
        for offset, item in enumerate(inner):
            _is_opened(item)
            item.rename(folder / f".{os.getpid()}-{number + offset}")
        entry.rmdir()
    except OSError:
        return 0
    return len(inner) + 1


def _is_opened(path: Path) -> bool:
    """Whether this is a folder; if so, it can be read and moved from now on."""
    is_folder = stat.S_ISDIR(path.lstat().st_mode)
    if is_folder:
        path.chmod(0o700)
    return is_folder
