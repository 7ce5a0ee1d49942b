"""The schema of a whole action in JSON, and what is made of an answer that follows it or not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied import Controller, Protocol, action
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.format import Call
from embodied.action_formats.schema import calls_schema
from embodied.policy import Reply
from embodied.prompting import make_prompt
from tests.action_formats.typed_robot import Typed, calls
from tests.conftest import Switcher

ON = {"name": "on", "arguments": {"light": "left 1"}}


def is_valid(value: Any, controller: type[Controller] = Switcher) -> bool:
    return bool(jsonschema.Draft202012Validator(calls_schema(controller)).is_valid(value))


@given(st.lists(calls(), min_size=1, max_size=3))
def test_what_the_format_writes_is_valid(actions: list[Call]) -> None:
    written = JsonFormat(Typed).render("", actions).content
    text = written[written.index("\n") : written.rindex("\n")]
    assert is_valid(json.loads(text), Typed)


@pytest.mark.parametrize("value", [ON, [ON], [ON, ON], {"name": "wait", "arguments": {}}])
def test_what_is_valid_is_read_without_tags(value: Any) -> None:
    assert is_valid(value)
    conversation = make_prompt(Protocol(action="json"), Switcher)
    move = conversation.parse_reply(Reply(json.dumps(value)))
    assert move.action is not None
    assert conversation.format.calls_robot(move.action)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        "on",
        {"name": "on"},
        {"name": "fly", "arguments": {}},
        {"name": "on", "arguments": {}},
        {"name": "on", "arguments": {"light": 1}},
        {"name": "on", "arguments": {"light": "left 1"}, "thought": "Hm."},
        {"name": "wait", "arguments": {"light": "left 1"}},
        [[ON]],
    ],
)
def test_what_is_no_action_is_not_valid(value: Any) -> None:
    assert not is_valid(value)


class First:
    @dataclass
    class Place:
        x: int


class Second:
    @dataclass
    class Place:
        name: str


class Mover(Controller):
    @action
    def go(self, to: First.Place) -> None:
        """Go."""

    @action
    def fly(self, to: Second.Place) -> None:
        """Fly."""


@pytest.mark.parametrize(
    ("name", "good", "bad"), [("go", {"x": 1}, {"name": "a"}), ("fly", {"name": "a"}, {"x": 1})]
)
def test_types_of_one_name_are_kept_apart(name: str, good: Any, bad: Any) -> None:
    assert is_valid({"name": name, "arguments": {"to": good}}, Mover)
    assert not is_valid({"name": name, "arguments": {"to": bad}}, Mover)
