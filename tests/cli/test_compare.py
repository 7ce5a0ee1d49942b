"""`embodied compare` as typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import EmbodiedError
from embodied.trajectory import Outcome
from tests.report.runs import episode, write_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """A run that wins both its tasks with code, and one that wins one of them with JSON."""
    code = write_run(tmp_path / "code", [episode(1), episode(2)])
    lost = episode(2, Outcome.FAILURE, turns=4)
    return [str(code), str(write_run(tmp_path / "json", [episode(1), lost], {"action": "json"}))]


def compare(*words: str) -> Any:
    return CliRunner().invoke(app, ["compare", *words])


def test_a_table(runs: list[str]) -> None:
    result = compare(*runs)
    assert result.exit_code == 0
    assert "Settings that differ: protocol.action." in result.output
    assert "against code" in result.output


def test_json(runs: list[str]) -> None:
    result = compare(*runs, "--json")
    assert result.exit_code == 0
    comparison = json.loads(result.output)
    assert [run["settings"]["protocol.action"] for run in comparison["runs"]] == ["code", "json"]
    assert [run["figures"]["success_rate"] for run in comparison["runs"]] == [1.0, 0.5]
    assert comparison["paired"][0]["only_first"] == 1
    assert comparison["paired"][0]["success_rate_difference"]["value"] == -0.5


def test_mistakes(runs: list[str], tmp_path: Path) -> None:
    for words, complaint in (
        (runs[:1], "at least two runs"),
        ([runs[0], runs[0]], "is given twice"),
        ([runs[0], str(tmp_path)], "is not a run"),
    ):
        result = compare(*words)
        assert isinstance(result.exception, EmbodiedError), result.output
        assert complaint in str(result.exception)
    result = compare()
    assert result.exit_code == 2
    assert "Missing argument 'RUN'" in result.output
