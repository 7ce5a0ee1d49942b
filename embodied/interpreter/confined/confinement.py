"""Confines the process of a session: rights, files, system calls, memory, and when it dies."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import folder, landlock, seccomp, supervision

NOBODY = 65534
OPEN_FILES = 64
STACK_BYTES = 8 * 1024 * 1024
_ADDRESS_SPACE = 1024**3
"""Beyond the memory that may be written: libraries that are loaded later, mapped files."""
_SET_DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 1, 38
_CAPABILITIES_VERSION = 0x20080522


@dataclass(frozen=True)
class World:
    """What a confined process may use."""

    folder: str
    """Its working folder, the only one that it may write to."""
    readable: Sequence[str]
    """Files and folders that it may read besides, as far as `rules` allows."""
    memory_bytes: int
    """What it may use beyond what it has already."""
    user: int | None
    """Who it becomes; None: whoever it is, without privileges."""
    rules: int | None
    """Descriptor of a Landlock ruleset that holds for all sessions; None: there is none."""
    supervisor: socket.socket | None
    """Who decides what it may still write, from now on; None: its folder itself is bounded."""
    required: bool = True
    """False: go on where the system cannot confine."""


def problem() -> str | None:
    """Say what this system lacks to confine a process; None: nothing."""
    if sys.platform != "linux":
        return f"it needs Linux, and this is {sys.platform}"
    if not seccomp.knows(os.uname().machine):
        return f"it has no filter of system calls for {os.uname().machine}"
    missing = []
    if not landlock.version():
        missing.append("Landlock (Linux 5.13 or newer, with landlock among its security modules)")
    if not seccomp.is_offered():
        missing.append("seccomp filters")
    return f"this system does not offer {' and '.join(missing)}" if missing else None


def confine(world: World, descriptor: int) -> None:
    """Confine this process, which must have one thread only, for ever.

    Args:
        world: what it may use.
        descriptor: the only open file that it keeps, besides the standard ones.

    Raises:
        OSError: the system refuses, and confinement is required.
    """
    os.setsid()
    os.chdir(world.folder)
    _close_all_but(descriptor, world)
    if sys.platform != "linux":
        return
    pages = Path("/proc/self/statm").read_text().split()
    space, data = (int(pages[field]) * os.sysconf("SC_PAGE_SIZE") for field in (0, 5))
    with _tolerant(world.required):
        with contextlib.suppress(OSError):  # where the machine runs out of memory, it goes first
            Path("/proc/self/oom_score_adj").write_text("1000")
        _drop_privileges(world)
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)  # a change of user forgets it: it comes after that
    _limit(space, data, world.memory_bytes)
    with _tolerant(world.required):
        if world.rules is not None:
            landlock.enforce(world.rules)
        landlock.enforce(landlock.ruleset(world.readable, [".", "/dev/null"]))
    with _tolerant(world.required):
        if world.supervisor is not None:
            with world.supervisor:
                supervision.hand_over(seccomp.supervise(os.uname().machine), world.supervisor)
    with _tolerant(world.required):
        seccomp.restrict(os.uname().machine, os.getpid())


def shared_rules(
    readable: Sequence[str], listable: Sequence[str], base: Path, *, required: bool
) -> int | None:
    """Give up new privileges in this process, and write down what all sessions may use.

    Returns:
        The descriptor of a Landlock ruleset. It names every file that may be read one by one, which
        would take too long in each session.

    Raises:
        OSError: the system refuses, and confinement is required.
    """
    if sys.platform == "linux":
        with _tolerant(required):
            _prctl(_NO_NEW_PRIVILEGES, 1)
            return landlock.ruleset(readable, [str(base), "/dev/null"], listable)
    return None


def become(user: int) -> None:
    """Make this process one of a user and the group of the same number, for ever."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _tolerant(required: bool) -> contextlib.suppress:
    return contextlib.suppress(*(() if required else (OSError, KeyError)))


def _close_all_but(descriptor: int, world: World) -> None:
    kept = {0, 1, 2, descriptor}
    kept |= {world.supervisor.fileno()} if world.supervisor else set()
    kept |= {world.rules} if world.rules is not None else set()
    for low, high in itertools.pairwise([*sorted(kept), _most_files()]):
        os.closerange(low + 1, high)


def _most_files() -> int:
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if most == resource.RLIM_INFINITY else most


def _drop_privileges(world: World) -> None:
    if world.user is not None:
        become(world.user)
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, bytes(24)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"capset: {os.strerror(error)}")


def _limit(space: int, data: int, memory_bytes: int) -> None:
    """Limit what this process may use, beside the bytes of address space and data that it has."""
    import resource

    limits = {"DATA": data + memory_bytes, "AS": space + memory_bytes + _ADDRESS_SPACE}
    limits |= {"FSIZE": folder.FILE_BYTES, "NOFILE": OPEN_FILES, "CORE": 0, "NPROC": 0}
    limits |= {"MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 0, "STACK": STACK_BYTES}
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (least, least))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    rest = [ctypes.c_ulong(n) for n in (value, 0, 0, 0)]
    if libc.prctl(option, *rest) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"prctl {option}: {os.strerror(error)}")
