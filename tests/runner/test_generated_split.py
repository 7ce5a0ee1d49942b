"""A section `generate` makes tasks of the split that the run plays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import ConfigError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Play two generated games in this process; returns what the command line did."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    settings = ("generate.out=made", "generate.count=2", "environment.options.data=made")
    made = [word for setting in settings for word in ("--set", setting)]
    local = ("--set", "runner.kind=local", "--policy", "oracle", "--out", "run")
    return lambda *words: CliRunner().invoke(app, ["run", *made, *local, *words])


@pytest.mark.parametrize(
    ("words", "split", "noted"),
    [
        (("--split", "valid_seen"), "valid_seen", {"split": "valid_seen"}),
        (("--split", "train"), "train", {}),
        ((), "valid_unseen", {"split": "valid_unseen"}),
    ],
)
def test_games_of_the_split_that_is_played(
    tmp_path: Path, run: Any, words: tuple[str, ...], split: str, noted: dict[str, str]
) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "made" / "json_2.1.1").iterdir()] == [split]
    note = yaml.safe_load((tmp_path / "made" / "generated.yaml").read_text())
    assert note["options"] == noted
    assert "0 episodes" in run(*words).output


def test_another_split_for_the_generator_is_refused_before_it_writes(
    tmp_path: Path, run: Any
) -> None:
    done = run("--split", "train", "--set", "generate.options.split=valid_seen")
    assert isinstance(done.exception, ConfigError)
    assert "is 'valid_seen', but the run plays the split 'train'" in str(done.exception)
    assert not (tmp_path / "made").exists()
