"""Native function calls."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from embodied import Controller, action
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.format import Call
from embodied.llm.tool_calls import SentCall, SentFunction, accept_calls
from embodied.policy import Reply
from embodied.trajectory import ToolCall
from tests.action_formats.typed_robot import Typed
from tests.conftest import Switcher


def called(*calls: tuple[str, str]) -> Reply:
    return Reply(
        "hm",
        tool_calls=tuple(
            ToolCall(id=str(i), name=n, arguments=a) for i, (n, a) in enumerate(calls)
        ),
    )


def test_the_definitions_are_those_of_the_api() -> None:
    first = ToolsFormat(Switcher).tools()[0]
    assert first == {
        "type": "function",
        "function": {
            "name": "on",
            "description": 'Switch a light on.\n\nExample: on with {"light": "left 1"}',
            "parameters": {
                "type": "object",
                "properties": {"light": {"type": "string"}},
                "required": ["light"],
                "additionalProperties": False,
            },
        },
    }
    json.dumps(ToolsFormat(Typed).tools())


def test_all_calls_of_a_message_are_the_action() -> None:
    made = ToolsFormat(Switcher)
    reading = made.parse(called(("on", '{"light": "left 1"}'), ("wait", ""), ("dance", "{}")))
    assert reading.action == (
        '[{"name": "on", "arguments": {"light": "left 1"}}, '
        '{"name": "wait", "arguments": {}}, {"name": "dance", "arguments": {}}]'
    )
    assert made.calls(reading.action) == [
        Call("on", kwargs={"light": "left 1"}),
        Call("wait"),
        Call("dance"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            '{"light": "left 1"',
            'call 2 (\'on\') are not JSON: line 1, column 19: expected "," or "}"',
        ),
        ('{"light": "left 1"} x', "call 2 ('on') are not JSON: line 1, column 21"),
        ("left 1", "call 2 ('on') are not JSON"),
        ('["left 1"]', "call 2 ('on') are ['left 1'], not an object"),
        ("null", "call 2 ('on') are None, not an object"),
        ('{"light": NaN}', "NaN"),
        ('{"light": "a", "light": "b"}', "stands twice"),
        ("[" * 100_000, "deeper than 100"),
    ],
)
def test_arguments_that_are_no_object(arguments: str, words: str) -> None:
    reading = ToolsFormat(Switcher).parse(called(("wait", "{}"), ("on", arguments)))
    assert reading.action is None
    assert words in (reading.problem or "")
    assert (reading.problem or "").endswith("a right call is, e.g., the function wait with {}")


def test_a_call_that_cannot_be_used_stops_those_beside_it() -> None:
    reply = replace(called(("wait", "{}")), unusable_calls=("call on with arguments that: {",))
    reading = ToolsFormat(Switcher).parse(reply)
    assert reading.action is None
    assert (reading.problem or "").startswith("call on with arguments that: {; a right call is")


def test_a_message_without_calls() -> None:
    reading = ToolsFormat(Switcher).parse(Reply('<execute>{"name": "wait"}</execute>'))
    assert reading.action is None
    assert reading.problem == (
        "no function was called; to act, call one, e.g. the function wait with {}"
    )


def test_ids_never_repeat() -> None:
    made = ToolsFormat(Switcher)
    replies = [made.render("", [Call("wait"), Call("wait")]) for _ in range(3)]
    ids = [call.id for reply in replies for call in reply.tool_calls]
    assert ids == [f"call0000{number}" for number in range(1, 7)]


def test_names_that_the_api_does_not_allow_are_replaced() -> None:
    class Robot(Controller):
        @action
        def öffne(self) -> str:  # noqa: PLC2401
            """Öffne."""
            return ""

        @action
        def äffne(self) -> str:  # noqa: PLC2401
            """Äffne."""
            return ""

        @action
        def a_name_of_more_than_sixty_four_characters_that_goes_on_and_on_and_on(self) -> str:
            """Long."""
            return ""

    made = ToolsFormat(Robot)
    names = [tool["function"]["name"] for tool in made.tools()]
    assert len(set(names)) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
    for name in Robot.actions():
        reading = made.parse(made.render("", [Call(name)]))
        assert reading.action is not None
        assert made.calls(reading.action) == [Call(name)]


NESTED = json.dumps(json.dumps({"light": "left 1"}))


@pytest.mark.parametrize("arguments", [NESTED, json.dumps(NESTED), f" {NESTED}\n"])
def test_arguments_in_texts_within_texts_are_one_rule_for_json_and_tools(arguments: str) -> None:
    made, json_made = ToolsFormat(Switcher), JsonFormat(Switcher)
    expected = [Call("on", kwargs={"light": "left 1"})]
    reading = made.parse(called(("on", arguments)))
    assert made.calls(reading.action or "") == expected
    assert json_made.calls(json.dumps({"name": "on", "arguments": arguments})) == expected
    sent = SentCall(function=SentFunction(name="on", arguments=arguments))
    (kept,), unusable = accept_calls([sent], ())
    assert (kept.arguments, unusable) == ('{"light": "left 1"}', ())


@pytest.mark.parametrize("arguments", ['""', json.dumps('""')])
def test_texts_that_hold_nothing_are_no_arguments(arguments: str) -> None:
    made = ToolsFormat(Switcher)
    assert made.calls(made.parse(called(("wait", arguments))).action or "") == [Call("wait")]
    assert JsonFormat(Switcher).calls(json.dumps({"name": "wait", "arguments": arguments})) == [
        Call("wait")
    ]
