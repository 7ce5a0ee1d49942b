"""The folders that are the worlds of sessions: how they come, what they can hold, how they go."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import mounts

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 1000
FILE_BYTES = 8 * 1024 * 1024
"""Of one file."""


@dataclass
class Room:
    """What a session may still write where its folder is not a file system of its own."""

    bytes: int = MAX_BYTES
    entries: int = MAX_ENTRIES

    def take(self, size: int, entries: int = 0) -> bool:
        """Take some of it, for good, since files that were removed may still be held open."""
        if size > self.bytes or entries > self.entries:
            return False
        self.bytes -= size
        self.entries -= entries
        return True


class Folders:
    """Makes and removes the folders of sessions.

    Args:
        base: where they are.
        user: who they belong to; None: whoever makes them.
        mounted: each is a file system of its own, of `MAX_BYTES` and `MAX_ENTRIES`.
    """

    def __init__(self, base: Path, user: int | None, *, mounted: bool) -> None:
        self._base = base
        self._user = user
        self._mounted = mounted
        self._rooms: dict[int, Room | None] = {}

    def path(self, number: int) -> Path:
        """Return the folder of a session, which is made and empty at first.

        Raises:
            OSError: it cannot be made.
        """
        path = self._base / str(number)
        if number not in self._rooms:
            remove(path)
            path.mkdir(mode=0o700)
            self._rooms[number] = None if self._mount(path) else Room()
            if self._user is not None:
                os.chown(path, self._user, self._user)
        return path

    def room(self, number: int) -> Room | None:
        """Return what a session may still write; None: its file system itself is bounded."""
        return self._rooms[number]

    def remove(self, number: int) -> None:
        """Remove the folder of a session, which has no process any more."""
        if self._rooms.pop(number, self) is None:
            mounts.unmount(self._base / str(number))
        remove(self._base / str(number))

    def close(self) -> None:
        """Remove all of them."""
        for number in list(self._rooms):
            self.remove(number)

    def _mount(self, path: Path) -> bool:
        if self._mounted:
            with suppress(OSError):
                mounts.mount(path, MAX_BYTES, MAX_ENTRIES)
                return True
        return False


def remove(folder: Path) -> None:
    """Remove a folder that no process uses any more. What cannot be removed is left.

    However deep it is: what lies in folders inside it is moved up before they are removed, so that
    neither the length of a path nor a recursion can grow.
    """
    number, before = 0, -1
    with suppress(OSError):
        while number != before:
            before = number
            for entry in list(folder.iterdir()):
                number += _take_out(folder, entry, number)
        folder.rmdir()


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
