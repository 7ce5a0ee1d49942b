"""`embodied generate` as typed: options, mistakes, statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.distribution import read_game
from embodied_envs.alfworld.environment import Alfworld
from embodied_envs.alfworld.rules import HELD_OUT_FLOOR_PLANS
from typer.testing import CliRunner

from embodied.cli import app
from embodied.errors import ConfigError


@pytest.fixture(autouse=True)
def alfworld(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the official games, and give ALFWorld an index cache of its own."""
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def embodied(out: Path, *words: str) -> Any:
    return CliRunner().invoke(app, ["generate", "alfworld", "--out", str(out), *words])


def message(out: Path, *words: str) -> str:
    """What the command line prints of the mistake in a command; checks that nothing is written."""
    result = embodied(out, *words)
    assert isinstance(result.exception, ConfigError), result.output
    assert not out.exists()
    return str(result.exception)


class TestWriting:
    def test_hard_tasks_on_unseen_floor_plans(self, tmp_path: Path) -> None:
        options = ["split=valid_unseen", "hidden=0.8", "receptacles=10"]
        words = [word for option in options for word in ("--option", option)]
        result = embodied(tmp_path / "games", "--count", "6", *words)
        assert result.exit_code == 0
        assert result.output == f"wrote 6 tasks to {tmp_path / 'games'}\n"
        games = list((tmp_path / "games").glob("json_2.1.1/valid_unseen/*/*/game.tw-pddl"))
        assert len(games) == 6
        facts = [read_game(path) for path in games]
        assert {game.receptacles for game in facts} == {10}
        assert {game.floor_plan for game in facts} <= set(HELD_OUT_FLOOR_PLANS)

    @pytest.mark.parametrize("value", ["look_at_obj_in_light", "[look_at_obj_in_light]"])
    def test_one_kind(self, tmp_path: Path, value: str) -> None:
        assert embodied(tmp_path, "--count", "2", "--option", f"kinds={value}").exit_code == 0
        tasks = [path.name for path in (tmp_path / "json_2.1.1" / "train").iterdir()]
        assert all(name.startswith("look_at_obj_in_light-") for name in tasks)

    def test_json(self, tmp_path: Path) -> None:
        result = embodied(tmp_path, "--count", "1", "--json")
        expected = {"out": str(tmp_path), "written": 1, "statistics": None}
        assert json.loads(result.output) == expected


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["--option", "foo=["], "the value is not valid YAML"),
            (["--option", "foo=\x00"], "the value is not valid YAML"),
            (["--option", "hidden"], "is not of the form NAME=VALUE"),
            (["--option", "=1"], "is not of the form NAME=VALUE"),
            (["--option", "hiden=1"], "did you mean 'hidden'?"),
            (["--option", "kinds=pick_three"], "kinds must be one of pick_and_place_simple"),
            (["--count", "0"], "--count must be at least 1 (0 only with --stats), not 0"),
            (["--count", "-1", "--stats"], "--count must be at least 1"),
            (["--seed", "-1"], "--seed must be at least 0, not -1"),
        ],
    )
    def test_says_what_is_wrong(self, tmp_path: Path, words: list[str], expected: str) -> None:
        assert expected in message(tmp_path / "games", *words)

    @pytest.mark.parametrize("name", ["--count", "--seed"])
    def test_not_a_number(self, tmp_path: Path, name: str) -> None:
        result = embodied(tmp_path, name, "many")
        assert result.exit_code == 2
        assert f"Invalid value for '{name}'" in result.output

    def test_an_environment_without_statistics(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(Alfworld, "describe_tasks")
        assert "has no statistics of its tasks" in message(tmp_path / "games", "--stats")


class TestStatistics:
    def test_a_table_of_100_columns(self, tmp_path: Path) -> None:
        result = embodied(tmp_path, "--count", "12", "--stats")
        assert result.exit_code == 0
        lines = result.output.splitlines()
        assert max(map(len, lines)) <= 100
        for expected in ("task kind", "room type", "target receptacle", "generated (train)"):
            assert any(expected in line for line in lines), expected
        assert "No official games to compare with" in result.output

    def test_rare_categories_are_taken_together(self, tmp_path: Path) -> None:
        result = embodied(tmp_path, "--count", "24", "--stats")
        full = json.loads(embodied(tmp_path, "--count", "0", "--stats", "--json").output)
        tables = {table["name"]: table["rows"] for table in full["statistics"]["tables"]}
        objects = [row["name"] for row in tables["target object"] if not row["summary"]]
        shown = [name for name in objects if f"  {name} " in result.output]
        assert len(objects) > len(shown) == 12
        assert f"{len(objects) - 12} others" in result.output

    def test_of_a_folder_that_is_there(self, tmp_path: Path) -> None:
        embodied(tmp_path, "--count", "3")
        before = sorted(tmp_path.rglob("*"))
        result = embodied(tmp_path, "--count", "0", "--stats", "--json")
        record = json.loads(result.output)
        assert record["written"] == 0
        assert record["statistics"]["columns"][0]["tasks"] == 3
        after = [path for path in tmp_path.rglob("*") if "cache" not in path.parts]
        assert sorted(after) == before

    def test_help_explains_the_options(self, tmp_path: Path) -> None:
        result = embodied(tmp_path, "--help")
        for name in ("split", "kinds", "receptacles", "distractors", "hidden", "dialect"):
            assert f"{name}=" in result.output
