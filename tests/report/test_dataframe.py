"""The episodes of a run as a table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embodied.errors import ConfigError
from embodied.report import aggregate_run, dataframe
from embodied.store import RunReader
from embodied.trajectory import Outcome
from tests.report.runs import episode, write_run


def test_one_row_an_episode(tmp_path: Path) -> None:
    episodes = [
        episode(1, turns=3),
        episode(1, Outcome.TRUNCATED, turns=5, sample=1),
        episode(2, Outcome.INFRASTRUCTURE_ERROR, turns=0),
    ]
    run = RunReader(write_run(tmp_path / "run", episodes))
    table = dataframe(run)
    assert list(table["task_id"]) == ["t1", "t1", "t2"]
    assert list(table["sample"]) == [0, 1, 0]
    assert list(table["outcome"]) == ["success", "truncated", "infrastructure_error"]
    assert list(table["success"]) == [True, False, False]
    assert list(table["limit"]) == [None, "turns", None]
    assert list(table["tokens"]) == [330, 550, 0]
    assert list(table["seconds"]) == [0.0, 0.0, 0.0]
    assert {"kind", "turns", "steps", "calls", "policy_seconds", "attempts"} <= set(table.columns)
    scored = table[table["outcome"] != "infrastructure_error"]
    assert scored["success"].mean() == aggregate_run(run).success_rate


def test_the_simulators_own_figures_are_columns(tmp_path: Path) -> None:
    first = episode(1).model_copy(update={"reward": 2.0, "metrics": {"score": 4.0}})
    table = dataframe(RunReader(write_run(tmp_path / "run", [first, episode(2)])))
    assert list(table["reward"]) == [2.0, 0.0]
    assert table["metrics.score"].isna().tolist() == [False, True]
    assert "metrics" not in table.columns


def test_a_run_without_episodes_has_the_same_columns(tmp_path: Path) -> None:
    empty = dataframe(RunReader(write_run(tmp_path / "empty", [])))
    full = dataframe(RunReader(write_run(tmp_path / "full", [episode(1)])))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)


def test_without_pandas_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        dataframe(RunReader(write_run(tmp_path / "run", [])))
