"""`embodied.Image`: what it takes, what it refuses, and the ways there and back."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from embodied import Attachment, Image
from embodied.image import MAX_BYTES, MEDIA_TYPES
from tests.pictures.lamp import picture


def png_of_size(width: int, height: int) -> bytes:
    """A file of few bytes that says that it is of this size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_ways_there_and_back(tmp_path: Path) -> None:
    image = picture("blue", "wrist", side=7)
    assert (image.name, image.media_type, image.size) == ("wrist", "image/png", (7, 7))
    assert repr(image) == "<Image 'wrist', 7x7>"
    assert Image.from_array(image.to_array(), "wrist").to_array().tolist() == (
        image.to_array().tolist()
    )
    assert Image.from_pil(image.to_pil(), "wrist") == image
    assert Image.from_attachment(Attachment("wrist", "image/jpeg", image.data)) == image
    (tmp_path / "seen.png").write_bytes(image.data)
    assert Image.from_path(tmp_path / "seen.png").name == "seen.png"
    assert Image.from_path(tmp_path / "seen.png", "wrist") == image


@pytest.mark.parametrize(
    ("pixels", "first"),
    [
        (np.full((2, 3), 128, np.uint8), [128] * 3),
        (np.full((2, 3, 1), 0.5), [128] * 3),
        (np.full((2, 3, 3), [0.0, 1.0, 2.0]), [0, 255, 255]),
        (np.full((2, 3, 4), [1, 2, 300, 255], np.int64), [1, 2, 255]),
        (np.full((2, 3), np.nan), [0] * 3),
        (np.full((2, 3), True), [255] * 3),
        ([[0, 10, 20], [30, 40, 50]], [0] * 3),
    ],
)
def test_arrays(pixels: object, first: list[int]) -> None:
    image = Image.from_array(pixels)
    assert image.size == (3, 2)
    assert image.to_array()[0, 0].tolist() == first


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros(3),
        np.zeros((2, 2, 2)),
        np.zeros((0, 5)),
        np.zeros((2, 2), complex),
        np.array([["a"]]),
        [[None]],
        np.broadcast_to(np.uint8(0), (100_000, 100_000)),
        "a picture",
    ],
)
def test_arrays_that_are_no_pictures(pixels: object) -> None:
    with pytest.raises(ValueError, match="picture"):
        Image.from_array(pixels)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is no PNG"),
        (b"<svg/>", "it is no PNG"),
        (b"BM" + bytes(60), "it is no PNG"),
        (picture("red").data[:-40], "it is damaged"),
        (png_of_size(8, 8), "it is damaged"),
        (png_of_size(100_000, 100_000), "large|pixels"),
        (png_of_size(8_000, 8_000), "more than 32,000,000 pixels"),
        (bytes(MAX_BYTES + 1), "more than 8,388,608 bytes"),
    ],
)
def test_data_that_is_no_picture(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Image("x", data=data)


def test_random_damage_is_refused_in_words_or_read() -> None:
    import io
    import random

    dice = random.Random(1)
    for kind in MEDIA_TYPES:
        file = io.BytesIO()
        picture("red", side=32).to_pil().save(file, kind)
        for _ in range(200):
            data = bytearray(file.getvalue())
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            try:
                Image("x", data=bytes(data[: dice.randrange(len(data))])).scaled(8)
            except ValueError as error:
                assert str(error)
