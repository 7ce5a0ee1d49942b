"""Whatever a policy gives to a built-in robot is its own mistake, never a defect of the robot: an
infrastructure error would leave the episode unscored.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from typing import Any

import pytest

from embodied import Observation
from embodied.errors import EpisodeEnded
from embodied.plugins.registry import controller_class, names
from tests.controllers.echo import Echo
from tests.controllers.test_franka import FakeTable

DEEP: list[Any] = []
for _ in range(3000):
    DEEP = [DEEP]
VALUES = (
    *("", "x", "mug 1", "red ball", "right", "both", "cube", "\ud800", "\0", "a\nb", "é" * 5000),
    *(0, -1, 10**20, 10**400, 10**5000, -(10**5000), True, None),
    *(0.5, math.nan, math.inf, -math.inf, 1e308),
    *([], [10**5000], [0.1, 0.2, 0.3], [[0.1, 0.2]] * 60, [[math.nan, 1e308]], {"a": 1}, DEEP),
)
SCENES = {
    "browser": '[1] button "a"\n [2] field',
    "franka": (FakeTable(("right", "left")).reset().text),
    "grid-robot-skills": "You face east, carrying nothing.\nYou see: red ball 2 forward; blue key "
    "1 forward, 2 left; locked red door 3 forward.\nWalls: 4 forward, 3 left to 3 right.",
    "household": "You are in a room. You see a drawer 1, a fridge 1 and a mug 1.",
}


@pytest.mark.parametrize("name", names("embodied.controllers"))
def test_no_argument_is_a_defect_of_the_robot(name: str) -> None:
    kind, scene = controller_class(name), SCENES.get(name, "A room.")
    for spec in kind.actions().values():
        count = min(len(spec.signature.parameters), 2)
        for arguments in itertools.product(VALUES, repeat=count):
            robot = kind(Echo(scene))
            robot.begin(Observation(scene), max_steps=20)
            with contextlib.suppress(ValueError, TypeError, RuntimeError, EpisodeEnded):
                robot.call(spec.name, arguments)
