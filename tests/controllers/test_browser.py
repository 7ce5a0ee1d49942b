"""The browser's functions: one command each, and its inverse."""

from __future__ import annotations

from typing import Any

import pytest
from embodied_controllers.browser import Browser
from embodied_controllers.experts.browser_page import Page

from embodied import Observation
from tests.controllers.echo import Echo

PAGE = 'Task: Say hello.\nPage:\n[1] input type=text value=""\n[2] select options="A","B"'


@pytest.fixture
def browser() -> Browser:
    robot = Browser(Echo(PAGE))
    robot.begin(Observation(PAGE), max_steps=None)
    return robot


CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("click", {"ref": 1}, "click 1"),
    ("double_click", {"ref": 1}, "double click 1"),
    ("click_at", {"x": 5, "y": 60}, "click at 5 60"),
    ("hover", {"ref": 2}, "hover 2"),
    ("type_text", {"ref": 1, "text": 'a "b"\nc'}, 'type 1 "a \\"b\\"\\nc"'),
    ("press_key", {"key": "Control+a"}, "press Control+a"),
    ("select", {"ref": 2, "option": "A"}, 'select 2 "A"'),
    ("drag", {"ref": 1, "to_ref": 2}, "drag 1 to 2"),
    ("drag_at", {"x": 1, "y": 2, "to_x": 3, "to_y": 4}, "drag at 1 2 to 3 4"),
    ("scroll", {"ref": 2, "pixels": -40}, "scroll 2 -40"),
    ("wait", {"seconds": 1.5}, "wait 1.500"),
    ("see", {}, "see"),
]


@pytest.mark.parametrize(("name", "arguments", "command"), CALLS)
def test_each_function_sends_one_command_which_leads_back_to_it(
    browser: Browser, name: str, arguments: dict[str, Any], command: str
) -> None:
    assert browser.call(name, (), arguments) == PAGE
    assert [step.command for step in browser.steps] == [command]
    assert Browser.command_call(command) == (name, arguments)


def test_every_function_is_tried_here() -> None:
    assert set(Browser.actions()) == {name for name, _, _ in CALLS}


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("click", {"ref": 3}, r"shows no element \[3\]"),
        ("drag", {"ref": 1, "to_ref": 7}, r"shows no element \[7\]"),
        ("press_key", {"key": "a b"}, "for a text type_text"),
        ("wait", {"seconds": 60.0}, "0 to 10 seconds"),
    ],
)
def test_mistakes_take_no_step(
    browser: Browser, name: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        browser.call(name, (), arguments)
    assert browser.steps == []


def test_the_expert_reads_a_page_back() -> None:
    page = Page(
        "Observation:\nTask: Do it.\nPage:\n"
        '[5] div#mail.open\n  [1] span.star color=red at 10,20 size 12x8\n  "a \\"b\\""\n'
        '[2] button "Send" disabled\n[left: 3 turns]'
    )
    mail, star, button = page.elements
    assert (page.task, mail.kind, mail.text, mail.below) == (
        "Do it.",
        "div#mail.open",
        'a "b"',
        [star],
    )
    assert (star.box, star.color, mail.first("span.star")) == ((10, 20, 12, 8), "red", star)
    assert page.one("button", "Send") is button
    with pytest.raises(LookupError, match="no select"):
        page.one("select")
