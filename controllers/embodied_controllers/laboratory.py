"""The laboratory robot: ScienceWorld's text commands as Python functions.

The functions are the actions of ScienceWorld's paper (arXiv 2203.07540), in the wording of the
simulator's own list of valid commands.
"""

from __future__ import annotations

import re
from typing import Any

from embodied.controller import Controller, action
from embodied_controllers.command_patterns import match_command

_COMMANDS = (
    (re.compile(r"look around"), "look_around"),
    (re.compile(r"look at (?P<object>.+)"), "look_at"),
    (re.compile(r"look in (?P<container>.+)"), "look_in"),
    (re.compile(r"open (?P<object>.+)"), "open_object"),
    (re.compile(r"close (?P<object>.+)"), "close_object"),
    (re.compile(r"activate (?P<device>.+)"), "activate"),
    (re.compile(r"deactivate (?P<device>.+)"), "deactivate"),
    (re.compile(r"connect (?P<terminal>.+?) to (?P<other>.+)"), "connect"),
    (re.compile(r"disconnect (?P<object>.+)"), "disconnect"),
    (re.compile(r"use (?P<device>.+?) on (?P<target>.+)"), "use"),
    (re.compile(r"read (?P<document>.+)"), "read"),
    (re.compile(r"move (?P<object>.+?) to (?P<destination>.+)"), "move"),
    (re.compile(r"pick up (?P<object>.+)"), "pick_up"),
    (re.compile(r"put down (?P<object>.+)"), "put_down"),
    (re.compile(r"pour (?P<substance>.+?) into (?P<container>.+)"), "pour"),
    (re.compile(r"dunk (?P<container>.+?) into (?P<liquid>.+)"), "dunk"),
    (re.compile(r"mix (?P<container>.+)"), "mix"),
    (re.compile(r"go to (?P<location>.+)"), "go"),
    (re.compile(r"teleport to (?P<location>.+)"), "teleport"),
    (re.compile(r"eat (?P<food>.+)"), "eat"),
    (re.compile(r"flush (?P<device>.+)"), "flush"),
    (re.compile(r"focus on (?P<object>.+)"), "focus_on"),
    (re.compile(r"wait"), "wait"),
    (re.compile(r"wait1"), "wait1"),
    (re.compile(r"task"), "task"),
    (re.compile(r"inventory"), "inventory"),
    (re.compile(r"reset task"), "reset_task"),
)
_NUMBER = re.compile(r"0|[1-9]\d{0,5}")


class Laboratory(Controller):
    """A robot in a house with a workshop, a foundry, a greenhouse and an outside.

    Things are called as they are shown. What occurs twice is told apart by where it is, such as
    "jug in sink" or "thermometer in inventory".
    """

    introduction = ""

    @action
    def look_around(self) -> str:
        """Returns what is in the room, what is on and in it, and its doors. Takes no time."""
        return self.send("look around")

    @action
    def look_at(self, object: str) -> str:
        """Look closely at something.

        Example: look_at("substance in metal pot")
        """
        return self.send(f"look at {object}")

    @action
    def look_in(self, container: str) -> str:
        """Returns what is in an open container.

        Example: look_in("cupboard")
        """
        return self.send(f"look in {container}")

    @action
    def inventory(self) -> str:
        """Returns what you carry. Takes no time."""
        return self.send("inventory")

    @action
    def task(self) -> str:
        """Returns what the task is. Takes no time."""
        return self.send("task")

    @action
    def go(self, location: str) -> str:
        """Go to the next room, through an open door.

        Example: go("kitchen")
        """
        return self.send(f"go to {location}")

    @action
    def teleport(self, location: str) -> str:
        """Go to any room at once. Known only under the simplification teleportAction (or easy).

        Example: teleport("workshop")
        """
        return self.send(f"teleport to {location}")

    @action
    def open_object(self, object: str) -> str:
        """Open a door or a container.

        Example: open_object("door to kitchen")
        """
        return self.send(f"open {object}")

    @action
    def close_object(self, object: str) -> str:
        """Close a door or a container.

        Example: close_object("freezer")
        """
        return self.send(f"close {object}")

    @action
    def pick_up(self, object: str) -> str:
        """Take something into your inventory; you may carry many things.

        Example: pick_up("metal pot")
        """
        return self.send(f"pick up {object}")

    @action
    def put_down(self, object: str) -> str:
        """Put something from your inventory onto the floor of the room.

        Example: put_down("metal pot")
        """
        return self.send(f"put down {object}")

    @action
    def move(self, object: str, destination: str) -> str:
        """Put something into or onto something else.

        Example: move("metal pot", "sink")
        """
        return self.send(f"move {object} to {destination}")

    @action
    def pour(self, substance: str, container: str) -> str:
        """Pour a liquid, or what is in a container, into another container.

        Example: pour("cup containing blue paint", "jug")
        """
        return self.send(f"pour {substance} into {container}")

    @action
    def dunk(self, container: str, liquid: str) -> str:
        """Dunk a container into a liquid, to fill it.

        Example: dunk("metal pot", "water")
        """
        return self.send(f"dunk {container} into {liquid}")

    @action
    def mix(self, container: str) -> str:
        """Mix what is in a container.

        Example: mix("jug")
        """
        return self.send(f"mix {container}")

    @action
    def activate(self, device: str) -> str:
        """Switch a device on, such as a sink, a stove or a stopwatch.

        Example: activate("stove")
        """
        return self.send(f"activate {device}")

    @action
    def deactivate(self, device: str) -> str:
        """Switch a device off.

        Example: deactivate("sink")
        """
        return self.send(f"deactivate {device}")

    @action
    def use(self, device: str, target: str) -> str:
        """Use a device or a tool on something.

        Example: use("thermometer in inventory", "substance in metal pot")
        """
        return self.send(f"use {device} on {target}")

    @action
    def connect(self, terminal: str, other: str) -> str:
        """Connect two terminals of electrical components. Unknown under noElectricalAction.

        Example: connect("terminal 1 in red wire", "anode in battery")
        """
        return self.send(f"connect {terminal} to {other}")

    @action
    def disconnect(self, object: str) -> str:
        """Remove the electrical connections of a component or terminal.

        Example: disconnect("red wire")
        """
        return self.send(f"disconnect {object}")

    @action
    def read(self, document: str) -> str:
        """Read a recipe, a book or the like.

        Example: read("recipe in inventory")
        """
        return self.send(f"read {document}")

    @action
    def eat(self, food: str) -> str:
        """Eat something.

        Example: eat("apple")
        """
        return self.send(f"eat {food}")

    @action
    def flush(self, device: str) -> str:
        """Flush a toilet.

        Example: flush("toilet")
        """
        return self.send(f"flush {device}")

    @action
    def focus_on(self, object: str) -> str:
        """Say that something is what the task is about. Do it only where the task asks for it: a
        wrong choice ends the task with the score -100.

        Example: focus_on("thermometer in inventory")
        """
        return self.send(f"focus on {object}")

    @action
    def wait(self) -> str:
        """Let ten units of time pass, e.g. until water boils or a plant has grown."""
        return self.send("wait")

    @action
    def wait1(self) -> str:
        """Let one unit of time pass."""
        return self.send("wait1")

    @action
    def choose(self, number: int) -> str:
        """Answer an ambiguous request by the number of what you meant in its list.

        After such a request nothing else is understood: any other command only cancels it.
        Example: choose(0)
        """
        return self.send(str(number))

    @action
    def reset_task(self) -> str:
        """Forget the progress towards the goal and what you focused on. Things stay as they are."""
        return self.send("reset task")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, Any]]:
        """Return the call that sends a command in the simulator's own wording.

        Raises:
            ValueError: it is no such command.
        """
        if _NUMBER.fullmatch(command):
            return "choose", {"number": int(command)}
        return match_command(command, _COMMANDS) or super().command_call(command)
