"""Which sentences name one cause."""

from __future__ import annotations

import pytest

from embodied._util.causes import cause_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gone for 600 s", "gone for 601.5 s"),
        ("http://a:1/v1 is gone", "http://b:2/v1 is gone"),
        ("the file /data/a is cut", "the file /data/b is cut"),
        ("'mug 1' is not there", "'mug 2' is not there"),
        ("refused (request req_a1)", "refused (request req_b2)"),
        ("no room on C:\\a1", "no room on C:\\b2"),
    ],
)
def test_details_make_no_other_cause(one: str, other: str) -> None:
    assert cause_of(one) == cause_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("unknown argument 'top_k'", "unknown argument 'top_p'"),
        ("failed (in a, /x/env.py:10)", "failed (in a, /x/env.py:20)"),
        ("connection refused", "connection reset"),
        ("either/or", "read/write"),
    ],
)
def test_other_words_are_another_cause(one: str, other: str) -> None:
    assert cause_of(one) != cause_of(other)
