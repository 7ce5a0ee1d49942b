"""Random inputs for as long as there is time, and what must hold whatever they are."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from typing import TypeVar

import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Input = TypeVar("Input")

SECONDS = float(os.environ.get("EMBODIED_FUZZ_SECONDS", "60"))
"""How long each test tries inputs."""
_ROUND = 200
_GROWTH = 256 * 1024 * 1024
"""Bytes that a process may grow by, over however many inputs: leaks come to more."""


def fuzz(inputs: st.SearchStrategy[Input], check: Callable[[Input], None]) -> None:
    """Try inputs until the time is over. `check` raises where one does harm."""

    @settings(
        max_examples=_ROUND,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one_round(tried: Input) -> None:
        check(tried)

    ends = time.monotonic() + SECONDS
    one_round()
    before = _resident()
    while time.monotonic() < ends:
        one_round()
    assert _resident() - before < _GROWTH


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def mutations(original: bytes) -> st.SearchStrategy[bytes]:
    """Change some places of bytes: other bytes, some more, some less, a part twice, a cut end."""
    places = st.integers(0, len(original))
    tokens = st.sampled_from(_TOKENS) | st.binary(max_size=8)
    edit = st.tuples(places, st.integers(0, 40), tokens)

    def changed(edits: list[tuple[int, int, bytes]], cut: int | None) -> bytes:
        content = original
        for place, length, new in edits:
            content = content[:place] + new + content[place + length :]
        return content[:cut]

    return st.builds(changed, st.lists(edit, min_size=1, max_size=6), st.none() | places)


_TOKENS = [
    *(b"", b"\0", b"\n", b"\r", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"-1"),
    *(b"1e999", b"NaN", b"9" * 400, b"\xff", b"\\ud83d", b"true", b"[" * 500, b"\xe2\x80\xa8"),
]

json_values: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**63)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["\ud83d", "\0", "\x1b[2J", "a" * 5000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
