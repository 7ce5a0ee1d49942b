"""The expert, which plays the simulator's gold paths."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import embodied
from embodied import Environment, Outcome, Protocol, Trajectory
from embodied.cli import app
from embodied.policies.expert import ExpertPolicy
from tests.envs.scienceworld.conftest import variation

CONFIG = Path(__file__).parents[3] / "configs" / "scienceworld.yaml"
SHORT = [("lifespan-shortest-lived", 100), ("power-component", 15), ("chemistry-mix", 24)]


def play(environment: Environment, name: str, number: int, action: str) -> Trajectory:
    robot = embodied.make_controller("laboratory", environment)
    limits = {"turns": 60, "steps": 60}
    protocol = Protocol.model_validate({"action": action, "limits": limits})
    task = variation(name, number)
    return asyncio.run(embodied.run_episode(task, environment, robot, ExpertPolicy(), protocol))


@pytest.mark.parametrize(("name", "number"), SHORT)
def test_an_episode_is_the_same_in_every_action_format(
    science: Environment, name: str, number: int
) -> None:
    played = [play(science, name, number, action) for action in ("code", "json", "text")]
    assert {trajectory.outcome for trajectory in played} == {Outcome.SUCCESS}
    assert {trajectory.reward for trajectory in played} == {100.0}
    shown = [[(s.command, s.observation) for s in trajectory.steps] for trajectory in played]
    assert shown[0] == shown[1] == shown[2]


def test_the_sample_has_four_variations_of_each_task() -> None:
    ids = yaml.safe_load(CONFIG.read_text())["tasks"]["ids"]
    counted = Counter(id.partition("/")[0] for id in ids)
    assert len(counted) == 30 and set(counted.values()) == {4}


@pytest.mark.long
@pytest.mark.usefixtures("java")
def test_the_expert_solves_the_sample(tmp_path: Path) -> None:
    run = ["run", str(CONFIG), "--runner.kind", "local", "--out", str(tmp_path / "run")]
    assert CliRunner().invoke(app, run).exit_code == 0
    episodes = embodied.open_run(tmp_path / "run").trajectories()
    scores = {trajectory.task.id: trajectory.reward for trajectory in episodes}
    assert len(scores) == 120
    print(json.dumps({id: score for id, score in scores.items() if score != 100}))
    assert sum(score == 100 for score in scores.values()) >= 0.95 * 120
