"""The household robot: ALFWorld's text commands as Python functions.

The functions are those of MINT's ALFWorld tools (arXiv 2309.10691), which CodeAct uses, with
`examine`, `inventory` and `slice` added.
"""

from __future__ import annotations

import difflib
import re

from embodied.controller import Controller, action
from embodied.environment import Observation
from embodied.limits import AfterEnd
from embodied_controllers.command_patterns import match_command

_ARRIVAL = re.compile(r"^You arrive at loc \d+\. ")
_NAME = re.compile(r"\b[a-z]+ \d+\b")
_REFUSAL = "Nothing happens."

_COMMANDS = (
    (re.compile(r"go to (?P<receptacle>.+)"), "goto"),
    (re.compile(r"take (?P<object>.+) from (?P<receptacle>.+)"), "take_from"),
    (re.compile(r"put (?P<object>.+) in/on (?P<receptacle>.+)"), "put"),
    (re.compile(r"move (?P<object>.+) to (?P<receptacle>.+)"), "put"),
    (re.compile(r"open (?P<receptacle>.+)"), "open_receptacle"),
    (re.compile(r"close (?P<receptacle>.+)"), "close_receptacle"),
    (re.compile(r"(?P<verb>clean|heat|cool) (?P<object>.+) with (?P<receptacle>.+)"), "{verb}"),
    (re.compile(r"slice (?P<object>.+) with (?P<tool>.+)"), "slice"),
    (re.compile(r"use (?P<object>.+)"), "use"),
    (re.compile(r"examine (?P<target>.+)"), "examine"),
    (re.compile(r"look"), "look"),
    (re.compile(r"inventory"), "inventory"),
)


class _HouseholdBase(Controller):
    """What both households share: one command a call, in the dialect of the game."""

    def _send_put(self, object: str, receptacle: str) -> str:
        old = "put {o} in/on {r}" in self.environment.command_templates()
        return self.send(
            f"put {object} in/on {receptacle}" if old else f"move {object} to {receptacle}"
        )

    def send(self, command: str) -> str:
        """Take one step; the location numbers of the old dialect mean nothing and are left out."""
        return _ARRIVAL.sub("", super().send(command))

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends a game command, in any case, with a full stop or without.

        Raises:
            ValueError: it is no household command, or one that this robot has no action for.
        """
        call = match_command(command.lower().rstrip(".!"), _COMMANDS)
        return call if call and call[0] in cls.actions() else super().command_call(command)


class Household(_HouseholdBase):
    """A robot in a household, which carries one object at a time.

    Things are called by type and number, such as "mug 1" and "countertop 2". Calls with a name that
    the robot cannot know yet raise ValueError and take no step. (A robot whose episode was not
    started with `begin` knows no names and checks none.)
    """

    introduction = ""
    thread_safe = True

    def begin(
        self, observation: Observation, max_steps: int | None, after_end: AfterEnd = "stop"
    ) -> None:
        """Start an episode; its first observation names all receptacles."""
        super().begin(observation, max_steps, after_end)
        self._receptacles = set(_NAME.findall(observation.text))
        self._seen = set(self._receptacles)

    def send(self, command: str) -> str:
        """Take one step and remember the names in its text."""
        text = super().send(command)
        self._seen.update(_NAME.findall(text))
        return text

    def _send_or_examine(self, command: str, receptacle: str) -> str:
        """Take the step that shows a receptacle: the command, or `examine` where only that will do.

        The game refuses to go to what is where the robot stands already, and to open what is open.
        """
        examine = f"examine {receptacle}"
        if self.environment.capabilities.valid_commands and not self.ended:
            valid = self.environment.valid_commands()
            if command not in valid and examine in valid:
                command = examine
        return self.send(command)

    def _receptacle(self, name: str) -> str:
        return _known(name, self._receptacles, "receptacle")

    def _thing(self, name: str) -> str:
        known = self._seen if self._receptacles else set()
        return _known(name, known, "thing that has been seen")

    @action
    def goto(self, receptacle: str) -> str:
        """Go to a receptacle. Returns what is in or on it, or that it is closed.

        Example: goto("drawer 1") returns "The drawer 1 is closed."
        """
        name = self._receptacle(receptacle)
        text = self._send_or_examine(f"go to {name}", name)
        if self._receptacles and not self.ended and text.startswith(_REFUSAL):
            return f"{text} You are at the {name} already; examine it to see what is in or on it."
        return text

    @action
    def take_from(self, object: str, receptacle: str) -> str:
        """Take an object from the receptacle where you are. Your hands must be empty.

        Example: take_from("mug 1", "shelf 2") returns "You pick up the mug 1 from the shelf 2."
        """
        return self.send(f"take {self._thing(object)} from {self._receptacle(receptacle)}")

    @action
    def put(self, object: str, receptacle: str) -> str:
        """Put the object that you carry in or on the receptacle where you are.

        A closed receptacle must be opened first. Not every object fits in every receptacle.
        Example: put("mug 1", "desk 2")
        """
        return self._send_put(self._thing(object), self._receptacle(receptacle))

    @action
    def open_receptacle(self, receptacle: str) -> str:
        """Open the receptacle where you are. Returns what is in it.

        Example: open_receptacle("fridge 1")
        """
        name = self._receptacle(receptacle)
        return self._send_or_examine(f"open {name}", name)

    @action
    def close_receptacle(self, receptacle: str) -> str:
        """Close the receptacle where you are.

        Example: close_receptacle("microwave 1")
        """
        return self.send(f"close {self._receptacle(receptacle)}")

    @action
    def use(self, object: str) -> str:
        """Switch on a lamp that is where you are.

        To examine something with a lamp, carry it to the lamp and use the lamp.
        Example: use("desklamp 1")
        """
        return self.send(f"use {self._thing(object)}")

    @action
    def clean(self, object: str, receptacle: str) -> str:
        """Clean the object that you carry with the sinkbasin where you are.

        Example: clean("cloth 1", "sinkbasin 1")
        """
        return self.send(f"clean {self._thing(object)} with {self._receptacle(receptacle)}")

    @action
    def heat(self, object: str, receptacle: str) -> str:
        """Heat the object that you carry with the microwave where you are; it may stay closed.

        Example: heat("egg 1", "microwave 1")
        """
        return self.send(f"heat {self._thing(object)} with {self._receptacle(receptacle)}")

    @action
    def cool(self, object: str, receptacle: str) -> str:
        """Cool the object that you carry with the fridge where you are; it may stay closed.

        Example: cool("tomato 1", "fridge 1")
        """
        return self.send(f"cool {self._thing(object)} with {self._receptacle(receptacle)}")

    @action
    def slice(self, object: str, tool: str) -> str:
        """Slice the object where you are with a knife that you carry.

        Example: slice("bread 1", "knife 1")
        """
        return self.send(f"slice {self._thing(object)} with {self._thing(tool)}")

    @action
    def look(self) -> str:
        """Look around. Returns what you are facing."""
        return self.send("look")

    @action
    def inventory(self) -> str:
        """Returns what you carry."""
        return self.send("inventory")

    @action
    def examine(self, target: str) -> str:
        """Look closely at an object or receptacle where you are: is it hot, clean, open?

        Example: examine("mug 1")
        """
        return self.send(f"examine {self._thing(target)}")


class MintHousehold(_HouseholdBase):
    """The eleven functions of the recorded benchmark: any argument goes to the game as it is."""

    introduction = ""
    thread_safe = True

    checks_arguments = False

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """As the household's; what is used is called a receptacle here."""
        name, arguments = super().command_call(command)
        return name, {"receptacle": arguments["object"]} if name == "use" else arguments

    @action
    def put(self, object: str, receptacle: str) -> str:
        """Put an object in/on a receptacle.
        For example: put("mug 1", "desk 2")
        """
        return self._send_put(object, receptacle)

    @action
    def goto(self, receptacle: str) -> str:
        """Go to a location of the receptacle.
        For example: goto("drawer 1")
        """
        return self.send(f"go to {receptacle}")

    @action
    def take_from(self, object: str, receptacle: str) -> str:
        """Take an object from a receptacle.
        For example: take_from("mug 1", "shelf 2")
        """
        return self.send(f"take {object} from {receptacle}")

    @action
    def open_receptacle(self, receptacle: str) -> str:
        """Open a receptacle.
        For example: open_receptacle("fridge 1")
        """
        return self.send(f"open {receptacle}")

    @action
    def toggle(self, object_or_receptacle: str) -> str:
        """Toggle an object or receptacle.
        For example: toggle("light 2")
        """
        return self.send(f"toggle {object_or_receptacle}")

    @action
    def close_receptacle(self, receptacle: str) -> str:
        """Close a receptacle.
        For example: close_receptacle("microwave 1")
        """
        return self.send(f"close {receptacle}")

    @action
    def clean(self, object: str, receptacle: str) -> str:
        """Clean an object with a receptacle.
        For example: clean("cloth 1", "sinkbasin 1")
        """
        return self.send(f"clean {object} with {receptacle}")

    @action
    def heat(self, object: str, receptacle: str) -> str:
        """Heat an object with a receptacle.
        For example: heat("egg 1", "microwave 1")
        """
        return self.send(f"heat {object} with {receptacle}")

    @action
    def cool(self, object: str, receptacle: str) -> str:
        """Cool an object with a receptacle.
        For example: cool("bottle 1", "fridge 1")
        """
        return self.send(f"cool {object} with {receptacle}")

    @action
    def use(self, receptacle: str) -> str:
        """Use a receptacle.
        For example: use("lamp 1")
        """
        return self.send(f"use {receptacle}")

    @action
    def look(self) -> str:
        """Look around. It will return what you see in the room.
        For example: look()
        """
        return self.send("look")


def _known(name: str, known: set[str], what: str) -> str:
    if name in known or not known:
        return name
    if name.lower() in known:
        return name.lower()
    close = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(known))}"
    if not _NAME.fullmatch(name):
        raise ValueError(f'{name!r} is not a name of type and number such as "mug 1"; {hint}')
    raise ValueError(f"there is no {what} called {name!r}; {hint}")
