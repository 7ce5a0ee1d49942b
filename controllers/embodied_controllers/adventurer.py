"""A robot in a text adventure of TextWorld."""

from __future__ import annotations

import re
from typing import Literal

from embodied.controller import Controller, action
from embodied_controllers.command_patterns import match_command

Direction = Literal["north", "south", "east", "west"]

_NAME = re.compile(r"[A-Za-z0-9' -]+")
_STATUS = re.compile(r"\n>? *-= [^\n]{0,200} =- ?-?\d+/\d+\s*\Z")
_PROMPT = re.compile(r"\s*>\s*\Z")
_GAP = re.compile(r"\n\s*\n\s*\n")

_COMMANDS = (
    (re.compile(r"(?:go )?(?P<direction>north|south|east|west)"), "go"),
    (re.compile(r"take (?P<object>.+?) from (?P<container>.+)"), "take"),
    (re.compile(r"take (?P<object>.+)"), "take"),
    (re.compile(r"drop (?P<object>.+)"), "drop"),
    (re.compile(r"put (?P<object>.+?) on (?P<supporter>.+)"), "put_on"),
    (re.compile(r"insert (?P<object>.+?) into (?P<container>.+)"), "insert"),
    (re.compile(r"(?P<verb>unlock|lock) (?P<thing>.+?) with (?P<key>.+)"), "{verb}"),
    (re.compile(r"(?P<verb>open|close|examine) (?P<thing>.+)"), "{verb}"),
    (re.compile(r"(?P<verb>eat|drink) (?P<food>.+)"), "{verb}"),
    (re.compile(r"cook (?P<food>.+?) with (?P<appliance>.+)"), "cook"),
    (re.compile(r"(?P<verb>slice|chop|dice) (?P<food>.+?) with (?P<tool>.+)"), "{verb}"),
    (re.compile(r"prepare meal"), "prepare_meal"),
    (re.compile(r"look"), "look"),
    (re.compile(r"inventory"), "inventory"),
    (re.compile(r"goal"), "goal"),
)


class Adventurer(Controller):
    """An adventurer in a world of rooms, doors, containers and things.

    Things are called as the texts call them, such as "old key" or "wooden door"; the game says when
    it does not know a name. A call returns what the game answers, without its status line.
    """

    introduction = ""

    def send(self, command: str) -> str:
        """Take one step; the status line and the prompt below the answer are left out."""
        text = _STATUS.sub("", super().send(command))
        return _GAP.sub("\n\n", _PROMPT.sub("", text)).strip()

    @action
    def go(self, direction: Direction) -> str:
        """Go to the next room in a direction. A closed door must be opened first.

        Example: go("east")
        """
        return self.send(f"go {direction}")

    @action
    def look(self) -> str:
        """Returns the description of the room: what is in it, and its exits."""
        return self.send("look")

    @action
    def inventory(self) -> str:
        """Returns what you carry."""
        return self.send("inventory")

    @action
    def goal(self) -> str:
        """Returns what you have to do in this game."""
        return self.send("goal")

    @action
    def examine(self, thing: str) -> str:
        """Look closely at a thing: what it is like, whether it is open; what a book or a note says.

        Example: examine("cookbook")
        """
        return self.send(f"examine {_name(thing)}")

    @action
    def take(self, object: str, container: str | None = None) -> str:
        """Take an object from the floor, or from the container or supporter that holds it.

        Example: take("old key", "chest drawer")
        """
        source = f" from {_name(container)}" if container is not None else ""
        return self.send(f"take {_name(object)}{source}")

    @action
    def drop(self, object: str) -> str:
        """Drop an object that you carry on the floor.

        Example: drop("old key")
        """
        return self.send(f"drop {_name(object)}")

    @action
    def put_on(self, object: str, supporter: str) -> str:
        """Put an object that you carry on a supporter, such as a table or a stove.

        Example: put_on("apple", "stove")
        """
        return self.send(f"put {_name(object)} on {_name(supporter)}")

    @action
    def insert(self, object: str, container: str) -> str:
        """Put an object that you carry into an open container, such as a chest.

        Example: insert("apple", "refrigerator")
        """
        return self.send(f"insert {_name(object)} into {_name(container)}")

    @action
    def open(self, thing: str) -> str:
        """Open a door or a container. A locked one must be unlocked first.

        Example: open("wooden door")
        """
        return self.send(f"open {_name(thing)}")

    @action
    def close(self, thing: str) -> str:
        """Close a door or a container.

        Example: close("wooden door")
        """
        return self.send(f"close {_name(thing)}")

    @action
    def unlock(self, thing: str, key: str) -> str:
        """Unlock a door or a container with a key that you carry. It stays closed.

        Example: unlock("wooden door", "old key")
        """
        return self.send(f"unlock {_name(thing)} with {_name(key)}")

    @action
    def lock(self, thing: str, key: str) -> str:
        """Lock a closed door or container with a key that you carry.

        Example: lock("wooden door", "old key")
        """
        return self.send(f"lock {_name(thing)} with {_name(key)}")

    @action
    def eat(self, food: str) -> str:
        """Eat food that you carry. What is eaten is gone.

        Example: eat("meal")
        """
        return self.send(f"eat {_name(food)}")

    @action
    def drink(self, food: str) -> str:
        """Drink what you carry. What is drunk is gone.

        Example: drink("milk")
        """
        return self.send(f"drink {_name(food)}")

    @action
    def cook(self, food: str, appliance: str) -> str:
        """Cook food that you carry: an oven roasts it, a stove fries it, a BBQ grills it.

        Cooking food twice burns it.
        Example: cook("red potato", "stove")
        """
        return self.send(f"cook {_name(food)} with {_name(appliance)}")

    @action
    def slice(self, food: str, tool: str) -> str:
        """Slice food that you carry with a knife that you carry.

        Example: slice("carrot", "knife")
        """
        return self.send(f"slice {_name(food)} with {_name(tool)}")

    @action
    def chop(self, food: str, tool: str) -> str:
        """Chop food that you carry with a knife that you carry.

        Example: chop("carrot", "knife")
        """
        return self.send(f"chop {_name(food)} with {_name(tool)}")

    @action
    def dice(self, food: str, tool: str) -> str:
        """Dice food that you carry with a knife that you carry.

        Example: dice("carrot", "knife")
        """
        return self.send(f"dice {_name(food)} with {_name(tool)}")

    @action
    def prepare_meal(self) -> str:
        """Make the meal of the recipe, in the kitchen, from ingredients that you carry."""
        return self.send("prepare meal")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends a game command.

        Raises:
            ValueError: no method sends it.
        """
        return match_command(command, _COMMANDS) or super().command_call(command)


def _name(thing: str) -> str:
    """Return a name as a command can hold it.

    Raises:
        ValueError: it is none.
    """
    name = thing.strip()
    if not _NAME.fullmatch(name):
        raise ValueError(
            f'{thing!r:.80} is not a name such as "old key": a name has letters, digits, spaces, '
            "hyphens and apostrophes"
        )
    return name
