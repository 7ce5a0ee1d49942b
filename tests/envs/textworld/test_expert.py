"""The walkthrough as the expert plays it, in every action format."""

from __future__ import annotations

from pathlib import Path

import pytest
from embodied_controllers.adventurer import Adventurer
from embodied_envs.textworld.environment import TextWorld

from embodied import Outcome, Protocol, run_episode
from embodied.plugins.registry import names
from embodied.policies.expert import ExpertPolicy
from embodied.testing import check_controller, check_environment

pytestmark = pytest.mark.filterwarnings("ignore::jericho.UnsupportedGameWarning")


@pytest.mark.parametrize("form", names("embodied.action_formats"))
async def test_the_expert_wins_in_every_format(games: Path, form: str) -> None:
    environment = TextWorld(data=games)
    protocol = Protocol.model_validate({"action": form})
    for task in TextWorld.list_tasks(data=games):
        done = await run_episode(
            task, environment, Adventurer(environment), ExpertPolicy(), protocol
        )
        assert done.outcome is Outcome.SUCCESS
        assert [step.command for step in done.steps] == environment.plan()
        assert not any(turn.format_error for turn in done.turns)
    environment.close()


@pytest.mark.parametrize("kind", ["cooking-0-0001", "simple-0-0000"])
def test_the_rules_of_environments_and_controllers_are_kept(games: Path, kind: str) -> None:
    check_environment("textworld", task=kind, data=str(games))
    check_controller("adventurer", "textworld", task=kind, data=str(games))
