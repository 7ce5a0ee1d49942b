"""The household robot: what its functions send, and what they refuse."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from embodied_controllers.household import Household, MintHousehold

from embodied import Capabilities, Observation, StepResult, list_tasks, make_environment
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


class Drawers(Echo):
    """A simulator in which the drawers 1 and 2 are at one place, as ALFWorld's often are."""

    capabilities = Capabilities(valid_commands=True)

    def __init__(self) -> None:
        super().__init__()
        self.at: set[str] = set()
        self.open: set[str] = set()

    def step(self, command: str) -> StepResult:
        text = self._answered(command) if command in self.valid_commands() else "Nothing happens."
        return StepResult(Observation(text), 0.0, False, False, {"success": False})

    def valid_commands(self) -> list[str]:
        places = ("drawer 1", "drawer 2", "desk 1")
        return [
            *(f"go to {place}" for place in places if place not in self.at),
            *(f"examine {place}" for place in places if place in self.at),
            *(f"open {place}" for place in places[:2] if place in self.at - self.open),
            "look",
        ]

    def _answered(self, command: str) -> str:
        place = " ".join(command.split()[-2:])
        if command.startswith("go to"):
            self.at = {"desk 1"} if place == "desk 1" else {"drawer 1", "drawer 2"}
        if command.startswith("open"):
            self.open.add(place)
        return f"The {place} is {'open' if place in self.open else 'closed'}."


class BareDrawers(Drawers):
    """The same, but it does not list valid commands."""

    capabilities = Capabilities()


DRAWERS = "You are in a room. Looking around you, you see a desk 1, a drawer 1, and a drawer 2."


def in_the_room(environment: Echo) -> Household:
    robot = Household(environment)
    robot.begin(Observation(DRAWERS), max_steps=None)
    return robot


def test_goto_shows_what_stands_at_the_same_place_in_one_step() -> None:
    robot = in_the_room(Drawers())
    for place in ("drawer 1", "drawer 2", "drawer 2", "desk 1", "desk 1", "drawer 1"):
        assert robot.goto(place).startswith(f"The {place} is closed.")
    sent = ["go to", "examine", "examine", "go to", "examine", "go to"]
    assert [" ".join(step.command.split()[:-2]) for step in robot.steps] == sent


def test_opening_what_is_open_shows_what_is_in_it_in_one_step() -> None:
    robot = in_the_room(Drawers())
    robot.goto("drawer 1")
    assert robot.open_receptacle("drawer 2") == "The drawer 2 is open."
    assert robot.open_receptacle("drawer 2") == "The drawer 2 is open."
    assert robot.open_receptacle("desk 1") == "Nothing happens."
    assert len(robot.steps) == 4


def test_where_the_game_does_not_say_what_is_valid_goto_says_what_to_do() -> None:
    robot = in_the_room(BareDrawers())
    assert robot.goto("drawer 1") == "The drawer 1 is closed."
    assert robot.goto("drawer 2") == (
        "Nothing happens. You are at the drawer 2 already; examine it to see what is in or on it."
    )
    assert robot.examine("drawer 2") == "The drawer 2 is closed."


def test_after_the_end_goto_adds_nothing_to_the_last_text() -> None:
    robot = Household(BareDrawers())
    robot.begin(Observation(DRAWERS), max_steps=2, after_end="repeat")
    robot.goto("drawer 1")
    for place in ("drawer 2", "desk 1"):
        assert robot.goto(place) == "Nothing happens."
    assert len(robot.steps) == 2


def test_mint_asks_the_game_for_nothing_but_its_answer() -> None:
    robot = MintHousehold(Drawers())
    assert robot.goto("drawer 1") == "The drawer 1 is closed."
    assert robot.goto("drawer 2") == "Nothing happens."
    assert robot.open_receptacle("drawer 2") == "The drawer 2 is open."
    assert robot.open_receptacle("drawer 2") == "Nothing happens."


def test_in_official_games_goto_shows_every_receptacle(alfworld_data: Path) -> None:
    environment = make_environment("alfworld", data=alfworld_data)
    for task in list_tasks("alfworld", "valid_unseen", data=alfworld_data)[::8]:
        robot = Household(environment)
        robot.begin(environment.reset(task), max_steps=None)
        places = re.findall(r"\ba ([a-z]+ \d+)", robot.first_observation.text)
        assert len(places) > 5
        for place in places:
            for _ in range(2):
                text = robot.goto(place)
                assert text.startswith((f"The {place} is ", f"On the {place}, you see ")), task.id
        assert len(robot.steps) == 2 * len(places)


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
