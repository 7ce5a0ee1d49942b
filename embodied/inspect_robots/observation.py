"""Observations of inspect-robots as texts and pictures."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from embodied.environment import Attachment, Observation

if TYPE_CHECKING:
    from inspect_robots.types import Observation as Seen

_DIGITS = 4


def observation_of(seen: Seen, instruction: str = "") -> Observation:
    """Write what is measured a line each, and attach the pictures of the cameras."""
    lines = [f"{key}: {json.dumps(_rounded(value))}" for key, value in state_of(seen).items()]
    text = "\n".join([*([instruction] if instruction else []), *lines])
    pictures = (
        Attachment(name, "image/png", png(picture)) for name, picture in seen.images.items()
    )
    return Observation(text or "(nothing is measured)", tuple(pictures))


def state_of(seen: Seen) -> dict[str, Any]:
    """Return what is measured as plain data."""
    state: Mapping[str, Any] = seen.state
    return {str(key): np.asarray(value).tolist() for key, value in state.items()}


def png(picture: Any) -> bytes:
    """Encode a picture, rows by columns by one, three or four channels of bytes.

    Source: Portable Network Graphics (PNG) Specification, https://www.w3.org/TR/png/.
    """
    pixels = np.asarray(picture, dtype=np.uint8)
    pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    colour = {1: 0, 3: 2, 4: 6}[channels]
    rows = np.concatenate(
        [np.zeros((height, 1), np.uint8), pixels.reshape(height, width * channels)], axis=1
    )
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(item) for item in value] if isinstance(value, list) else value
