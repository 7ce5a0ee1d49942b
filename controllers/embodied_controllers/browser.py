"""A web browser: one page, its elements by number, mouse and keyboard."""

from __future__ import annotations

import json
import re

from embodied.controller import Controller, action
from embodied.environment import Observation
from embodied.limits import AfterEnd
from embodied_controllers.command_patterns import match_command

_REF = re.compile(r"^ *\[(\d+)\]", re.MULTILINE)
_KEY = re.compile(r"\S{1,40}")

_COMMANDS = (
    (re.compile(r"click (?P<ref>\d+)"), "click"),
    (re.compile(r"double click (?P<ref>\d+)"), "double_click"),
    (re.compile(r"click at (?P<x>\d+) (?P<y>\d+)"), "click_at"),
    (re.compile(r"hover (?P<ref>\d+)"), "hover"),
    (re.compile(r"type (?P<ref>\d+) (?P<text>\".*\")", re.DOTALL), "type_text"),
    (re.compile(r"press (?P<key>\S+)"), "press_key"),
    (re.compile(r"select (?P<ref>\d+) (?P<option>\".*\")", re.DOTALL), "select"),
    (re.compile(r"drag (?P<ref>\d+) to (?P<to_ref>\d+)"), "drag"),
    (
        re.compile(r"drag at (?P<x>\d+) (?P<y>\d+) to (?P<to_x>\d+) (?P<to_y>\d+)"),
        "drag_at",
    ),
    (re.compile(r"scroll (?P<ref>\d+) (?P<pixels>-?\d+)"), "scroll"),
    (re.compile(r"wait (?P<seconds>[\d.]+)"), "wait"),
    (re.compile(r"see"), "see"),
)
_WORDS = ("key",)


class Browser(Controller):
    """A browser with one page, which says itself what is to be done with it.

    A page is a list of its elements as a user sees them, one a line: [number], kind, text, state.
    Numbers stay the same for the whole task. Places are x,y in pixels from the top left corner.
    Every function returns the page as it is afterwards, when half a second has passed in it.
    """

    introduction = ""

    def begin(
        self, observation: Observation, max_steps: int | None, after_end: AfterEnd = "stop"
    ) -> None:
        """Start an episode; its first observation shows the page."""
        super().begin(observation, max_steps, after_end)
        self._refs = set(_REF.findall(observation.text))

    def send(self, command: str) -> str:
        """Take one step and remember which elements the page shows."""
        text = super().send(command)
        self._refs = set(_REF.findall(text))
        return text

    @action
    def click(self, ref: int) -> str:
        """Click on an element.

        Example: click(3)
        """
        return self.send(f"click {self._shown(ref)}")

    @action
    def double_click(self, ref: int) -> str:
        """Click twice on an element.

        Example: double_click(3)
        """
        return self.send(f"double click {self._shown(ref)}")

    @action
    def click_at(self, x: int, y: int) -> str:
        """Click at a place.

        Example: click_at(80, 120)
        """
        return self.send(f"click at {x} {y}")

    @action
    def hover(self, ref: int) -> str:
        """Move the mouse over an element.

        Example: hover(3)
        """
        return self.send(f"hover {self._shown(ref)}")

    @action
    def type_text(self, ref: int, text: str) -> str:
        """Click on a field and type a text in place of what it holds; a line break is Enter.

        Dates are written as 2020-12-31 and times as 23:59.
        Example: type_text(2, "Anna")
        """
        return self.send(f"type {self._shown(ref)} {json.dumps(text)}")

    @action
    def press_key(self, key: str) -> str:
        """Press a key or a chord of keys, in the element that has the focus.

        Keys have the names of JavaScript: Enter, Tab, Backspace, ArrowDown, a, Control+a.
        Example: press_key("Enter")
        """
        if not _KEY.fullmatch(key):
            raise ValueError(
                f'{key!r} is no key such as "Enter", "a" or "Control+a"; for the '
                'space bar use "Space", for a text type_text'
            )
        return self.send(f"press {key}")

    @action
    def select(self, ref: int, option: str) -> str:
        """Choose an option of a select by its text; a multiple one keeps what it has.

        Example: select(1, "Blue")
        """
        return self.send(f"select {self._shown(ref)} {json.dumps(option)}")

    @action
    def drag(self, ref: int, to_ref: int) -> str:
        """Drag one element onto another.

        Example: drag(3, 5)
        """
        return self.send(f"drag {self._shown(ref)} to {self._shown(to_ref)}")

    @action
    def drag_at(self, x: int, y: int, to_x: int, to_y: int) -> str:
        """Drag from one place to another.

        Example: drag_at(40, 60, 120, 60)
        """
        return self.send(f"drag at {x} {y} to {to_x} {to_y}")

    @action
    def scroll(self, ref: int, pixels: int) -> str:
        """Scroll what is in an element, down for positive pixels. (A click scrolls by itself.)

        Example: scroll(4, 100)
        """
        return self.send(f"scroll {self._shown(ref)} {pixels}")

    @action
    def wait(self, seconds: float) -> str:
        """Let time pass in the page, at most 10 seconds.

        Example: wait(2.5)
        """
        if not 0 <= seconds <= 10:
            raise ValueError(f"wait takes 0 to 10 seconds, not {seconds:g}; call it several times")
        return self.send(f"wait {seconds:.3f}")

    @action
    def see(self) -> str:
        """Look at the page.

        Example: print(see())
        """
        return self.send("see")

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, str]]:
        """Return the call that sends a command.

        Raises:
            ValueError: it is no command of a browser.
        """
        name, values = match_command(command, _COMMANDS) or super().command_call(command)
        return name, {key: _value(key, value) for key, value in values.items()}

    def _shown(self, ref: int) -> int:
        if self._refs and str(ref) not in self._refs:
            raise ValueError(
                f"the page shows no element [{ref}]; look at the page again, with see(), and use "
                "one of its numbers"
            )
        return ref


def _value(name: str, text: str) -> str:
    if name in _WORDS:
        return text
    value: str = json.loads(text, strict=False)
    return value
