"""The rule `codeact` against what the paper's notebooks did, on recordings of real models."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.datasets import build
from embodied.datasets.rules import some_readable, some_worked
from embodied.store import RunReader


def kept_by_the_notebooks(recorded: dict[str, Any]) -> tuple[bool, bool, bool]:
    """Whether an episode has more than two turns, some readable message, and some that worked."""
    history = recorded["history"]
    turns = len(history) // 2
    said = [
        (message["content"], history[number + 1]["content"])
        for number, message in enumerate(history[:-1])
        if message["role"] == "assistant"
    ]
    return (
        turns > 2,
        turns - 1 != recorded["agent_action_count"]["invalid_action"],
        not all(
            "<solution>" in message or ("<execute>" in message and "Error" in observation)
            for message, observation in said
        ),
    )


@pytest.mark.long
@pytest.mark.parametrize("model", ["claude-instant-1", "gpt-3.5-turbo-0613", "gpt-4-0613"])
def test_codeact_keeps_what_the_notebooks_keep(
    model: str, alfworld_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(alfworld_data))
    file = alfworld_data / "recorded" / f"{model}.jsonl.gz"
    words = ["replay", str(file), "--set", "runner.kind=local", "--out", str(tmp_path / "run")]
    assert CliRunner().invoke(app, words).exit_code == 0
    lines = gzip.decompress(file.read_bytes()).splitlines()
    recorded = {each["task_id"]: each for each in map(json.loads, lines)}
    wanted = []
    for played in RunReader(tmp_path / "run").trajectories():
        several, readable, worked = kept_by_the_notebooks(recorded[played.task.id])
        assert some_worked(played) == worked
        assert some_readable(played) == readable
        if played.outcome == "success" and several and readable and worked:
            wanted.append(played.episode_id)
    data = build(tmp_path / "run", select="codeact", allow_splits=["valid_unseen"])
    assert [each.place.episode_id for each in data.parts["train"].candidates] == wanted
    assert len(wanted) >= 10
