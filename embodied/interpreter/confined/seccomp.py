"""seccomp: a process gives up all system calls but those that a list allows.

The filter is a program of classic BPF, which the kernel runs at every call:
https://docs.kernel.org/userspace-api/seccomp_filter.html. What is on no list fails with EPERM:
processes and threads, new sockets, signals to others, tracing, mounting, namespaces, `io_uring`,
anonymous executable files. Memory is writable from its beginning or never: what is made writable
later is not counted against the limit by every kernel.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_LOAD, _EQUAL, _MORE, _ANY_OF, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO, _ASK = 0x7FFF0000, 0x80000000, 0x00050000, 0x7FC00000
_SET_SECCOMP, _FILTER = 22, 2
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3


_REFUSE, _PERMIT = (_RETURN, 0, 0, _ERRNO | errno.EPERM), (_RETURN, 0, 0, _ALLOW)
_PRETEND, _INQUIRE = (_RETURN, 0, 0, _ERRNO), (_RETURN, 0, 0, _ASK)

_X86_64 = (
    0xC000003E,
    {
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7,
        "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13,
        "rt_sigprocmask": 14, "rt_sigreturn": 15, "ioctl": 16, "pread64": 17, "pwrite64": 18,
        "readv": 19, "writev": 20, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25,
        "madvise": 28, "dup": 32, "dup2": 33, "nanosleep": 35, "getitimer": 36, "alarm": 37,
        "setitimer": 38, "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60,
        "uname": 63, "fcntl": 72, "fsync": 74,
        "fdatasync": 75, "ftruncate": 77, "getcwd": 79, "chdir": 80, "fchdir": 81, "rename": 82,
        "mkdir": 83, "rmdir": 84, "unlink": 87, "chmod": 90, "fchmod": 91, "umask": 95,
        "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100,
        "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
        "getpgrp": 111, "getgroups": 115, "getresuid": 118, "getresgid": 120, "getpgid": 121,
        "getsid": 124, "rt_sigpending": 127, "sigaltstack": 131, "utime": 132, "gettid": 186,
        "time": 201, "futex": 202, "sched_getaffinity": 204, "getdents64": 217,
        "restart_syscall": 219, "fadvise64": 221, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234, "utimes": 235, "openat": 257,
        "mkdirat": 258, "futimesat": 261, "newfstatat": 262, "unlinkat": 263, "renameat": 264,
        "fchmodat": 268, "faccessat": 269, "pselect6": 270, "ppoll": 271, "utimensat": 280,
        "dup3": 292, "prlimit64": 302, "getcpu": 309, "renameat2": 316, "getrandom": 318,
        "statx": 332, "close_range": 436, "faccessat2": 439, "fchmodat2": 452,
    },
)  # fmt: skip
_AARCH64 = (
    0xC00000B7,
    {
        "getcwd": 17, "dup": 23, "dup3": 24, "fcntl": 25, "ioctl": 29, "mkdirat": 34,
        "unlinkat": 35, "renameat": 38, "ftruncate": 46, "faccessat": 48, "chdir": 49,
        "fchdir": 50, "fchmod": 52, "fchmodat": 53, "openat": 56, "close": 57, "getdents64": 61,
        "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67,
        "pwrite64": 68, "pselect6": 72, "ppoll": 73, "newfstatat": 79, "fstat": 80, "fsync": 82,
        "fdatasync": 83, "utimensat": 88, "exit": 93, "exit_group": 94, "futex": 98,
        "nanosleep": 101, "getitimer": 102, "setitimer": 103, "clock_gettime": 113,
        "clock_getres": 114, "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124,
        "restart_syscall": 128, "tgkill": 131, "sigaltstack": 132, "rt_sigaction": 134,
        "rt_sigprocmask": 135, "rt_sigpending": 136, "rt_sigreturn": 139, "getresuid": 148,
        "getresgid": 150, "times": 153, "getpgid": 155, "getsid": 156, "getgroups": 158,
        "uname": 160, "getrlimit": 163, "getrusage": 165, "umask": 166, "getcpu": 168,
        "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175,
        "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179, "sendto": 206,
        "recvfrom": 207, "brk": 214, "munmap": 215,
        "mremap": 216, "mmap": 222, "fadvise64": 223, "mprotect": 226, "madvise": 233,
        "prlimit64": 261, "renameat2": 276, "getrandom": 278, "statx": 291, "close_range": 436,
        "faccessat2": 439, "fchmodat2": 452,
    },
)  # fmt: skip
_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""The architecture, as `AUDIT_ARCH_*` in linux/audit.h, and the numbers of its allowed calls."""
_SET_FILTER = {"x86_64": 317, "aarch64": 277}
"""The number of the call `seccomp`."""

_PRETENDED = {
    "chmod", "fchmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat", "utimensat",
}  # fmt: skip
"""Calls that do nothing and report success. Landlock does not cover them, so that they could change
any file of the same user; copying and unpacking files make them on the way."""

_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_FCNTL = (0, 1, 2, 3, 4, 5, 1030)
"""Duplicates, flags and asking for record locks; not those that make signals."""
_LOCKS = (6, 7)
"""Taking record locks, which nobody else would see, and which take memory of the kernel: nothing is
done, and success reported."""
_WRITABLE, _SHARED, _FIXED = 0x2, 0x1, 0x10
"""Of memory, and of what is mapped into it."""
_OVERLAY_BYTES = 16 * 1024 * 1024
"""What may be mapped over memory that was reserved before, as libraries are; it is not counted."""
_UNCOUNTED = (0x21, 0x100, 0x40000)
"""Memory that RLIMIT_DATA does not count: shared and anonymous, growing downwards, huge pages."""
_ACCESS_OR_TRUNCATE, _TRUNCATE = 0x203, 0x200
"""Opening for reading only and truncating at once; older versions of Landlock let it pass."""

_CREATE_OR_TEMPORARY = 0x400040
"""Opening that may make a file."""
_SIZE_AT = {"write": 2, "pwrite64": 2}
"""Calls that write, and which argument says how many bytes."""

_Instruction = tuple[int, int, int, int]


def is_offered() -> bool:
    """Whether the kernel takes filters."""
    return _set_filter(None) == errno.EFAULT


def knows(machine: str) -> bool:
    """Whether there is a filter for a kind of machine, named as `os.uname` does."""
    return machine in _MACHINES


def restrict(machine: str, process: int) -> None:
    """Leave this process the calls on the list, for ever; it may send signals to itself only.

    It must have given up new privileges before.

    Raises:
        OSError: the kernel refuses.
    """
    architecture, numbers = _MACHINES[machine]
    header, _code = _packed(_program(architecture, numbers, _blocks(numbers, process), _REFUSE))
    error = _set_filter(header)
    if error:
        raise OSError(error, f"seccomp: {os.strerror(error)}")


def supervise(machine: str) -> int:
    """Let another process decide from now on whether this one may take room on a disk.

    Returns:
        The descriptor by which the kernel asks it. Who holds it must answer.

    Raises:
        OSError: the kernel refuses.
    """
    architecture, numbers = _MACHINES[machine]
    blocks = {name: block for name, block in _asking().items() if name in numbers}
    header, _code = _packed(_program(architecture, numbers, blocks, _PERMIT))
    libc = ctypes.CDLL(None, use_errno=True)
    number, mode, flag = map(ctypes.c_long, (_SET_FILTER[machine], _SET_MODE_FILTER, _NEW_LISTENER))
    listener = int(libc.syscall(number, mode, flag, header))
    if listener < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"seccomp: {os.strerror(error)}")
    return listener


def sizes_at(machine: str) -> dict[int, int]:
    """Find the numbers of the calls that write; of each, which argument says how much."""
    numbers = _MACHINES[machine][1]
    return {numbers[name]: index for name, index in _SIZE_AT.items()}


def _set_filter(header: bytes | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    kind, nothing = ctypes.c_ulong(_FILTER), ctypes.c_ulong(0)
    failed = libc.prctl(_SET_SECCOMP, kind, header, nothing, nothing) != 0
    return ctypes.get_errno() if failed else 0


def _packed(program: list[_Instruction]) -> tuple[bytes, object]:
    """Pack a program as the kernel takes it; also what must be kept until it has."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    return struct.pack("@HP", len(program), ctypes.addressof(buffer)), buffer


def _program(
    architecture: int,
    numbers: dict[str, int],
    blocks: dict[str, list[_Instruction]],
    otherwise: _Instruction,
) -> list[_Instruction]:
    """Write a program: a block for each of some calls, and what is done with all others."""
    program = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_EQUAL, 1, 0, architecture)]
    program += [(_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NUMBER_AT)]
    for name, block in blocks.items():
        program += [(_EQUAL, 0, len(block), numbers[name]), *block]
    return [*program, otherwise]


def _blocks(numbers: dict[str, int], process: int) -> dict[str, list[_Instruction]]:
    """Allow the calls on the list, and some of them with some arguments only."""
    special = _special(process)
    usual = {name: [_PRETEND if name in _PRETENDED else _PERMIT] for name in numbers}
    return {name: special.get(name, block) for name, block in usual.items()}


def _special(process: int) -> dict[str, list[_Instruction]]:
    own_limits = [*_unless(0, 0), *_unless(2, 0), *_unless(2, 0, high=True)]
    no_address = [*_unless(4, 0), *_unless(4, 0, high=True)]
    pretended = [(_EQUAL, 0, 1, lock) for lock in _LOCKS]
    return {
        "ioctl": _only(1, _IOCTL, errno.ENOTTY),
        "fcntl": [
            _argument(1),
            *(line for test in pretended for line in (test, _PRETEND)),
            *_only(1, _FCNTL, errno.EPERM),
        ],
        "tgkill": _only(0, (process,), errno.EPERM),
        "prlimit64": [*own_limits, _PERMIT],
        "sendto": [*no_address, _PERMIT],
        "recvfrom": [*no_address, _PERMIT],
        "mmap": [*_without(3, *((bits, bits) for bits in _UNCOUNTED))[:-1], *_no_large_overlay()],
        "mprotect": _without(2, (_WRITABLE, _WRITABLE)),
        "open": _without(1, (_ACCESS_OR_TRUNCATE, _TRUNCATE)),
        "openat": _without(2, (_ACCESS_OR_TRUNCATE, _TRUNCATE)),
    }


def _no_large_overlay() -> list[_Instruction]:
    """Refuse to map writable memory over other memory where it is large."""
    return [
        *(_argument(3), (_ANY_OF, 1, 0, _FIXED), _PERMIT),
        *(_argument(2), (_ANY_OF, 1, 0, _WRITABLE), _PERMIT),
        *(_argument(1, high=True), (_EQUAL, 1, 0, 0), _REFUSE),
        *(_argument(1), (_MORE, 0, 1, _OVERLAY_BYTES), _REFUSE, _PERMIT),
    ]


def _asking() -> dict[str, list[_Instruction]]:
    """Ask before what takes room on a disk; refuse where no number says how much."""
    shared = [_argument(3), (_ANY_OF, 1, 0, _SHARED), _PERMIT]
    return {
        **{name: [_INQUIRE] for name in ("write", "pwrite64", "mkdir", "mkdirat")},
        "writev": [_REFUSE],
        "mmap": [*shared, _argument(2), (_ANY_OF, 0, 1, _WRITABLE), _REFUSE, _PERMIT],
        "open": [_argument(1), (_ANY_OF, 0, 1, _CREATE_OR_TEMPORARY), _INQUIRE, _PERMIT],
        "openat": [_argument(2), (_ANY_OF, 0, 1, _CREATE_OR_TEMPORARY), _INQUIRE, _PERMIT],
    }


def _argument(index: int, *, high: bool = False) -> _Instruction:
    """Load one half of an argument; both machines store the low half first."""
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + (4 if high else 0))


def _only(index: int, values: tuple[int, ...], error: int) -> list[_Instruction]:
    left = len(values)
    tests = [(_EQUAL, left - i, 0, value) for i, value in enumerate(values)]
    return [_argument(index), *tests, (_RETURN, 0, 0, _ERRNO | error), _PERMIT]


def _unless(index: int, value: int, *, high: bool = False) -> list[_Instruction]:
    return [_argument(index, high=high), (_EQUAL, 1, 0, value), _REFUSE]


def _without(index: int, *bits: tuple[int, int]) -> list[_Instruction]:
    """Refuse calls whose argument, masked, is a certain value."""
    block: list[_Instruction] = []
    for mask, value in bits:
        block += [_argument(index), (_AND, 0, 0, mask), (_EQUAL, 0, 1, value), _REFUSE]
    return [*block, _PERMIT]
