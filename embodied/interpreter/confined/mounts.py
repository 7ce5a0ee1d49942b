"""File systems of the zygote's own: mounts that no other process sees and that end with it.

A superuser needs a mount namespace for that, anybody else a user namespace as well:
https://man7.org/linux/man-pages/man7/user_namespaces.7.html. Containers often allow neither.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_NO_SUID, _NO_DEVICES, _RECURSIVE, _PRIVATE = 0x2, 0x4, 0x4000, 0x40000
_DETACH = 2


def separate() -> bool:
    """Give this process, which must have one thread only, mounts of its own; whether that worked.

    Its user and group stay what they are.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        try:
            _call("unshare", _NEW_MOUNTS)
        except OSError:
            _call("unshare", _NEW_USER | _NEW_MOUNTS)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        _call("mount", None, b"/", None, ctypes.c_ulong(_RECURSIVE | _PRIVATE), None)
    except (OSError, AttributeError):
        return False
    return True


def mount(folder: Path, size: int, entries: int) -> None:
    """Put an empty file system of a bounded size, in bytes, and number of files into a folder.

    Raises:
        OSError: the system does not allow it.
    """
    options = f"size={size},nr_inodes={entries + 1},mode=0700"
    flags = ctypes.c_ulong(_NO_SUID | _NO_DEVICES)
    _call("mount", b"embodied", os.fsencode(folder), b"tmpfs", flags, options.encode())


def unmount(folder: Path) -> None:
    """Take the file system out of a folder again, if there is one."""
    with contextlib.suppress(OSError):
        _call("umount2", os.fsencode(folder), _DETACH)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
