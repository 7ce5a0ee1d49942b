"""Plain data in records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied._util.jsonable import (
    MAX_CHARACTERS,
    MAX_ITEMS,
    MAX_ITEMS_IN_ALL,
    SizeBudget,
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
    assert len(text) < MAX_CHARACTERS + 20 * (MAX_ITEMS_IN_ALL + MAX_ITEMS)


def test_values_can_share_a_budget() -> None:
    budget = SizeBudget(items=3, characters=5)
    assert to_jsonable(["abc", "de", "f", "g"], budget) == ["abc", "de", "... (cut)"]
    assert to_jsonable([1], budget) == []
    assert to_jsonable(1, budget) == 1
