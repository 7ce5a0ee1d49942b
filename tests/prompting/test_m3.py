"""The forms and rules of M3ToolEval."""

from __future__ import annotations

from typing import Any

import pytest

from embodied import Observation, Outcome, Protocol, Trajectory, run_episode
from embodied.action_formats import Call, make_format
from embodied.policy import Reply
from embodied.prompting import make_prompt, preset, wrap_action
from embodied.replay.policy import ReplayPolicy
from embodied.testing import Corridor, CorridorRobot
from embodied.trajectory import Message, ToolCall

PRESET = preset("m3")


@pytest.mark.parametrize(
    ("message", "action", "answer"),
    [
        ("I look.\nAction:\n```python\nwait()\n```\nEnd Action", "wait()", None),
        ("Action: print(wait()) End Action", "print(wait())", None),
        ("Action:\nwait()\nEnd Action\nAnswer: done", "wait()", None),
        ("Thus:\nAnswer: 42 lights ", None, "42 lights"),
        ("Action:\nwait(", "wait(", None),
        ("Final Answer: 42", None, "42"),
        ("**Answer:** 42", None, "42"),
        ("Answer:\n42", None, "42"),
        (
            "Action:\n```\nwait(1)\n```\nEnd Action\nAction:\nwait(2)\nEnd Action",
            "wait(1)",
            None,
        ),
        ("Action: I wait.\n```python\nwait()\n```\nEnd Action", "wait()", None),
        ("I do nothing.", None, None),
        ("<execute>wait()</execute>", None, None),
    ],
)
def test_read(message: str, action: str | None, answer: str | None) -> None:
    move = make_prompt(PRESET, CorridorRobot).parse_reply(Reply(message))
    assert (move.action, move.answer) == (action, answer)


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
def test_what_a_format_renders_is_read_again(action: str) -> None:
    protocol = PRESET.model_copy(update={"action": action})
    calls = [Call("go", kwargs={"direction": "left"}), Call("take_key")]
    thought = "My next Action: I look. Answer: none."
    rendered = make_format(action, CorridorRobot).render(thought, calls)
    said = wrap_action(rendered, protocol)
    assert "<execute>" not in said.content
    move = make_prompt(protocol, CorridorRobot).parse_reply(said)
    plain = make_prompt(Protocol(action=action), CorridorRobot).parse_reply(rendered)
    assert (move.action, move.answer) == (plain.action, None)


def test_examples_are_in_the_benchmarks_words() -> None:
    call = ToolCall(id="c-1", name="go", arguments='{"direction": "left"}')
    example = (
        Message(role="user", content="There is a key."),
        Message(role="assistant", content="I wait.\n<execute>\nwait()\n</execute>"),
        Message(role="user", content="Nothing happens."),
        Message(role="assistant", content="Again.", tool_calls=[call]),
    )
    protocol = PRESET.model_copy(update={"examples": (example,)})
    opening = make_prompt(protocol, CorridorRobot).initial_messages(Observation("Here."))
    assert "I wait.\nAction:\nwait()\nEnd Action\n\nNothing happens." in opening[0].content
    assert 'Again.\n[calls go with {"direction": "left"}]' in opening[0].content


async def play(task: Any, action: str, *messages: str) -> Trajectory:
    environment = Corridor(length=2)
    protocol = PRESET.model_copy(update={"action": action})
    policy = ReplayPolicy("test", messages)
    return await run_episode(task, environment, CorridorRobot(environment), policy, protocol)


async def test_a_wrong_answer_gets_another_turn(task: Any) -> None:
    both = "Action:\n```\nprint(take_key())\nopen_door()\n```\nEnd Action"
    trajectory = await play(task, "code", "Answer: done", "hm", both)
    wrong, unread, _ = trajectory.turns
    assert wrong.observation == "Your answer is wrong."
    assert "End Action" in unread.observation
    assert unread.format_error
    assert trajectory.outcome is Outcome.SUCCESS


async def test_ten_turns(task: Any) -> None:
    trajectory = await play(task, "code", *["Answer: done"] * 12)
    assert len(trajectory.turns) == 10
    assert trajectory.outcome is Outcome.FAILURE


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("json", 'Action: {"name": "go", "arguments": {"direction": "left"}} End Action'),
        ("text", "Action: go, left End Action"),
    ],
)
async def test_other_formats_between_the_same_words(task: Any, action: str, message: str) -> None:
    trajectory = await play(task, action, message)
    assert [step.command for step in trajectory.steps] == ["go left"]
    assert trajectory.turns[0].observation == "You are in cell 1 of 2."


@pytest.mark.parametrize(
    ("message", "action", "answer"),
    [
        (
            "<think>Action: wait(1)\nEnd Action</think>\nAction:\nwait(2)\nEnd Action",
            "wait(2)",
            None,
        ),
        ("Answer: 1</think>\nAction:\nwait(2)\nEnd Action", "wait(2)", None),
        ("Action:\nwait()\nEnd Act", "wait()", None),
        ("Action:\nwait()\nEnd", "wait()", None),
        ("[THINK]Answer: 1[/THINK]Answer: 2", None, "2"),
    ],
)
def test_thoughts_and_cut_ends(message: str, action: str | None, answer: str | None) -> None:
    move = make_prompt(PRESET, CorridorRobot).parse_reply(Reply(message))
    assert (move.action, move.answer) == (action, answer)
