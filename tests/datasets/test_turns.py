"""What counts as a mistake, what mends it, and what code is made of."""

from __future__ import annotations

import pytest

from embodied.datasets.turns import control_flow, is_failed, is_trained, recoveries
from tests.datasets.runs import turn

FAILED = ["error", "limit", "bad", "cut"]


@pytest.mark.parametrize("kind", ["ok", "answer", "shortened", *FAILED])
def test_mistakes_are_masked_and_nothing_else(kind: str) -> None:
    one = turn(kind)
    assert is_failed(one) is (kind in FAILED)
    assert is_trained(one, "errors") is (kind in ("ok", "answer"))
    assert is_trained(one, "none") is (kind != "shortened"), "the record lacks part of the message"


def test_function_calls_that_a_server_left_unread_are_a_mistake() -> None:
    assert is_failed(turn("answer", unread_calls=True))


def test_a_failed_call_that_the_code_caught_is_none() -> None:
    caught = turn("ok")
    caught.calls[0].error = turn("error").error
    assert not is_failed(caught)


@pytest.mark.parametrize(
    ("kinds", "count"),
    [
        ("", 0),
        ("ok ok", 0),
        ("error", 0),
        ("error error", 0),
        ("error ok", 1),
        ("error bad limit ok", 1),
        ("error ok ok error ok", 2),
        ("ok error", 0),
        ("bad answer", 0),
        ("bad answer ok", 1),
        ("cut ok", 1),
    ],
)
def test_recoveries(kinds: str, count: int) -> None:
    assert recoveries([turn(kind) for kind in kinds.split()]) == count


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("goto('desk')", "---"),
        ("for d in desks: goto(d)", "l--"),
        ("while True: look()", "l--"),
        ("[goto(d) for d in desks]", "l--"),
        ("x = {d: 1 for d in desks}", "l--"),
        ("if mug: take(mug)", "-c-"),
        ("x = 1 if mug else 2", "-c-"),
        ("match x:\n case 1: pass", "-c-"),
        ("any(d for d in desks if d)", "l--"),
        ("def f(): pass", "--f"),
        ("sorted(x, key=lambda d: d)", "--f"),
        ("def f():\n for d in x:\n  if d: return d", "lcf"),
        ("for (", "---"),
        ("'for if def'", "---"),
        ("\0", "---"),
        ("(" * 5000, "---"),
        ("-" * 100_000 + "1", "---"),
    ],
)
def test_control_flow(code: str, used: str) -> None:
    marks = [mark if there else "-" for mark, there in zip("lcf", control_flow(code), strict=True)]
    assert "".join(marks) == used
