"""The commands of docs/datasets.md run one after the other, and rules have a row in its table."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.datasets import FORMATS
from embodied.datasets.selection import SELECTIONS
from embodied.plugins.registry import names
from tests.datasets.runs import episode, turn, write_run

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()


def test_its_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first", "second"):
        turns = ["error", turn("ok", name * 100), "ok"]
        played = [episode(f"{name}-{n}", turns, group=f"floor-{n}") for n in range(20)]
        write_run(tmp_path / "runs" / name, played)
    row = json.dumps({"question": "1 + 1 = ?", "response": "2 " * 100})
    (tmp_path / "general.jsonl").write_text(f"{row}\n" * 20)
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line) for line in PAGE.splitlines() if line.startswith("embodied ")]
    assert len(commands) == 3
    for _, *words in commands:
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, (words, result.exception)
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"codeact", "mix"}


def test_all_rules_and_formats_are_explained() -> None:
    for name in (*names(SELECTIONS), *FORMATS):
        assert f"| `{name}" in PAGE
