"""Plain data in records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied._util.jsonable import (
    MAX_BYTES,
    MAX_ITEMS,
    MAX_ITEMS_IN_ALL,
    SizeBudget,
    cut_to_size,
    json_size,
    to_jsonable,
)


def laughs(start: Any, times: int) -> Any:
    for _ in range(times):
        start = [start] * 10
    return start


def test_ordinary_data_stays_as_it_is() -> None:
    data = {"a": [1, 2.5, None, True, "text"], "b": {"c": []}}
    assert to_jsonable(data) == data
    assert to_jsonable([(1, 2), {3}, {4: 5}]) == [[1, 2], [3], {"4": 5}]


@pytest.mark.parametrize(
    "value",
    [
        laughs("lol", 12),
        ["a" * 90_000] * 900,
        {"a" * 50_000 + str(number): "b" * 90_000 for number in range(20)},
        [[0] * 1000] * 1000,
        laughs({"a": "lol"}, 12),
    ],
)
def test_a_value_takes_no_more_than_its_budget(value: Any) -> None:
    text = json.dumps(to_jsonable(value))
    assert len(text) < MAX_BYTES + 30 * (MAX_ITEMS_IN_ALL + MAX_ITEMS)


def test_values_can_share_a_budget() -> None:
    budget = SizeBudget(items=3, size=80)
    kept = to_jsonable(["abc", "de", "f" * 80, "g"], budget)
    assert kept == ["abc", "de", "... (cut)", "... (1 more)"]
    assert to_jsonable([1], budget) == ["... (1 more)"]
    assert to_jsonable({"a": 1}, budget) == {"...": "(1 more)"}
    assert to_jsonable(1, budget) == 1


@pytest.mark.parametrize("character", ["a", "é", "漢", "\0", '"', "\\", "😀", "\n", "\ud83d"])
@pytest.mark.parametrize("size", [0, 1, 5, 6, 7, 100, 1000])
def test_texts_are_measured_as_they_are_stored(character: str, size: int) -> None:
    kept = cut_to_size(character * 500, size)
    if not kept.endswith("... (cut)"):
        assert kept == character * 500
        return
    kept = kept.removesuffix("... (cut)")
    assert json_size(kept) <= size < json_size(kept + character)


def test_what_is_missing_is_said() -> None:
    assert to_jsonable([0] * 1500)[-1] == "... (500 more)"
    assert to_jsonable(dict.fromkeys(range(1500)))["..."] == "(500 more)"
