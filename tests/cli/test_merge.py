"""`embodied merge` as typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import embodied
from embodied.cli import app
from embodied.errors import RunError
from embodied.report import aggregate_run
from embodied.store import RunReader
from embodied.testing import corridor
from tests.report.runs import episode, write_run

CORRIDOR = f"{corridor.__file__}:Corridor"


def merge(*words: object) -> Any:
    return CliRunner().invoke(app, ["merge", *map(str, words)])


def test_runs_become_one(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / name, [episode(task)], tasks={"ids": [f"t{task}"], "samples": 1})
        for task, name in enumerate("abc")
    ]
    result = merge(*folders, "--out", tmp_path / "all")
    assert (result.exit_code, result.output) == (0, f"3 episodes of 3 runs in {tmp_path}/all\n")
    assert aggregate_run(RunReader(tmp_path / "all")).successes == 3


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


def test_runs_are_extended_merged_and_resumed(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"env": CORRIDOR, "runner": {"kind": "local"}, "progress": False}
    for name, tasks in {"a": ["corridor-0"], "b": ["corridor-1"]}.items():
        embodied.run(**settings, tasks={"ids": tasks}, out=tmp_path / name)
    with pytest.raises(RunError, match=r"tasks\.ids: "):
        embodied.run(**settings, tasks={"ids": ["corridor-1"]}, out=tmp_path / "a")
    ids = ["corridor-0", "corridor-2"]
    extended = embodied.run(**settings, tasks={"ids": ids, "samples": 2}, out=tmp_path / "a")
    assert sorted(extended.finished()) == [
        f"{task}#{sample}" for task in ("corridor-0", "corridor-2") for sample in (0, 1)
    ]
    assert merge(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "all").exit_code == 0
    resumed = embodied.resume(tmp_path / "all", progress=False)
    assert resumed.finished() == {
        f"corridor-{task}#{sample}" for task in range(3) for sample in (0, 1)
    }
    assert resumed.report().throughput.invocations == 4
