"""A robot that `embodied mcp` serves makes the same calls through `--env mcp:` as it makes here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import Outcome
from embodied.plugins.registry import environment_class
from embodied.store import RunReader

pytest.importorskip("mcp", reason="needs: pip install 'embodied-codeact[mcp]'")
pytest.importorskip("alfworld", reason="needs: pip install 'embodied-codeact[alfworld]'")


def calls(out: Path, **settings: Any) -> dict[str, Any]:
    """Play a run whose episodes all succeed; return the calls of each task."""
    embodied.run(**settings, runner={"kind": "local"}, out=out, progress=False)
    played = list(RunReader(out).trajectories())
    assert {each.outcome for each in played} == {Outcome.SUCCESS}
    return {
        each.task.id: [(call.name, call.arguments, call.result) for call in each.calls]
        for each in played
    }


@pytest.mark.parametrize("games", [2, pytest.param(24, marks=pytest.mark.long)])
def test_the_expert_makes_the_same_calls_through_the_server(tmp_path: Path, games: int) -> None:
    data = tmp_path / "games"
    environment_class("alfworld").generate(data, games, 0)
    here = calls(
        tmp_path / "here",
        env="alfworld",
        environment={"options": {"data": str(data)}},
        split="train",
        policy="expert",
    )
    words = ["household", "--env", "alfworld", "--split", "train", "--http", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", "embodied", "mcp", *words, "--environment.options.data", str(data)],
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        url = server.stderr.readline().split()[-1]
        there = calls(
            tmp_path / "there",
            env=f"mcp:{url}",
            policy={"name": "expert", "options": {"of": "household"}},
        )
        server.terminate()
    assert len(here) == games
    assert there == here
