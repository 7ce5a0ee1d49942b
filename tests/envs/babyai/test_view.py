"""The words say what minigrid's picture shows: the robot's map, read from them, is the picture."""

from __future__ import annotations

import random
from typing import Any

import pytest

pytest.importorskip("minigrid", reason="pip install 'embodied-codeact[babyai]'")

from embodied_controllers.grid_map import GridMap
from embodied_envs.babyai.levels import LevelSeed, all_levels, make
from embodied_envs.babyai.view import describe

STATES = ("open ", "closed ", "locked ")


def in_words(cell: Any) -> str | None:
    from minigrid.core.constants import IDX_TO_COLOR, IDX_TO_OBJECT

    kind, color, state = IDX_TO_OBJECT[cell[0]], IDX_TO_COLOR[cell[1]], int(cell[2])
    if kind in ("unseen", "empty", "wall"):
        return {"unseen": None, "empty": "floor"}.get(kind, kind)
    return f"{STATES[state] if kind == 'door' else ''}{color} {kind}"


def check(level: Any) -> None:
    picture = type(level).gen_obs(level)["image"]
    seen = GridMap()
    seen.read("You face north, " + describe(level).partition(", ")[2])
    for forward in range(7):
        for right in range(-3, 4):
            if (forward, right) != (0, 0):
                expected = in_words(picture[right + 3, 6 - forward])
                assert seen.cells.get((right, -forward)) == expected, describe(level)
    assert (seen.carrying or "floor") == in_words(picture[3, 6])


@pytest.mark.parametrize("steps", [12, pytest.param(200, marks=pytest.mark.long)])
def test_words_and_picture_agree(steps: int) -> None:
    for number, name in enumerate(all_levels()):
        level, walk = make(LevelSeed(name, number)), random.Random(number)
        for _ in range(steps):
            check(level)
            level.step(walk.choices(range(6), weights=(2, 2, 6, 2, 1, 2))[0])


def test_the_words() -> None:
    assert describe(make(LevelSeed("UnlockPickup-v0", 1))) == (
        "You face south, carrying nothing.\n"
        "You see: yellow key 2 right; locked yellow door 1 forward, 1 left.\n"
        "Walls: 1 left; 2 to 3 forward, 1 left; 4 forward, 1 left to 3 right.\n"
        "Hidden: 0 to 4 forward, 3 to 2 left; 5 to 6 forward, 3 left to 3 right."
    )
