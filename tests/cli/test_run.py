"""What the options of `embodied run` make of a configuration."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.cli import run as module
from embodied.config.schema import RunConfig


def test_a_seed_has_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    configs: list[RunConfig] = []
    monkeypatch.setattr(module, "play_run", configs.append)
    monkeypatch.setattr(module, "finish", lambda folder, json: None)
    words = ["run", "--env", "alfworld", "--set", "tasks.sample=60"]
    assert CliRunner().invoke(app, [*words, "--seed", "1"]).exit_code == 0
    assert CliRunner().invoke(app, words).exit_code == 0
    assert [(config.seed, config.tasks.sample) for config in configs] == [(1, 60), (0, 60)]
