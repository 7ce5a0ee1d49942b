"""The text commands of a browser, and what each one does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from embodied_envs.miniwob.browser import Browser, PageError

STEP_SECONDS = 0.5
"""Page time that a command takes. Animations and delays of the pages are shorter."""
MOST_WAIT_SECONDS = 10.0
MOST_CHARACTERS = 2_000
"""Text that one command may type."""

KEYS: Mapping[str, str] = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Control": "\ue009",
    "Alt": "\ue00a",
    "Escape": "\ue00c",
    "Space": " ",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "Delete": "\ue017",
}
"""Names of keys as in JavaScript, and as WebDriver sends them."""

_INTEGER = r"(-?\d{1,5})"
_TEXT = r'("(?:[^"\\]|\\.)*")'


class CommandError(ValueError):
    """A text is no command; the message says what to write instead."""


def perform(browser: Browser, command: str) -> float:
    """Carry out a command; returns how many seconds of page time it takes.

    Raises:
        CommandError: it is no command.
        PageError: the page cannot be used so; nothing was done.
    """
    for pattern, act in _COMMANDS:
        if match := pattern.fullmatch(command.strip()):
            seconds = act(browser, *match.groups())
            return STEP_SECONDS if seconds is None else seconds
    raise CommandError(f"there is no such command; the commands are: {', '.join(TEMPLATES)}")


def _click(browser: Browser, ref: str) -> None:
    browser.click(*_place(browser, ref))


def _double_click(browser: Browser, ref: str) -> None:
    browser.click(*_place(browser, ref), times=2)


def _click_at(browser: Browser, x: str, y: str) -> None:
    browser.click(*_point(x, y))


def _hover(browser: Browser, ref: str) -> None:
    browser.hover(*_place(browser, ref))


def _type(browser: Browser, ref: str, text: str) -> None:
    content = _read(text)
    field = browser.ask("fill", int(ref), content)
    if field["typed"]:
        return
    browser.click(field["x"], field["y"])
    browser.ask("mark", int(ref))
    browser.keys(*[(KEYS["Enter"],) if c == "\n" else (c,) for c in content or KEYS["Delete"]])


def _press(browser: Browser, chord: str) -> None:
    names = chord.split("+") if len(chord) > 1 else [chord]
    unknown = [n for n in names if n not in KEYS and not (len(n) == 1 and n.isprintable())]
    if unknown:
        raise CommandError(
            f"there is no key {unknown[0]!r}; there are single characters, {', '.join(KEYS)}, and "
            "chords of them such as Control+a"
        )
    browser.keys(tuple(KEYS.get(name, name) for name in names))


def _select(browser: Browser, ref: str, option: str) -> None:
    browser.ask("choose", int(ref), _read(option))


def _drag(browser: Browser, ref: str, to_ref: str) -> None:
    end = _place(browser, to_ref)
    browser.drag(*_place(browser, ref), *end)


def _drag_at(browser: Browser, x: str, y: str, to_x: str, to_y: str) -> None:
    browser.drag(*_point(x, y), *_point(to_x, to_y))


def _scroll(browser: Browser, ref: str, pixels: str) -> None:
    browser.ask("scroll", int(ref), int(pixels))


def _wait(browser: Browser, seconds: str) -> float:
    return min(float(seconds), MOST_WAIT_SECONDS)


def _see(browser: Browser) -> None:
    """Look again: nothing but time passes."""


def _command(pattern: str) -> re.Pattern[str]:
    words = pattern.replace("INT", _INTEGER).replace("TEXT", _TEXT)
    return re.compile(words, re.DOTALL)


_COMMANDS: tuple[tuple[re.Pattern[str], Callable[..., float | None]], ...] = (
    (_command("click INT"), _click),
    (_command("double click INT"), _double_click),
    (_command("click at INT INT"), _click_at),
    (_command("hover INT"), _hover),
    (_command("type INT TEXT"), _type),
    (_command(r"press (\S{1,40})"), _press),
    (_command("select INT TEXT"), _select),
    (_command("drag INT to INT"), _drag),
    (_command("drag at INT INT to INT INT"), _drag_at),
    (_command("scroll INT INT"), _scroll),
    (_command(r"wait (\d{1,3}(?:\.\d{1,3})?)"), _wait),
    (_command("see"), _see),
)

TEMPLATES = (
    "click {ref}",
    "double click {ref}",
    "click at {x} {y}",
    "hover {ref}",
    'type {ref} "{text}"',
    "press {key}",
    'select {ref} "{option}"',
    "drag {ref} to {ref}",
    "drag at {x} {y} to {x} {y}",
    "scroll {ref} {pixels}",
    "wait {seconds}",
    "see",
)
"""The forms of the commands; texts are JSON strings."""


def _place(browser: Browser, ref: str) -> tuple[float, float]:
    found = browser.ask("locate", int(ref))
    return found["x"], found["y"]


def _point(x: str, y: str) -> tuple[int, int]:
    if not (0 <= int(x) < 780 and 0 <= int(y) < 430):
        raise PageError(f"{x},{y} is not on the screen, whose corners are 0,0 and 779,429")
    return int(x), int(y)


def _read(text: str) -> str:
    try:
        content = str(json.loads(text, strict=False))
    except ValueError:
        raise CommandError(f"{text[:80]} is no JSON string") from None
    if not re.sub(r"[\n\t]", "", content).isprintable():  # WebDriver's codes for keys are not, too
        raise CommandError("a text holds printable characters and line breaks; see `press`")
    if len(content) > MOST_CHARACTERS:
        raise CommandError(f"a text may have {MOST_CHARACTERS:,} characters; do it in parts")
    return content
