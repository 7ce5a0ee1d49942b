"""The host's end of a socket to a process that nobody trusts: every frame has a size and a time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from embodied.interpreter.confined.frames import HEADER, frame

_CHUNK = 65_536


class MalformedFrame(Exception):  # noqa: N818 - a finding, not an error
    """The other side sent what no worker sends."""


class FramedSocket:
    """Sends and receives frames."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def send(self, kind: bytes, payload: bytes, until: float) -> None:
        """Send a frame.

        Args:
            kind: what it is.
            payload: what it says.
            until: as `time.monotonic` counts.

        Raises:
            TimeoutError: the other side does not take it in time.
            EOFError: it is gone.
        """
        with self._at_most(until):
            self._connection.sendall(frame(kind, payload))

    def receive(self, sizes: Mapping[bytes, int], until: float) -> tuple[bytes, bytes]:
        """Receive the kind and the payload of the next frame. What came of it in time is kept.

        Args:
            sizes: the kinds that may come, and how long each may be.
            until: as `time.monotonic` counts.

        Raises:
            TimeoutError: it has not come whole by then.
            EOFError: the other side is gone.
            MalformedFrame: it is of another kind, or longer.
        """
        self._fill(HEADER.size, until)
        kind, length = HEADER.unpack_from(self._buffer)
        if length > sizes.get(kind, -1):
            raise MalformedFrame(f"a frame {kind!r} of {length} bytes")
        self._fill(HEADER.size + length, until)
        payload = bytes(memoryview(self._buffer)[HEADER.size : HEADER.size + length])
        del self._buffer[: HEADER.size + length]
        return kind, payload

    def close(self) -> None:
        """Close the socket."""
        self._connection.close()

    def _fill(self, length: int, until: float) -> None:
        while len(self._buffer) < length:
            with self._at_most(until):
                part = self._connection.recv(_CHUNK)
            if not part:
                raise EOFError
            self._buffer += part

    @contextmanager
    def _at_most(self, until: float) -> Iterator[None]:
        """Let what the socket does take no longer."""
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            yield
        except TimeoutError:
            raise
        except OSError:
            raise EOFError from None
