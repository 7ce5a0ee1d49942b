"""The MINT wording against what was recorded, and the rules around it."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from embodied_controllers.household import MintHousehold

import embodied
from embodied.environment import Observation
from embodied.interpreter import make_interpreter
from embodied.limits import Limits
from embodied.policy import Reply
from embodied.prompting import make_prompt, preset
from embodied.prompting.mint import MintPrompt, task_prompt
from embodied.replay.parity import ParityReport, check_parity
from embodied.replay.policy import ReplayPolicy
from embodied.replay.recordings import load_recordings


@pytest.fixture
def conversation() -> MintPrompt:
    conversation = make_prompt(preset("mint"), MintHousehold)
    assert isinstance(conversation, MintPrompt)
    return conversation


def test_the_opening_is_the_recorded_one_without_its_example(alfworld_data: Path) -> None:
    with gzip.open(alfworld_data / "recorded" / "gpt-4-0613.jsonl.gz", "rt") as lines:
        recorded = json.loads(next(lines))
    content = recorded["history"][0]["content"]
    instruction, _, rest = content.partition("\n\n\n---\n\nTask:\n")
    task = rest.rpartition("---\n\nTask:\n")[2]
    welcome = "-= Welcome to TextWorld, ALFRED! =-\n\n"
    room, _, goal = recorded["prompt"].partition(". \n")[2].partition("\n")
    observation = Observation(f"{welcome}{room}\n\n{goal}")
    assert task_prompt(observation) == recorded["prompt"]
    opening = make_prompt(preset("mint"), MintHousehold).initial_messages(observation)[0].content
    assert opening.startswith(instruction)
    assert opening.rstrip() == f"{instruction}\n\n\n---\n\nTask:\n{task}".rstrip()


@pytest.mark.parametrize(
    ("message", "action", "answer"),
    [
        ("<execute> a() </execute> x <execute>b()\n</execute>", "a()\nb()", None),
        ("<execute>a()</execute><solution> done </solution>", None, "done"),
        ("<execute>a()", None, None),
        ("<execute>a()</execute><solution> done", None, None),
        ("", None, None),
    ],
)
def test_read(
    conversation: MintPrompt, message: str, action: str | None, answer: str | None
) -> None:
    move = conversation.parse_reply(Reply(message))
    assert (move.action, move.answer) == (action, answer)
    assert move.tries_to_answer == ("<solution>" in message)


def test_statements_run_one_at_a_time(conversation: MintPrompt, robot: Any) -> None:
    with make_interpreter("restricted", robot) as session:
        output = conversation.execute('x = 1\nprint("before")\nbreak\nprint("after")', session)
        assert output.stdout == "before\n"
        assert output.error is not None
        assert output.error.type == "SyntaxError"
        whole = conversation.execute('print("before")\nif', session)
        assert whole.stdout == ""
        assert conversation.execute("x; 5\n'last'", session).value == "'last'"
        assert conversation.execute("x; 5\ny = 6", session).value is None


def test_statements_keep_their_lines(conversation: MintPrompt, robot: Any) -> None:
    code = "def f():\n    return 1\n\nx = [\n  1,\n  2]\nfor i in x:\n    go('left')\n1 / 0"
    with make_interpreter("restricted", robot) as session:
        output = conversation.execute(code, session)
    assert output.error is not None
    assert output.error.line == 9
    assert [call.line for call in output.calls] == [8, 8]


def test_limits_hold_for_the_whole_action(robot: Any) -> None:
    limits = Limits(calls=2, output_characters=100)
    protocol = preset("mint").model_copy(update={"action_limits": limits})
    conversation = make_prompt(protocol, MintHousehold)
    with make_interpreter("restricted", robot, limits) as session:
        output = conversation.execute("go('left')\n" * 5, session)
        assert len(output.calls) == 2
        assert output.error is not None
        output = conversation.execute("print('a' * 90)\n" * 5 + "break", session)
        assert len(output.stdout) < 200


def test_long_hostile_messages_are_read_in_no_time(conversation: MintPrompt) -> None:
    for tag in ("<solution>", "<execute>", "</execute>"):
        conversation.parse_reply(Reply(tag * 20_000))


def replayed(data: Path, model: str, count: int) -> ParityReport:
    recordings = load_recordings([data / "recorded" / f"{model}.jsonl.gz"])
    env = embodied.make_environment("alfworld", backend="textworld", data=data)
    robot = embodied.make_controller("household-mint", env)
    tasks = {t.id: t for t in embodied.list_tasks("alfworld", "valid_unseen", data=data)}
    trajectories = []
    for recording in list(recordings.values())[:count]:
        policy = ReplayPolicy(model, [turn.message for turn in recording.turns])
        episode = embodied.run_episode(tasks[recording.task_id], env, robot, policy, preset("mint"))
        trajectories.append(asyncio.run(episode))
    return check_parity(trajectories, recordings, steps=50)


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.long)])
def test_recorded_episodes_replay_the_same_on_textworld(alfworld_data: Path, count: int) -> None:
    comparison = replayed(alfworld_data, "gpt-4-0613", count)
    assert comparison.mismatches == []
    assert comparison.episodes == count
    assert comparison.observations >= 2 * count


@pytest.mark.parametrize(
    ("message", "action"),
    [
        ("<think>maybe <execute>look()</execute></think><execute>goto('a')</execute>", "goto('a')"),
        ("maybe <execute>look()</execute></think>\n<execute>goto('a')</execute>", "goto('a')"),
        ("<thought>so <execute>look()</execute></thought>", "look()"),
    ],
)
def test_what_models_mark_as_thoughts_is_not_run(message: str, action: str) -> None:
    prompt = make_prompt(preset("mint"), MintHousehold)
    assert prompt.parse_reply(Reply(message)).action == action
