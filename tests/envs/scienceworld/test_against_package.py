"""The same texts and scores as the package's own Python API.

Listing the valid actions, which the package does at every step, draws the simulator's random
numbers, so an episode that lists them meets other chances than one that does not. In tasks with
chance the package is therefore kept from listing. Both sides give Java's objects the same hash
codes, without which the package is not even equal to itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from embodied import Environment
from tests.envs.scienceworld.conftest import variation

CERTAIN = [
    pytest.param("power-component", 16, marks=pytest.mark.long),
    ("chemistry-mix", 25),
    ("use-thermometer", 420),
    ("find-non-living-thing", 240),
]
NONSENSE = ["frobnicate", "help", "objects", "task", "inventory", "look at agent", "wait1"]


@pytest.fixture(scope="module")
def package(java: None) -> Iterator[Any]:
    from embodied_envs.scienceworld.java import OPTIONS
    from scienceworld import ScienceWorldEnv

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", " ".join(OPTIONS))
        made = ScienceWorldEnv("", envStepLimit=100_000)
    yield made
    made.close()


def compare(science: Environment, package: Any, name: str, number: int) -> int:
    """Play the gold path on both, with nonsense before and after; returns the number of steps."""
    shown = science.reset(variation(name, number)).text
    commands = [*NONSENSE, *science.plan(), *NONSENSE]
    package.load(name, number, "easy")
    text, info = package.reset()
    description = info["taskDesc"].removeprefix("Task Description:\n").strip()
    assert shown == f"{description}\n\n{text}"
    rewards = 0.0
    for command in commands:
        ours = science.step(command)
        theirs, _, over, info = package.step(command)
        rewards += ours.reward
        assert ours.observation.text == theirs, command
        assert rewards == ours.info["score"] == info["score"], command
        assert ours.terminated == over, command
        assert ours.success == (over and info["score"] == 100)
    return len(commands)


@pytest.mark.parametrize(("name", "number"), CERTAIN)
def test_an_episode_is_the_packages(
    science: Environment, package: Any, name: str, number: int
) -> None:
    assert compare(science, package, name, number) > 2 * len(NONSENSE)


def test_valid_commands_are_the_packages(science: Environment, package: Any) -> None:
    science.reset(variation("chemistry-mix", 25))
    package.load("chemistry-mix", 25, "easy")
    _, info = package.reset()
    assert science.valid_commands() == sorted(set(info["valid"]))


@pytest.mark.long
def test_every_task_is_the_packages(science: Environment, package: Any) -> None:
    """Prints the number of steps that were compared."""
    from scienceworld.constants import ID2TASK

    steps = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "get_valid_action_object_combinations", list)
        for name in ID2TASK.values():
            last = package.get_max_variations(name) - 1
            steps += sum(compare(science, package, name, number) for number in (0, last))
    print(f"{steps} steps are equal")
