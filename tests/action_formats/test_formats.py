"""What all action formats have in common."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied import Controller, action
from embodied.action_formats.as_code import CodeFormat
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.as_text import TextFormat
from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.examples import documentation, example_call
from embodied.action_formats.format import ActionFormat, Call, CallFormat
from embodied.policy import Reply
from embodied.trajectory import ToolCall
from tests.action_formats.typed_robot import Gait, Point, Typed, calls
from tests.conftest import Switcher

CALL_FORMATS: list[type[CallFormat]] = [JsonFormat, TextFormat, ToolsFormat]
FORMATS: list[type[ActionFormat]] = [CodeFormat, *CALL_FORMATS]

each_call_format = pytest.mark.parametrize("made", CALL_FORMATS, ids=lambda made: made.__name__)
each_format = pytest.mark.parametrize("made", FORMATS, ids=lambda made: made.__name__)


def bound(call: Call, robot: type[Controller] = Typed) -> dict[str, Any]:
    return robot.actions()[call.name].bind(call.args, call.kwargs)


def written_and_read(made: ActionFormat, thought: str, calls: Sequence[Call]) -> list[Call]:
    reading = made.parse(made.render(thought, calls))
    assert reading.problem is None
    assert reading.action is not None
    if isinstance(made, CallFormat):
        return made.calls(reading.action)
    return [printed(line) for line in ast.parse(reading.action).body]


def printed(statement: ast.stmt) -> Call:
    """The call in `print(name(...))`."""
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Call)
    (call,) = statement.value.args
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    return Call(
        call.func.id,
        tuple(ast.literal_eval(value) for value in call.args),
        {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg},
    )


@each_format
@given(
    st.lists(calls(), min_size=1, max_size=3),
    st.text(max_size=20) | st.sampled_from(["<thought>", "`a`", "Action: x", "</execute>"]),
)
def test_every_format_reads_back_what_it_renders(
    made: type[ActionFormat], calls: list[Call], thought: str
) -> None:
    read = written_and_read(made(Typed), thought, calls)
    assert [call.name for call in read] == [call.name for call in calls]
    assert [bound(call) for call in read] == [bound(call) for call in calls]


@each_call_format
@pytest.mark.parametrize("thought", ["<execute>", "<execute>look()</execute>", "```json\n[]\n```"])
def test_a_thought_that_speaks_of_tags_is_no_action(made: type[CallFormat], thought: str) -> None:
    call = Call("on", ("left 1",))
    (read,) = written_and_read(made(Switcher), thought, [call])
    assert bound(read, Switcher) == bound(call, Switcher)


@each_call_format
def test_python_values_are_written_as_json_ones(made: type[CallFormat]) -> None:
    call = Call("walk", (Gait.RUN,), {"to": Point(1.0, 2.0)})
    (read,) = written_and_read(made(Typed), "", [call])
    assert bound(read) == {"gait": Gait.RUN, "to": Point(1.0, 2.0)}


@each_call_format
def test_what_cannot_be_written_is_refused(made: type[CallFormat]) -> None:
    for call in (
        Call("count", (1, float("nan"))),
        Call("count", (1, 2, 3)),
        Call("say", (object(),)),
        Call("unknown", (1,)),
    ):
        with pytest.raises(ValueError):
            made(Typed).render("", [call])


PIECES = [
    "<execute>",
    "</execute>",
    "<thought>",
    "</thought>",
    "<solution>",
    "</solution>",
    "```",
    "```json\n",
    "\n",
    "Action:",
    '{"name": "on", "arguments": ',
    '{"light": "left 1"}',
    "}",
    "[",
    "]",
    ",",
    "(",
    ")",
    '"',
    "'",
    "\\",
    "on",
    "on(",
    "wait(",
    "wait, ",
    "light=",
    "x = ",
    "times=",
    "True",
    "3",
    "1e999",
    "NaN",
    "9" * 5000,
    "\ud800",
    "\\ud800",
    "\x00",
]
messages = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@each_call_format
@given(messages)
def test_reading_never_raises(made: type[CallFormat], message: str) -> None:
    call = ToolCall.model_construct(id="1", name=message, arguments=message)
    reading = made(Switcher).parse(Reply(message, tool_calls=(call,)))
    assert reading.action is None or reading.problem is None
    if reading.action is not None:
        assert made(Switcher).calls(reading.action)
        reading.action.encode()


SIZE = 100_000
ADVERSARIAL = [
    piece * (SIZE // len(piece))
    for piece in (
        *("[", "{", "(", '"', "'", "\\", "`", "<", " ", "\n", ",", "-", "9", "A"),
        *("<thought>", "<execute>", "</execute>", "<solution></thought>", "```\n", "```json\n[\n"),
        *('{"a":', '{"name":', '[{"name":', '{"name":"on"}', '{"name":"on"}\n', '["a ', "[ "),
        *("Action:", "Action: on\n", "on, a\n", "on(", "on, 'a, ", 'on, "a", ', "- ", "a = "),
        *("'\\', ", '"\\', "['a'], ", '["a" "b"], ', "-1, ", "take a from b ", "\ud800"),
    )
]


@each_call_format
@pytest.mark.parametrize("around", ["{}", "<execute>{}</execute>", "<execute>\nswitch, {}"])
def test_reading_of_hostile_messages_ends(made: type[CallFormat], around: str) -> None:
    for text in ADVERSARIAL:
        call = ToolCall.model_construct(id="1", name="on", arguments=text)
        made(Typed).parse(Reply(around.format(text), tool_calls=(call,)))


@each_call_format
def test_the_number_of_calls_is_bounded(made: type[CallFormat]) -> None:
    wait = Call("wait")
    assert len(written_and_read(made(Switcher), "", [wait] * 1000)) == 1000
    reading = made(Switcher).parse(made(Switcher).render("", [wait] * 1001))
    assert reading.problem is not None
    assert "1000" in reading.problem


@each_call_format
def test_every_action_is_documented(made: type[CallFormat]) -> None:
    made_for = made(Typed)
    text = str(made_for.tools()) if isinstance(made_for, ToolsFormat) else made_for.describe_api()
    for name, spec in Typed.actions().items():
        assert name in text
        assert spec.documentation.split("\n")[0] in text


@each_call_format
def test_a_new_method_is_a_new_action(made: type[CallFormat]) -> None:
    class Dimmer(Switcher):
        @action
        def dim(self, light: str, percent: int) -> str:
            """Dim a light."""
            return self.send(f"dim {light} {percent}")

    (read,) = written_and_read(made(Dimmer), "", [Call("dim", ("left 1", 50))])
    assert bound(read, Dimmer) == {"light": "left 1", "percent": 50}


def test_examples_in_docstrings_are_written_in_the_format() -> None:
    spec = Typed.actions()["say"]
    assert documentation(spec, lambda call: f"<{call.args[0]}>").endswith("Example: <hello, you>")
    assert 'Example: `say, "hello, you"`' in TextFormat(Typed).describe_api()
    assert (
        '{"name": "say", "arguments": {"text": "hello, you"}}' in JsonFormat(Typed).describe_api()
    )


def test_the_example_is_an_action_without_required_parameters_or_a_documented_one() -> None:
    assert example_call(Switcher) == Call("wait")
    assert example_call(Typed) == Call("say", ("hello, you",))


@pytest.mark.parametrize("name", Typed.actions())
def test_made_up_examples_fit(name: str) -> None:
    class Single(Controller):
        pass

    Single._specs = {name: Typed.actions()[name]}
    call = example_call(Single)
    assert call.name == name
    Typed.actions()[name].bind(call.args, call.kwargs)


@each_format
@pytest.mark.parametrize("robot", [Switcher, Typed])
def test_the_example_is_in_the_format(made: type[ActionFormat], robot: type[Controller]) -> None:
    made_for = made(robot)
    if isinstance(made_for, ToolsFormat):
        assert example_call(robot).name in made_for.example()
    else:
        assert made_for.parse(Reply(made_for.example())).action
