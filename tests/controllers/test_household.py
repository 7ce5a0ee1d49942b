"""The household robot: what its functions send, and what they refuse."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from embodied_controllers.household import Household, MintHousehold

from embodied import Observation
from tests.controllers.echo import Echo

ROOM = "You are in a room. Looking around you, you see a desk 2, a desk 1, and a fridge 1."


def household(kind: type[Household | MintHousehold], *templates: str) -> Any:
    robot = kind(Echo("You arrive at loc 7. [COMMAND] you see a mug 1.", templates))
    robot.begin(Observation(ROOM), max_steps=None)
    return robot


def sent(robot: Any) -> str:
    return str(robot.steps[-1].command)


@pytest.mark.parametrize(
    ("call", "command"),
    [
        (("goto", "desk 1"), "go to desk 1"),
        (("take_from", "mug 1", "desk 1"), "take mug 1 from desk 1"),
        (("put", "mug 1", "desk 1"), "move mug 1 to desk 1"),
        (("open_receptacle", "fridge 1"), "open fridge 1"),
        (("close_receptacle", "fridge 1"), "close fridge 1"),
        (("use", "mug 1"), "use mug 1"),
        (("clean", "mug 1", "desk 1"), "clean mug 1 with desk 1"),
        (("heat", "mug 1", "desk 1"), "heat mug 1 with desk 1"),
        (("cool", "mug 1", "fridge 1"), "cool mug 1 with fridge 1"),
        (("slice", "mug 1", "mug 1"), "slice mug 1 with mug 1"),
        (("look",), "look"),
        (("inventory",), "inventory"),
        (("examine", "mug 1"), "examine mug 1"),
    ],
)
def test_each_call_is_one_command_and_back(call: tuple[str, ...], command: str) -> None:
    robot = household(Household, "move {o} to {r}")
    robot.goto("desk 1")
    robot.call(call[0], call[1:])
    assert sent(robot) == command
    name, arguments = robot.command_call(command)
    assert (name, *arguments.values()) == call
    assert set(Household.actions()) >= {name}


def test_put_speaks_the_dialect_of_the_game() -> None:
    old, new = "put {o} in/on {r}", "move {o} to {r}"
    for kind in (Household, MintHousehold):
        for template, command in ((old, "put mug 1 in/on desk 1"), (new, "move mug 1 to desk 1")):
            robot = household(kind, template)
            robot.goto("desk 1")
            robot.put("mug 1", "desk 1")
            assert sent(robot) == command
            assert robot.command_call(command)[0] == "put"


def test_location_numbers_are_left_out() -> None:
    assert household(Household).goto("desk 1") == "[go to desk 1] you see a mug 1."


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("goto", "desk 3"), "did you mean 'desk 2'?"),
        (("goto", "desk"), 'a name of type and number such as "mug 1"; did you mean'),
        (("goto", "mug 1"), "no receptacle called 'mug 1'"),
        (("use", "lamp 1"), "no thing that has been seen called 'lamp 1'"),
    ],
)
def test_unknown_names_are_refused_without_a_step(call: tuple[str, ...], said: str) -> None:
    robot = household(Household)
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        robot.call(call[0], call[1:])
    assert not robot.steps


def test_things_are_known_once_they_have_been_seen() -> None:
    robot = household(Household)
    with pytest.raises(ValueError, match="there is no thing"):
        robot.take_from("mug 1", "desk 1")
    robot.goto("desk 1")
    robot.take_from("mug 1", "desk 1")


def test_mint_sends_anything() -> None:
    robot = household(MintHousehold)
    robot.call("goto", [["desk 1"]])
    assert sent(robot) == "go to ['desk 1']"
    robot.call("toggle", ["light"])
    assert sent(robot) == "toggle light"


def test_mint_documents_the_tools_of_the_recorded_prompts(alfworld_data: Path) -> None:
    with gzip.open(alfworld_data / "recorded" / "gpt-4-0613.jsonl.gz", "rt") as lines:
        recorded = json.loads(next(lines))["history"][0]["content"]
    tools = "\n\n".join(
        f"[{number}] {spec}\n{spec.documentation}"
        for number, spec in enumerate(MintHousehold.actions().values(), start=1)
    )
    assert tools in recorded
