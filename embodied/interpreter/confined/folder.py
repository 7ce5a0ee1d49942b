"""The folder that is a confined process's world: how full it is, and how it goes."""

from __future__ import annotations

import os
import stat

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 1000


def is_too_full(folder: str) -> bool:
    """Whether a process has left more in its folder than it may. It may still be running."""
    pending, entries, size = [folder], 0, 0
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


def remove(folder: str) -> None:
    """Remove a folder that no process uses any more, however deep it is.

    What lies in folders inside it is moved up before they are removed, so that neither the length
    of a path nor a recursion can grow. What cannot be removed is left.
    """
    number = 0
    while True:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        if not entries:
            break
        before = number
        for entry in entries:
            number += _take_out(folder, entry, number)
        if number == before:
            return
    try:
        os.rmdir(folder)
    except OSError:
        return


def _take_out(folder: str, entry: os.DirEntry[str], number: int) -> int:
    """Remove one entry or bring up what it holds; how many things that were."""
    try:
        if not stat.S_ISDIR(entry.stat(follow_symlinks=False).st_mode):
            os.unlink(entry.path)
            return 1
        os.chmod(entry.path, 0o700)
        inner = os.listdir(entry.path)
        for offset, name in enumerate(inner):
            moved = os.path.join(folder, f".{os.getpid()}-{number + offset}")
            os.rename(os.path.join(entry.path, name), moved)
        os.rmdir(entry.path)
    except OSError:
        return 0
    return len(inner) + 1
