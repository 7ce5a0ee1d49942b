"""Recordings that cannot be read."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from embodied import DataError
from embodied.replay.recordings import load_recordings


def test_a_corrupt_file(tmp_path: Path) -> None:
    file = tmp_path / "model.jsonl.gz"
    packed = bytearray(gzip.compress(b"nothing to see here, and more of it\n" * 100))
    packed[12:30] = b"\xff" * 18
    for content in (packed, packed[:20], b"no gzip"):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"model\.jsonl\.gz"):
            load_recordings([file])
