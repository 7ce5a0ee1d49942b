"""`embodied merge` as typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import RunError
from embodied.report import aggregate_run
from embodied.store import open_run
from tests.report.runs import episode, write_run


def merge(*words: object) -> Any:
    return CliRunner().invoke(app, ["merge", *map(str, words)])


def test_runs_become_one(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / name, [episode(task)], tasks={"ids": [f"t{task}"], "samples": 1})
        for task, name in enumerate("abc")
    ]
    result = merge(*folders, "--out", tmp_path / "all")
    assert (result.exit_code, result.output) == (0, f"3 episodes of 3 runs in {tmp_path}/all\n")
    assert aggregate_run(open_run(tmp_path / "all")).successes == 3


def test_mistakes(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", [episode(1)])
    result = merge(folder, tmp_path / "missing", "--out", tmp_path / "all")
    assert isinstance(result.exception, RunError)
    result = merge(folder, folder)
    assert result.exit_code == 2
    assert "--out" in result.output


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help(word: str) -> None:
    assert "Merge runs of one protocol" in merge(word).output
