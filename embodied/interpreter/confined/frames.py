"""Frames: how the host and a confined process speak. A kind, a length, that many bytes."""

from __future__ import annotations

import socket
import struct

HEADER = struct.Struct("!cI")
"""Of every frame: its kind and the length of its payload."""

BEGIN = b"B"
"""To the process, JSON: actions, seed, limit of output."""
RUN = b"R"
"""To the process, JSON: the code of an action, and where it calls what it awaits."""
ANSWER = b"A"
"""To the process, JSON: what a call came to."""
LOAD = b"L"
"""To the process: pickled variables."""

READY = b"y"
"""From the process: it is confined; or the text of what failed."""
PRINT = b"p"
"""From the process: printed text."""
CALL = b"c"
"""From the process, JSON: a call of the robot, which is answered; one that is begun is not."""
WAIT = b"w"
"""From the process: the code waits for the calls that have begun; the next one is answered."""
FILE = b"f"
"""From the process: a name, a line feed, the bytes of a picture."""
DONE = b"d"
"""From the process, JSON: how the action ended."""
STATE = b"s"
"""From the process: a line of JSON, then pickled variables."""
LOADED = b"l"
"""From the process, JSON: the names that are bound now, or why loading failed."""

PICTURE_DATA = "<data of a picture>"
"""A call of the host instead of the robot: the bytes of a picture, by its id."""
NEW_PICTURE = "<new picture>"
"""Likewise: the id of a picture with a name and bytes. Bytes are base64."""

CALL_BYTES = 1_250_000
"""The arguments of a call."""
STATE_BYTES = 4_000_000
"""Variables that are kept for the case that an action must be broken off."""
FILES = 8
"""Pictures that an action may leave."""
FILE_BYTES = 2_000_000
"""Size of all of them together."""
MESSAGE_CHARACTERS = 10_000
"""Of an error's message; what is beyond is cut."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """Pack one frame."""
    return HEADER.pack(kind, len(payload)) + payload


def write_frame(peer: socket.socket, kind: bytes, payload: bytes) -> None:
    """Write a frame whole.

    By `send`, which can write to nothing but a socket: `write` may be watched.
    """
    peer.sendall(frame(kind, payload))


def read_frame(peer: socket.socket) -> tuple[bytes, bytes]:
    """Read a frame from a peer that is trusted.

    Raises:
        EOFError: the peer is gone.
    """
    kind, length = HEADER.unpack(_read(peer, HEADER.size))
    return kind, _read(peer, length)


def _read(peer: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = peer.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
