"""Lists of calls say which of them run side by side, in JSON and as native function calls."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from embodied import Task
from embodied.action_formats import CallFormat
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.call_session import CallSession
from embodied.action_formats.format import Call
from embodied.controller import Controller
from embodied.interpreter import Output
from embodied.limits import Limits
from embodied.policy import Reply
from embodied.prompting import make_prompt
from embodied.protocol import Protocol
from embodied.testing import Corridor
from embodied.trajectory import ToolCall
from tests.interpreter.two_arms import Arms, PlainArms


def written(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


MEET = written("meet")


@pytest.fixture
def arms(task: Task) -> Arms:
    return begun(Arms(Corridor()), task)


def begun(robot: Any, task: Task) -> Any:
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot


def run(robot: Controller, value: Any) -> tuple[Output, list[str]]:
    return made(robot, JsonFormat(type(robot)), Reply(json.dumps(value)))


def made(robot: Controller, form: CallFormat, reply: Reply) -> tuple[Output, list[str]]:
    reading = form.parse(reply)
    assert reading.action is not None, reading.problem
    with CallSession(robot, Limits(), form) as session:
        output = session.run(reading.action)
    return output, list(form.explain(reading.action, output))


def tools(robot: Controller, *calls: dict[str, Any]) -> tuple[Output, list[str]]:
    sent = [
        ToolCall(id=f"call{n}", name=call["name"], arguments=json.dumps(call["arguments"]))
        for n, call in enumerate(calls)
    ]
    return made(robot, ToolsFormat(type(robot)), Reply("", tool_calls=tuple(sent)))


def groups(output: Output) -> list[tuple[str, int | None]]:
    return [(call.name, call.group) for call in output.calls]


def test_json_calls_run_side_by_side_where_they_say_so(arms: Arms) -> None:
    value = [written("left", height=0.1), {"together": [MEET] * 3}, written("right", height=0.2)]
    output, said = run(arms, value)
    assert output.texts == ["left 0.1", "met", "met", "met", "right 0.2"]
    assert groups(output) == [("left", None), *[("meet", 1)] * 3, ("right", None)]
    assert said == []


def test_groups_that_follow_each_other_are_two(arms: Arms) -> None:
    output, _ = run(arms, [{"together": [MEET] * 3}, {"together": [MEET] * 3}])
    assert groups(output) == [("meet", 1)] * 3 + [("meet", 2)] * 3


def test_the_native_calls_of_a_message_run_side_by_side(arms: Arms) -> None:
    output, _ = tools(arms, MEET, MEET, MEET)
    assert output.texts == ["met"] * 3
    assert groups(output) == [("meet", 1)] * 3


def test_the_native_calls_of_other_robots_are_made_in_order(task: Task) -> None:
    robot = begun(PlainArms(Corridor()), task)
    calls = [written("left", height=0.1), written("left", height=-1.0), written("camera")]
    output, said = tools(robot, *calls)
    assert groups(output) == [("left", None), ("left", None)]
    assert said[0] == "Call 2 of 3 failed: left(-1.0)"
    assert said[-1] == "Not run: camera()."


def test_a_group_in_which_a_call_fails_is_made_whole_and_is_the_last(arms: Arms) -> None:
    group = [written("left", height=0.1), written("left", height=-1.0), written("camera")]
    output, said = run(arms, [{"together": group}, MEET])
    assert output.error is not None
    assert output.error.line == 2
    failure = "-1.0 is below the table; stay above 0"
    assert output.texts == ["left 0.1", f"ValueError: {failure}", "a table"]
    assert said == [
        "Call 2 of 4 failed: left(-1.0)",
        f"ValueError: {failure}",
        "Done before: left(0.1).",
        "Done beside it: camera().",
        "Not run: meet().",
    ]
    assert arms.log == []


def test_native_calls_are_answered_each(arms: Arms) -> None:
    prompt = make_prompt(Protocol(action="tools"), Arms)
    output, _ = tools(arms, written("left", height=-1.0), written("camera"))
    assert output.texts[0].startswith("ValueError: -1.0 is below")
    assert output.texts[1] == "a table"
    assert "a later message" in prompt.format.rules


def test_one_after_another_where_the_robot_cannot_do_otherwise(task: Task) -> None:
    robot = begun(PlainArms(Corridor()), task)
    output, said = run(robot, {"together": [written("left", height=-1.0), written("camera")]})
    assert len(output.calls) == 1, "none is begun after one that has failed"
    assert said[-1] == "Not run: camera()."


def test_what_is_written_is_read_back() -> None:
    form = JsonFormat(Arms)
    calls = [Call("meet"), Call("meet", group=1), Call("camera", group=1), Call("camera", group=2)]
    reading = form.parse(form.render("I go.", calls))
    assert reading.action is not None
    assert form.calls(reading.action) == calls
    jsonschema.validate(json.loads(reading.action), form.action_schema() or {})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"together": MEET}, "not a list of calls"),
        ({"together": [[MEET]]}, "call 1 is"),
        ({"together": [{"together": [MEET]}]}, "has the key 'together'"),
        ({"together": [MEET], "name": "meet"}, "has the key 'together'"),
        ({"together": []}, "the list of calls is empty"),
        ({"together": [MEET] * 1001}, "no more than 1000 calls"),
    ],
)
def test_groups_in_a_wrong_form_are_told(value: Any, said: str) -> None:
    reading = JsonFormat(Arms).parse(Reply(json.dumps(value)))
    assert reading.action is None
    assert said in str(reading.problem)


@pytest.mark.parametrize("action", ["code", "json", "tools"])
def test_prompts_say_how_calls_run_side_by_side(action: str) -> None:
    said = "side by side"
    assert said in make_prompt(Protocol(action=action), Arms).format.rules
    assert said not in make_prompt(Protocol(action=action), PlainArms).format.rules
