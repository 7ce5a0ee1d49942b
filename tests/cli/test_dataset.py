"""`embodied dataset build`, `stats` and `mix` as typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import ConfigError, DataError
from embodied.trajectory import Outcome
from tests.datasets.runs import episode, turn, write_run


def dataset(*words: object) -> Any:
    return CliRunner().invoke(app, ["dataset", *map(str, words)])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    played = [episode(f"t{n}", ["error", "ok", "ok"], group=f"floor-{n}") for n in range(10)]
    lost = episode("lost", outcome=Outcome.FAILURE)
    return write_run(tmp_path / "run", [*played, lost])


def test_build_says_what_each_rule_removed(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    wanted = ("--select", "codeact", "--select", "limit=kind:8", "--holdout", "scene=0.25")
    result = dataset("build", run, *wanted, "--format", "chat", "--format", "kto", "--out", out)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["codeact:", "success", "1", "10"] in lines
    assert ["limit=kind:8", "2", "8"] in lines
    assert ["house:", "put", "8", "8", "8", "24", "192", "16", "24"] in lines
    assert "kto: 12 train, 4 validation rows." in result.output
    again = dataset("stats", out)
    assert again.exit_code == 0
    assert again.output in result.output


def test_json_is_one_object(run: Path, tmp_path: Path) -> None:
    card = json.loads(dataset("build", run, "--out", tmp_path / "data", "--json").output)
    assert card["parts"]["train"]["episodes"] == 11
    assert card["warnings"] == ["episodes of run that did not reach the goal: 1"]
    found = json.loads(dataset("stats", tmp_path / "data", "--json").output)
    assert found == card["statistics"]
    file = tmp_path / "general.jsonl"
    file.write_text('{"question": "1+1?", "response": "2"}\n' * 40)
    mixed = dataset("mix", tmp_path / "data", f"{file}:0.1", "--out", tmp_path / "m", "--json")
    names = [one["name"] for one in json.loads(mixed.output)["ingredients"]]
    assert names == ["data", "general.jsonl"]


def test_mix_says_the_shares(run: Path, tmp_path: Path) -> None:
    dataset("build", run, "--out", tmp_path / "data")
    file = tmp_path / "general.jsonl"
    file.write_text('{"question": "1+1?", "response": "2"}\n' * 40)
    result = dataset("mix", tmp_path / "data", f"{file}:0.1", "--out", tmp_path / "mixed")
    assert result.exit_code == 0
    assert "general.jsonl" in result.output
    assert "Tokens: characters / 4." in result.output
    assert (tmp_path / "mixed" / "README.md").is_file()


def test_a_plot_is_drawn(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs: pip install 'embodied-codeact[data]'")
    dataset("build", run, "--out", tmp_path / "data")
    result = dataset("stats", tmp_path / "data", "--plot", tmp_path / "plot.png")
    assert result.exit_code == 0
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    for name in ("plot.docx", "missing/plot.png"):
        result = dataset("stats", tmp_path / "data", "--plot", tmp_path / name)
        assert isinstance(result.exception, ConfigError)


def test_names_from_a_run_are_drawn_as_they_are(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs: pip install 'embodied-codeact[data]'")
    run = write_run(tmp_path / "run", [episode(kind="$\\frac{", environment="a\x1b[31m\n")])
    assert "\x1b" not in dataset("build", run, "--out", tmp_path / "data").output
    result = dataset("stats", tmp_path / "data", "--plot", tmp_path / "plot.svg")
    assert result.exit_code == 0, result.exception
    assert "\x1b" not in result.output


def test_mistakes(run: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "data")
    assert isinstance(dataset("build", run, "--format", "chats", *out).exception, ConfigError)
    assert isinstance(dataset("build", run, "--select", "x", *out).exception, ConfigError)
    assert dataset("build", run, "--mask", "all", *out).exit_code == 2
    assert dataset("build", run).exit_code == 2
    assert isinstance(dataset("stats", run).exception, ConfigError)
    assert isinstance(dataset("mix", run, *out).exception, DataError)
    assert not (tmp_path / "data").exists()
    measured = write_run(tmp_path / "test", [episode(split="test")])
    refused = dataset("build", measured, *out)
    assert isinstance(refused.exception, DataError)
    assert dataset("build", measured, "--allow-split", "test", *out).exit_code == 0


def test_figures_that_are_none_are_explained(run: Path, tmp_path: Path) -> None:
    dataset("build", run, "--out", tmp_path / "data")
    figures = tmp_path / "data" / "episodes.jsonl"
    for line in ('{"id": 1}\n', "[]\n", "\x00\n"):
        figures.write_text(line)
        assert isinstance(dataset("stats", tmp_path / "data").exception, DataError)


def test_parquet_and_thoughts(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pip install 'embodied-codeact[data]'")
    run = write_run(tmp_path / "run", [episode("t", [turn("ok", reasoning="Hm.")])])
    dataset("build", run, "--parquet", "--thoughts", "--out", tmp_path / "data")
    table = parquet.read_table(tmp_path / "data" / "chat" / "train.parquet")
    assert table.to_pylist()[0]["messages"][-1]["reasoning_content"] == "Hm."
