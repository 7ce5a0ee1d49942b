"""The browser of an environment: opens pages, acts as a user does, and looks at the page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from embodied._util.closeable import Closeable
from embodied.errors import InfrastructureError
from embodied_envs.miniwob.chromium import Driver, find_programs, new_session

_SCRIPT = Path(__file__).with_name("page.js")
_DRAG_MOVES = 4
"""Moves of the mouse in a drag. A page may take note of a drag only at its second one."""
_CORNER = (779, 429)
"""Where the mouse is at first, wherever it was before: at no element. A release takes it there
without the wait of a move for the next frame; one of no button would leave it where it was."""
_IS_FRESH = "document.readyState === 'complete' && typeof core === 'object' && !__embodied.isUsed()"
"""Whether the page is loaded. For a moment the page before may still be there, which was used."""
_LOAD_SECONDS = 30.0
_POLL_SECONDS = 0.002
_MOST_REASON = 500
_PICTURE = {"x": 0, "y": 0, "width": 160, "height": 210, "scale": 1}
"""The part of the page in which tasks take place."""


class PageError(ValueError):
    """The page has no such element, or it cannot be used so; nothing was done."""


class Browser(Closeable):
    """One page of one running browser.

    Mouse and keyboard are the browser's own (WebDriver actions), so that pages see real events.
    """

    def __init__(self) -> None:
        """Start it.

        Raises:
            ConfigError: a program is not installed.
            InfrastructureError: it does not start.
        """
        programs = find_programs()
        self._driver = Driver(programs)
        try:
            self._session = new_session(self._driver, programs)
            source = _SCRIPT.read_text(encoding="utf-8")
            self._devtools("Page.addScriptToEvaluateOnNewDocument", source=source)
        except BaseException:
            self._driver.close()
            raise

    def close(self) -> None:
        """End it, with all its processes and its folder."""
        self._driver.close()

    def start(self, page: Path, seed: int, mode: str, again: bool = True) -> dict[str, Any]:
        """Start an episode; returns what there is to see.

        Args:
            page: the page's file.
            seed: draws its problem.
            mode: which of its problems are drawn.
            again: whether the page may be played again without loading it anew.

        Raises:
            InfrastructureError: it is not there within some seconds.
        """
        url = page.as_uri()
        if again:
            self._leave()
            seen: dict[str, Any] = self.ask("start", url, seed, mode)
            if "left" not in seen:
                return seen
        self._load(url)
        return dict(self.ask("start", url, seed, mode))

    def ask(self, function: str, *arguments: Any) -> Any:
        """Call a function of `page.js`.

        Raises:
            PageError: the function says so.
            InfrastructureError: it fails.
        """
        call = f"__embodied.{function}({', '.join(map(json.dumps, arguments))})"
        value = self._value(f"typeof __embodied === 'undefined' ? {{ left: true }} : {call}")
        if isinstance(value, dict) and "error" in value:
            raise PageError(value["error"])
        return value

    def click(self, x: float, y: float, times: int = 1) -> None:
        """Click at a place, in CSS pixels from the top left corner."""
        actions = self._actions()
        actions.pointer_action.move_to_location(x, y)
        for _ in range(times):
            actions.pointer_action.click()
        actions.perform()

    def hover(self, x: float, y: float) -> None:
        """Move the mouse to a place."""
        actions = self._actions()
        actions.pointer_action.move_to_location(x, y)
        actions.perform()

    def drag(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Press the mouse at one place, move, and release it at another."""
        actions = self._actions()
        mouse = actions.pointer_action
        mouse.move_to_location(x, y)
        mouse.pointer_down()
        for move in range(1, _DRAG_MOVES + 1):
            part = move / _DRAG_MOVES
            mouse.move_to_location(x + (to_x - x) * part, y + (to_y - y) * part)
        mouse.pointer_up()
        actions.perform()

    def keys(self, *chords: tuple[str, ...]) -> None:
        """Press keys one after another; a chord's keys are held together."""
        actions = self._actions()
        for chord in chords:
            for key in chord:
                actions.key_action.key_down(key)
            for key in reversed(chord):
                actions.key_action.key_up(key)
        actions.perform()

    def picture(self) -> str:
        """Draw the page as a PNG, in base64."""
        return str(self._devtools("Page.captureScreenshot", format="png", clip=_PICTURE)["data"])

    def _load(self, url: str) -> None:
        self._devtools("Page.navigate", url=url)
        deadline = time.monotonic() + _LOAD_SECONDS
        while not self._value(f"location.href === {json.dumps(url)} && {_IS_FRESH}"):
            if time.monotonic() > deadline:
                raise InfrastructureError(f"{url} was not loaded within {_LOAD_SECONDS:g} s")
            time.sleep(_POLL_SECONDS)
        self._leave()

    def _leave(self) -> None:
        """Take the mouse to no element."""
        x, y = _CORNER
        self._devtools("Input.dispatchMouseEvent", type="mouseReleased", button="left", x=x, y=y)

    def _actions(self) -> Any:
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        return ActionBuilder(self._session, duration=0)

    def _value(self, expression: str) -> Any:
        answer = self._devtools(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            why = str(answer["exceptionDetails"])[:_MOST_REASON]
            raise InfrastructureError(f"{expression[:_MOST_REASON]} failed in the page: {why}")
        return answer["result"].get("value")

    def _devtools(self, command: str, **parameters: Any) -> Any:
        request = {"cmd": command, "params": parameters}
        return self._session.execute("executeCdpCommand", request)["value"]
