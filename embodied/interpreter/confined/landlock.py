"""Landlock: a process gives up all files but those that rules name (Linux 5.13 or newer).

The interface is described in https://docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_QUIET = 1
"""Do not fill the system's audit log with what this process is denied."""

_WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REGULAR = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_REFER = 1 << 13
_FILE_RIGHTS = _READ_FILE | _WRITE_FILE | _TRUNCATE
_FOLDER_RIGHTS = _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR | _REFER
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights each version of the interface knows."""
_ALL_RIGHTS = 16
_TCP_RIGHTS = 0b11
_SCOPES = 0b11
"""Abstract sockets and signals."""


def version() -> int:
    """Ask for the version of the interface that the kernel offers; 0: none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def ruleset(readable: Iterable[str], writable: Iterable[str], listable: Iterable[str] = ()) -> int:
    """Write down what a process may do with files; return its descriptor, for `enforce`.

    It also leaves no TCP, abstract sockets and signals to others where the kernel can take them.

    Args:
        readable: files and folders, with all that is in them.
        writable: likewise; they are readable, too.
        listable: folders whose names may be listed, as those of the folders in them.

    Raises:
        OSError: the kernel refuses.
    """
    offered = version()
    handled = (1 << _RIGHTS.get(offered, _ALL_RIGHTS)) - 1
    attributes = struct.pack("=Q", handled)
    if offered >= 4:
        attributes += struct.pack("=Q", _TCP_RIGHTS)
    if offered >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    rules = _call(_CREATE_RULESET, attributes, len(attributes), 0)
    read, write = _READ_FILE | _READ_DIR, _FILE_RIGHTS | _FOLDER_RIGHTS
    for paths, rights in ((readable, read), (writable, write), (listable, _READ_DIR)):
        for path in paths:
            _allow(rules, path, rights & handled)
    return rules


def enforce(rules: int) -> None:
    """Leave this process what a ruleset and those before allow, for ever; close the ruleset.

    It must have given up new privileges before.

    Raises:
        OSError: the kernel refuses.
    """
    try:
        _call(_RESTRICT_SELF, rules, _QUIET if version() >= 7 else 0)
    finally:
        os.close(rules)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add a rule for a path; one that is gone or out of reach needs none."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        attributes = struct.pack("=Qi", rights, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, attributes, 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: int | bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(libc.syscall(ctypes.c_long(number), *passed))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"Landlock: {os.strerror(error)}")
    return result
