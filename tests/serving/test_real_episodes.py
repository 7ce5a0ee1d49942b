"""Whole episodes with a real model through real vLLM, 16 in flight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied.plugins.registry import environment_class
from embodied.serving import ModelServer
from embodied.store import RunReader
from embodied.trajectory import Outcome, Trajectory

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    given = [os.environ.get(f"EMBODIED_TEST_{name}") for name in ("VLLM_PYTHON", "MODEL")]
    if None in given:
        pytest.skip("install vLLM and fetch the model with `make test-vllm`, which runs this too")
    python, model = given
    with ModelServer(model, python=python, arguments=["--enforce-eager"]) as started:
        yield started


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 4, 0)
    return folder


def play(server: ModelServer, games: Path, out: Path, *words: str) -> list[Trajectory]:
    """Four tasks, four times each, all at once, as a user plays them."""
    settings = {
        "environment.options.data": games,
        "tasks.samples": 4,
        "protocol.limits.turns": 4,
        "llm.base_url": server.base_url,
        "llm.model": server.model,
        "llm.temperature": 0.7,
        "llm.max_tokens": 96,
        "runner.kind": "local",
        "runner.episodes_per_worker": 16,
    }
    options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "embodied", "run", "--env", "alfworld", "--split", "train"]
    done = subprocess.run(
        [*command, "--policy", "llm", "--out", str(out), *options, *words],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    episodes = list(RunReader(out).trajectories())
    assert len({episode.episode_id for episode in episodes}) == 16
    assert all(episode.outcome is not Outcome.INFRASTRUCTURE_ERROR for episode in episodes)
    assert all(1 <= len(episode.turns) <= 4 for episode in episodes)
    return episodes


def test_trajectories_are_whole(server: ModelServer, games: Path, tmp_path: Path) -> None:
    episodes = play(server, games, tmp_path / "run", "--llm.record_tokens", "true")
    turns = [turn for episode in episodes for turn in episode.turns]
    for turn in turns:
        assert turn.tokens is not None
        assert turn.tokens.completion_logprobs is not None
        assert len(turn.tokens.prompt_ids) == turn.usage.prompt_tokens > 0
        assert len(turn.tokens.completion_ids) == turn.usage.completion_tokens > 0
        assert len(turn.tokens.completion_logprobs) == turn.usage.completion_tokens
    assert sum(turn.usage.cached_tokens for turn in turns) > 0
    assert len({episode.turns[0].message for episode in episodes}) > 4, "samples differ"


def test_structured_answers_are_json(server: ModelServer, games: Path, tmp_path: Path) -> None:
    words = ("--action", "json", "--llm.structured", "true")
    episodes = play(server, games, tmp_path / "run", *words)
    turns = [turn for episode in episodes for turn in episode.turns]
    whole = [turn for turn in turns if turn.finish_reason == "stop"]
    assert whole
    for turn in whole:
        json.loads(turn.message)
        assert turn.action is not None
