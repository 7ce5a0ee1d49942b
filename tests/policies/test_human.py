"""A person in the terminal is shown each message once."""

from __future__ import annotations

import io

import pytest

from embodied import ConfigError, Observation, Outcome, Protocol, Task, run_episode
from embodied.policies.human import HumanPolicy
from embodied.testing import CorridorRobot


@pytest.mark.parametrize("history", [{}, {"turns": 1}, {"kind": "summary", "turns": 1}])
async def test_every_message_is_shown_once(
    robot: CorridorRobot,
    task: Task,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    history: dict[str, object],
) -> None:
    lines = [*[f"print('hello {n}')" for n in range(4)], "take_key()\nopen_door()"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n".join([*lines, ""])))
    protocol = Protocol.model_validate({"history": history})
    done = await run_episode(task, robot.environment, robot, HumanPolicy(), protocol)
    assert done.outcome is Outcome.SUCCESS
    shown = capsys.readouterr().out
    for message in done.prompt:
        assert shown.count(message.content) == 1
    for turn in done.turns[:-1]:
        assert shown.count(turn.observation) == 1
    assert "hello 3" in shown
    assert shown.count("Write Python and end with an empty line") == len(done.turns)


def test_what_nobody_can_type_is_refused(robot: CorridorRobot, task: Task) -> None:
    with pytest.raises(ConfigError, match="choose the action format code, json, text"):
        HumanPolicy().begin(task, robot, Observation(""), Protocol(action="tools"))
