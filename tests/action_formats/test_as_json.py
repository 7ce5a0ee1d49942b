"""JSON actions: what models write, and what they are told where it cannot be read."""

from __future__ import annotations

import pytest

from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.format import Call, FormatError
from embodied.policy import Reply
from tests.action_formats.typed_robot import Typed
from tests.conftest import Switcher

ON = '{"name": "on", "arguments": {"light": "left 1"}}'
OFF = '{"name": "off", "arguments": {"light": "left 1"}}'
BY_NAME = [Call("on", kwargs={"light": "left 1"})]
BY_POSITION = [Call("on", ("left 1",))]


def read(message: str) -> list[Call]:
    reading = JsonFormat(Switcher).parse(Reply(message))
    assert reading.problem is None
    return JsonFormat(Switcher).calls(reading.action) if reading.action else []


def problem(message: str) -> str:
    reading = JsonFormat(Switcher).parse(Reply(message))
    assert reading.action is None
    assert reading.problem is not None
    return reading.problem


@pytest.mark.parametrize(
    "message",
    [
        ON,
        f"I switch it on.\n<execute>\n{ON}\n</execute>",
        f"<thought>{{}}</thought>\n<execute>{ON}</execute>\nThat is all.",
        f"So:\n```json\n{ON}\n```",
        f"```\n[{ON}]\n```",
        f"<execute>\n```json\n{ON}\n```\n</execute>",
        f"<execute>\n{ON}",
        f"I will call {ON} now (not [1], not {{x}}).",
        f"```python\nprint()\n```\n{ON}",
        f"<tool_call>\n{ON}\n</tool_call>",
        '<execute>{"name": "on",\n"arguments":\n{"light": "left 1"}}</execute>',
    ],
)
def test_where_calls_may_stand(message: str) -> None:
    assert read(message) == BY_NAME


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('{"tool": "on", "args": {"light": "left 1"}}', BY_NAME),
        ('{"function": "on", "parameters": {"light": "left 1"}}', BY_NAME),
        ('{"thought": "hm", "action": "on", "action_input": {"light": "left 1"}}', BY_NAME),
        ('{"tool_name": "on", "input": {"light": "left 1"}}', BY_NAME),
        ('{"name": "on", "arguments": ["left 1"]}', BY_POSITION),
        ('{"action": "on", "action_input": "left 1"}', BY_POSITION),
        ('{"name": "on", "arguments": "{\\"light\\": \\"left 1\\"}"}', BY_NAME),
        (
            '{"id": "1", "type": "function", "function": {"name": "on", '
            '"arguments": "{\\"light\\": \\"left 1\\"}"}}',
            BY_NAME,
        ),
        ('{"action": {"name": "on", "arguments": {"light": "left 1"}}}', BY_NAME),
        ('{"name": "wait"}', [Call("wait")]),
        ('{"name": "wait", "arguments": null}', [Call("wait")]),
        ('{"name": "wait", "arguments": ""}', [Call("wait")]),
        (
            '{"name": "dance", "arguments": {"on": [1, null]}}',
            [Call("dance", (), {"on": [1, None]})],
        ),
    ],
)
def test_variants_that_models_write(text: str, calls: list[Call]) -> None:
    assert read(text) == calls
    assert read(f"<execute>{text}</execute>") == calls


@pytest.mark.parametrize(
    "text",
    [
        '[{"name": "wait"}, {"name": "explode"}]',
        '{"name": "wait"}\n{"name": "explode"}',
        '{"name": "wait"} {"name": "explode"}',
        '{"name": "wait"},\n{"name": "explode"}',
        '[{"name": "wait"}]\n[{"name": "explode"}]',
    ],
)
def test_several_calls_keep_their_order(text: str) -> None:
    for message in (text, f"<execute>{text}</execute>", f"```json\n{text}\n```"):
        assert [call.name for call in read(message)] == ["wait", "explode"]


def test_several_blocks_are_one_action() -> None:
    message = '<execute>{"name": "wait"}</execute> then <execute>{"name": "explode"}</execute>'
    assert [call.name for call in read(message)] == ["wait", "explode"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "I do not know what to do.",
        "The set {1, 2} and the list [3].",
        f"<thought>{ON}</thought>",
        f"<thought><execute>{ON}</execute></thought>",
        f"<solution>{ON}</solution>",
        "<execute></execute>",
        "```json\n```",
    ],
)
def test_messages_without_an_action(message: str) -> None:
    assert JsonFormat(Switcher).parse(Reply(message)).action is None


@pytest.mark.parametrize(
    "message",
    [
        'I write calls as `{"name": ..., "arguments": {...}}`.\n' + ON,
        'I write `<execute>{"name": ...}</execute>`.\n<execute>\n' + ON + "\n</execute>",
        "> ```json\n> " + ON.replace(", ", ",\n> ") + "\n> ```",
        f"<tool_calls>\n[{ON}]\n</tool_calls>",
        f"{ON}\n</execute>",
        f"<execute>{ON}<execute/>",
    ],
)
def test_forms_that_are_only_spoken_of_are_left_out(message: str) -> None:
    assert read(message) == BY_NAME


def test_a_cut_call_in_backticks_is_told_of_where_it_is_the_last() -> None:
    reading = JsonFormat(Switcher).parse(Reply(f'{ON}\nand `{{"name": "on", `'))
    assert "expected a key" in str(reading.problem)


def test_a_thought_that_is_left_open_hides_nothing() -> None:
    assert read(f"<thought>I see.\n<execute>{ON}</execute>") == BY_NAME


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"name": "on"\n  "arguments": {}}', 'line 2, column 3: expected "," or "}"'),
        ('[{"name": "wait"} {"name": "wait"}]', 'line 1, column 19: expected "," or "]"'),
        ('{"name": "on", "arguments": {"light": "left 1"}', 'expected "," or "}"'),
        ('{"name" "on"}', 'line 1, column 9: expected ":"'),
        ("{'name': 'on'}", "line 1, column 2: expected a key in double quotes"),
        ('{"name": "on", "arguments": {"light": left 1}}', "line 1, column 39: expected a value"),
        ('{"name": "on', "line 1, column 10: the text in quotes that begins here does not end"),
        ('{"name": "\\on"}', "there is no such escape"),
        ("on()", "line 1, column 1: expected a call"),
        ('{"name": "wait"} then', "line 1, column 18: expected a call"),
        ('{"name": "wait", "arguments": {"times": NaN}}', "NaN"),
        ('{"name": "wait", "arguments": {"times": -Infinity}}', "-Infinity"),
        ('{"name": "wait", "arguments": {"times": 1e999}}', "1e999"),
        ('{"name": "wait", "arguments": {"times": ' + "9" * 101 + "}}", "100 digits"),
        ('{"name": "on", "arguments": {"light": "a", "light": "b"}}', "'light' stands twice"),
        ('{"name": "on", "arguments": {"light": "\\ud800"}}', "half a character"),
        ('{"name": "wait", "arguments": ' + "[" * 101 + "]" * 101 + "}", "deeper than 100"),
        ("[" * 100_000, "deeper than 100"),
        ('["wait"]', "call 1 is 'wait'; a call is an object"),
        ('[{"name": "wait"}, {"arguments": {}}]', "call 2 has no name"),
        ('{"name": "on", "light": "left 1"}', "call 1 has the key 'light'"),
        ('{"name": "on", "tool": "on"}', 'both "name" and "tool"'),
        (
            '{"name": "on", "arguments": "{\\"light\\""}',
            "the arguments of call 1 ('on') are not JSON",
        ),
        ("[]", "empty"),
    ],
)
def test_problems_say_what_is_wrong_and_where(text: str, words: str) -> None:
    assert words in problem(f"<execute>{text}</execute>")


def test_a_broken_call_in_prose_is_a_problem_even_beside_a_whole_one() -> None:
    assert 'expected "," or "}"' in problem(f'I call {{"name": "on" "x"}} and {ON}.')


def test_calls_of_what_is_no_action() -> None:
    with pytest.raises(FormatError):
        JsonFormat(Switcher).calls("no")


def test_parameters_without_a_name_for_callers_can_be_named() -> None:
    text = '{"name": "first", "arguments": {"a": "x", "c": "y", "e": "z"}}'
    (call,) = JsonFormat(Typed).calls(text)
    assert call == Call("first", ("x",), {"c": "y", "e": "z"})


def test_what_is_rendered() -> None:
    reply = JsonFormat(Switcher).render("So.", [Call("on", ("<b>",)), Call("wait")])
    assert reply.content == (
        "So.\n<execute>\n[\n"
        '{"name": "on", "arguments": {"light": "\\u003cb>"}},\n'
        '{"name": "wait", "arguments": {}}\n'
        "]\n</execute>"
    )


def test_the_document() -> None:
    assert (
        JsonFormat(Switcher)
        .describe_api()
        .startswith(
            "on\n"
            "    Switch a light on.\n\n"
            '    Example: {"name": "on", "arguments": {"light": "left 1"}}\n'
            '    Parameters: {"type": "object", "properties": {"light": {"type": "string"}}, '
            '"additionalProperties": false, "required": ["light"]}\n\n'
            "off\n"
        )
    )


@pytest.mark.parametrize(
    "message",
    [
        f"```\nYou see a mug 1.\n```\n```json\n{ON}\n```",
        f'```json\n{{"location": "desk 1"}}\n```\n```json\n{ON}\n```',
        f'```\n{{"location": "desk 1"}}\n```\n{ON}',
        f"```json\n{ON}``` That is it.",
        f"Then ```json {ON}``` it is.",
        f"Sure. <think>maybe {OFF}</think> {ON}",
        f"[THINK]{OFF}[/THINK]{ON}",
        f"maybe {OFF}</think>{ON}",
        f"{ON} <think>or {OFF}",
        f"<execute>{ON}</execute",
        f"<execute>So I call {ON}</execute>",
    ],
)
def test_what_stands_around_calls_is_left_out(message: str) -> None:
    assert read(message) == BY_NAME
