"""Which turns of a conversation the policy is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from embodied import ContextOverflow, Message, Outcome, Protocol, Reply, Trajectory, Usage
from embodied.episode import run_episode
from embodied.policy import Policy
from embodied.replay.policy import ReplayPolicy
from embodied.testing import Corridor, CorridorRobot
from embodied.testing.scripted import ScriptedLLM

WAIT = "<execute>\nprint(go('left'))\n</execute>"
COST = Usage(prompt_tokens=7, completion_tokens=2)


async def play(task: Any, policy: Policy, limit: int = 9, **history: Any) -> Trajectory:
    environment = Corridor(length=2)
    settings = {"history": history, "limits": {"turns": limit}}
    protocol = Protocol.model_validate(settings)
    return await run_episode(task, environment, CorridorRobot(environment), policy, protocol)


class Model(Policy):
    """Goes left, and sums up when it is asked to."""

    def __init__(self) -> None:
        self.seen: list[list[Message]] = []
        self.requests: list[list[Message]] = []

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        self.seen.append(list(messages))
        return Reply(f"{len(self.seen)}. {WAIT}")

    async def summarize(self, messages: Sequence[Message]) -> Reply:
        self.requests.append(list(messages))
        return Reply(f"I waited. <{len(self.requests)}>", COST, retries=("HTTP 503",))


async def test_all_turns_are_shown_by_default(task: Any) -> None:
    policy = Model()
    done = await play(task, policy)
    assert [len(messages) for messages in policy.seen] == [2 + 2 * n for n in range(9)]
    assert policy.seen[-1] == done.messages[:-2]


async def test_only_the_last_turns_are_shown(task: Any) -> None:
    policy = Model()
    done = await play(task, policy, 6, kind="last", turns=2)
    assert policy.requests == []
    assert [len(messages) for messages in policy.seen] == [2, 4, 6, 6, 6, 6]
    assert policy.seen[-1] == [*done.prompt, *done.turns[3].messages, *done.turns[4].messages]
    assert len(done.messages) == 2 + 2 * 6, "the record holds all"


async def test_older_turns_are_summed_up_once_and_the_summary_is_kept(task: Any) -> None:
    policy = Model()
    done = await play(task, policy, 9, kind="summary", turns=2)
    assert [len(messages) for messages in policy.seen] == [2, 4, 6, 8, 6, 8, 6, 8, 6]
    assert [turn.summary for turn in done.turns] == [
        *[None] * 4,
        *["I waited. <1>", None, "I waited. <2>", None, "I waited. <3>"],
    ]
    first, second, _ = policy.requests
    assert first[:-1] == done.messages[: len(first) - 1], "what was shown stands before the request"
    assert first[-1].content.startswith(f"{done.turns[3].observation}\n\nBefore you go on, sum up")
    assert "turns 1 to 2:" in first[-1].content
    assert "turns 3 to 4:" in second[-1].content
    task_text = done.prompt[-1].content
    one = f"{task_text}\n\nSummary of turns 1 to 2:\nI waited. <1>"
    two = f"{one}\n\nSummary of turns 3 to 4:\nI waited. <2>"
    assert [policy.seen[n][1].content for n in (3, 4, 5, 6)] == [task_text, one, one, two]
    assert policy.seen[4][2:] == [*done.turns[2].messages, *done.turns[3].messages]
    assert [m.role for m in policy.seen[-1]] == ["system", *["user", "assistant"] * 2, "user"]
    assert done.usage == COST + COST + COST
    assert done.turns[4].llm_retries == ["HTTP 503"]
    assert Trajectory.model_validate_json(done.model_dump_json()) == done


async def test_native_calls_stay_with_their_results(task: Any) -> None:
    seen: list[list[Message]] = []

    class Caller(ReplayPolicy):
        async def reply(self, messages: Sequence[Message]) -> Reply:
            seen.append(list(messages))
            id_ = f"c{len(seen)}"
            calls = [{"id": id_ + x, "name": "take_key", "arguments": "{}"} for x in "ab"]
            message = Message.model_validate(
                {"role": "assistant", "content": "", "tool_calls": calls}
            )
            return Reply("", tool_calls=tuple(message.tool_calls))

        async def summarize(self, messages: Sequence[Message]) -> Reply:  # type: ignore[override]
            assert [m.role for m in messages[-2:]] == ["tool", "user"]
            return Reply("Twice.")

    environment = Corridor(length=2)
    history = {"kind": "summary", "turns": 1}
    settings = {"action": "tools", "history": history, "limits": {"turns": 4}}
    protocol = Protocol.model_validate(settings)
    await run_episode(task, environment, CorridorRobot(environment), Caller("x", []), protocol)
    for messages in seen:
        asked = [call.id for message in messages for call in message.tool_calls]
        assert [m.tool_call_id for m in messages if m.role == "tool"] == asked
    assert [len(messages) for messages in seen] == [2, 5, 5, 5]


async def test_a_policy_that_sums_up_nothing_is_shown_everything(task: Any) -> None:
    played = await play(task, Model(), 5, kind="summary", turns=1)
    replay = ReplayPolicy("again", [turn.message for turn in played.turns])
    again = await play(task, replay, 5, kind="summary", turns=1)
    assert [t.observation for t in again.turns] == [t.observation for t in played.turns]
    assert [t.summary for t in again.turns] == [None] * 5


async def test_whatever_answers_messages_is_asked_for_the_summary(task: Any) -> None:
    policy = ScriptedLLM([WAIT, WAIT, "We waited.", WAIT])
    done = await play(task, policy, 3, kind="summary", turns=1)
    assert [turn.summary for turn in done.turns] == [None, None, "We waited."]
    assert done.turns[2].message == WAIT


async def test_a_summary_that_is_too_long_ends_the_episode(task: Any) -> None:
    class Full(Model):
        async def summarize(self, messages: Sequence[Message]) -> Reply:
            raise ContextOverflow("full")

    done = await play(task, Full(), 9, kind="summary", turns=2)
    assert (done.outcome, done.limit, len(done.turns)) == (Outcome.TRUNCATED, "context", 4)


@pytest.mark.parametrize("value", [0, -1])
def test_no_turns_at_all_is_no_history(value: int) -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        Protocol.model_validate({"history": {"turns": value}})
