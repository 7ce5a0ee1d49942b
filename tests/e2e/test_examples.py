"""The in-context examples that come with the project are true: they can be played again."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import embodied
from embodied import Outcome, Protocol, Reply
from embodied.cli import app
from embodied.cli.examples import examples
from embodied.cli.options import with_settings
from embodied.few_shot import read_examples
from embodied.plugins.registry import environment_class, names
from tests.e2e.test_formats import Said

FOLDER = Path(__file__).parents[2] / "configs" / "examples" / "alfworld"
FORMATS = names("embodied.action_formats")


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The games that the quickstart generates, one of which the examples play."""
    pytest.importorskip("alfworld", reason="needs: pip install 'embodied-codeact[alfworld]'")
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 24, 0)
    return folder


@pytest.mark.parametrize("action", FORMATS)
def test_an_example_plays_again_word_for_word(games: Path, action: str) -> None:
    ids = yaml.safe_load((FOLDER / f"{action}.yaml").read_text())["origin"]["tasks"]
    tasks = {task.id: task for task in embodied.list_tasks("alfworld", "train", data=games)}
    examples = read_examples(FOLDER, action)
    assert len(examples) == len(ids)
    for example, task in zip(examples, ids, strict=True):
        said = [Reply(m.content, tool_calls=tuple(m.tool_calls)) for m in example[1::2]]
        env = embodied.make_environment("alfworld", data=games)
        robot = embodied.make_controller("household", env)
        protocol = Protocol.model_validate({"action": action})
        episode = embodied.run_episode(tasks[task], env, robot, Said(said), protocol)
        trajectory = asyncio.run(episode)
        assert trajectory.outcome is Outcome.SUCCESS
        assert tuple(trajectory.messages[-len(example) + 1 :]) == example[1:]
        assert trajectory.first_observation == example[0].content


def test_no_two_calls_of_the_examples_share_an_id(games: Path, tmp_path: Path) -> None:
    words = ["--env", "alfworld", "--split", "train", "--tasks.limit", "2"]
    settings = with_settings([*words, "--environment.options.data", str(games)])
    done = CliRunner().invoke(app, ["examples", *settings, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    examples = read_examples(tmp_path, "tools")
    calls = [call.id for example in examples for message in example for call in message.tool_calls]
    answers = [m.tool_call_id for example in examples for m in example if m.role == "tool"]
    assert len(examples) == 2
    assert len(set(calls)) == len(calls)
    assert calls == answers
    assert all(re.fullmatch("[a-z0-9]{9}", id_) for id_ in calls)


def test_the_command_plays_one_task_unless_told_more(games: Path, tmp_path: Path) -> None:
    settings = [f"environment.options.data={games}"]
    examples(out=tmp_path / "made", env="alfworld", split="train", settings=settings)
    for action in FORMATS:
        (example,) = read_examples(tmp_path / "made", action)
        assert example[0].content == read_examples(tmp_path / "made", "code")[0][0].content
        assert example[-2].role == "assistant"
