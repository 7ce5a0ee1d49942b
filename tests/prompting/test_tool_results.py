"""What each of a message's native function calls is answered."""

from __future__ import annotations

from typing import Any

import pytest

from embodied import Policy, Protocol, Reply, Trajectory, run_episode
from embodied.limits import Limits
from embodied.store.summary import summarize
from embodied.testing import Corridor, CorridorRobot
from embodied.trajectory import ToolCall


class OneMessage(Policy):
    """Makes some calls, then gives up."""

    def __init__(self, reply: Reply) -> None:
        self.left: list[Reply] = [reply]

    async def reply(self, messages: Any) -> Reply | None:
        return self.left.pop() if self.left else None


def calls(*ways: str) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(id=f"c-{number}", name="go", arguments=f'{{"direction": "{way}"}}')
        for number, way in enumerate(ways)
    )


async def play(task: Any, reply: Reply, **protocol: Any) -> Trajectory:
    environment = Corridor(length=2)
    robot, settings = CorridorRobot(environment), Protocol(action="tools", **protocol)
    return await run_episode(task, environment, robot, OneMessage(reply), settings)


async def test_a_failing_call_is_answered_with_its_error(task: Any) -> None:
    broken = ToolCall(id="c-9", name="go", arguments="{}")
    reply = Reply("", tool_calls=(*calls("left"), broken, *calls("right", "left")))
    (turn,) = (await play(task, reply)).turns
    returned, error, skipped, rest = turn.tool_results
    assert returned == "You are in cell 1 of 2."
    assert error.startswith("TypeError: go(): missing a required argument")
    assert skipped == "(not run)"
    assert "Call 2 of 4 failed" in rest


async def test_the_call_that_ends_the_episode_was_made(task: Any) -> None:
    names = ("take_key", "open_door", "take_key", "take_key")
    made = tuple(ToolCall(id=f"c-{n}", name=name, arguments="{}") for n, name in enumerate(names))
    reply = Reply("", tool_calls=made)
    (turn,) = (await play(task, reply)).turns
    assert turn.tool_results[1:3] == ["The episode has ended.", "(not run)"]


@pytest.mark.parametrize("number", [1, 3])
async def test_results_together_are_cut_at_the_limit(task: Any, number: int) -> None:
    limits = Limits(output_characters=30)
    reply = Reply("", tool_calls=calls(*["left"] * number))
    (turn,) = (await play(task, reply, action_limits=limits)).turns
    kept = "".join(text.replace("[output cut at 30 characters]", "") for text in turn.tool_results)
    assert kept.count("You are in cell 1 of 2.") == 1
    assert "That cannot be done here." not in kept
    assert ("[output cut at 30 characters]" in turn.observation) is (number > 1)


async def test_nothing_is_run_beside_a_call_that_cannot_be_used(task: Any) -> None:
    reply = Reply("", tool_calls=calls("left"), unusable_calls=("call off with nonsense",))
    (turn,) = (await play(task, reply)).turns
    assert turn.format_error
    assert turn.calls == []
    assert "call off with nonsense" in turn.tool_results[0]


@pytest.mark.parametrize(
    ("action", "message", "unread"),
    [
        ("tools", '<tool_call>{"name": "wait", "arguments": {}}</tool_call>', True),
        ("tools", "I do not know.", False),
        ("code", "<tool_call>wait()</tool_call>", False),
    ],
)
async def test_calls_that_the_server_left_in_the_text_are_recorded(
    task: Any, action: str, message: str, unread: bool
) -> None:
    environment = Corridor(length=2)
    robot, protocol = CorridorRobot(environment), Protocol(action=action)
    policy = OneMessage(Reply(message))
    trajectory = await run_episode(task, environment, robot, policy, protocol)
    assert [turn.unread_calls for turn in trajectory.turns] == [unread]
    assert summarize(trajectory, b"\n").unread_calls == unread
