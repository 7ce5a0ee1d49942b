"""Writing that the zygote allows, call by call, where a session's folder cannot be bounded itself.

The kernel holds each system call that may take room on the disk until the zygote has answered:
https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html. Only numbers are judged, never what
they point to, so that nothing can change behind the zygote's back.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from contextlib import suppress

from . import seccomp
from .folder import FILE_BYTES, Room

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_CONTINUE = 1
_BLOCK = 4096
_WAIT_SECONDS = 10.0


class Supervisor:
    """Answers for the process of one session.

    Args:
        listener: the descriptor by which the kernel asks.
        room: what the session may still write.
    """

    def __init__(self, listener: int, room: Room) -> None:
        self.listener = listener
        self._room = room
        self._sizes = seccomp.sizes_at(os.uname().machine)

    def answer(self) -> None:
        """Answer one question; one that is no longer asked is left."""
        notice = bytearray(_NOTICE.size)
        with suppress(OSError):
            fcntl.ioctl(self.listener, _RECEIVE, notice)
            number, _, _, call, _, _, *arguments = _NOTICE.unpack(notice)
            allowed = self._allows(call, arguments)
            answer = (0, 0, _CONTINUE) if allowed else (0, -errno.ENOSPC, 0)
            fcntl.ioctl(self.listener, _SEND, _ANSWER.pack(number, *answer))

    def close(self) -> None:
        """Ask no more; what the process still waits for fails."""
        os.close(self.listener)

    def _allows(self, call: int, arguments: list[int]) -> bool:
        size_at = self._sizes.get(call)
        if size_at is None:
            return self._room.take(_BLOCK, entries=1)
        size = min(arguments[size_at], FILE_BYTES)
        return self._room.take(((size + _BLOCK - 2) // _BLOCK + 1) * _BLOCK)


def hand_over(listener: int, zygote: socket.socket) -> None:
    """Give the zygote the descriptor by which it is asked, and keep nothing."""
    socket.send_fds(zygote, [b"."], [listener])
    os.close(listener)


def taken_over(process: socket.socket, room: Room) -> Supervisor | None:
    """Take that descriptor; None: the process has ended before."""
    process.settimeout(_WAIT_SECONDS)
    with process, suppress(OSError):
        descriptors = socket.recv_fds(process, 1, 1)[1]
        if descriptors:
            return Supervisor(descriptors[0], room)
    return None
