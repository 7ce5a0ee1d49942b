"""Single lines: their bounds, and appending them."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

import embodied.store.jsonl
from embodied.errors import RunError
from embodied.store.jsonl import BadLineError, decode, encode, line_number, read_line, repair_end
from embodied.trajectory import Trajectory

MakeTrajectory = Callable[..., Trajectory]


def test_a_line_beyond_the_limit_is_passed_over() -> None:
    file = io.BytesIO(b"abc\n" + b"x" * 3_000_000 + b"\nlast")
    assert [read_line(file, 4) for _ in range(4)] == [b"abc\n", None, b"last", b""]
    with pytest.raises(BadLineError, match="longer than"):
        decode(None)


def test_a_trajectory_beyond_the_limit_is_refused(
    make_trajectory: MakeTrajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embodied.store.jsonl, "LINE_BYTES", 1000)
    with pytest.raises(RunError, match="'t1#0' cannot be stored: the line is longer than 1000"):
        encode(make_trajectory(1, text="x" * 1000, turns=1))


def test_lines_are_numbered_from_one() -> None:
    file = io.BytesIO(b"a\n" * 2_000_000)
    assert [line_number(file, offset) for offset in (0, 2, 3_000_000)] == [1, 2, 1_500_001]


def test_a_long_torn_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"{}\n" + b"x" * 3_000_000)
    repair_end(path)
    assert path.read_bytes() == b"{}\n"
    path.write_bytes(b"x" * 3_000_000)
    repair_end(path)
    assert path.read_bytes() == b""
