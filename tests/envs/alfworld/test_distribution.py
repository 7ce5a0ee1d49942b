"""How games are counted, and what stands beside the generated ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld import distribution
from embodied_envs.alfworld.distribution import TaskStatistics, read_game
from embodied_envs.alfworld.environment import Alfworld
from embodied_envs.alfworld.generate import GeneratorOptions, generate_game, write_games
from embodied_envs.alfworld.generate_scene import portable_types
from embodied_envs.alfworld.rules import KINDS, load_floor_plan

from embodied.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def no_official_games(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No official games, and an index cache that is thrown away."""
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def as_official(paths: list[Path]) -> None:
    """Give games the trial names of official ones."""
    for path in paths:
        path.parent.rename(path.parent.with_name(path.parent.name.replace("trial_G", "trial_T")))


def values(statistics: TaskStatistics, table: str) -> dict[str, list[Any]]:
    (found,) = [each for each in statistics.tables if each.name.startswith(table)]
    return {row.name: row.values for row in found.rows}


def described(out: Path, **options: Any) -> TaskStatistics:
    return TaskStatistics.model_validate(Alfworld.describe_tasks(out, **options))


class TestOneGame:
    @pytest.mark.parametrize("hidden", [0.0, 1.0])
    def test_counts_are_those_of_the_scene(self, tmp_path: Path, hidden: float) -> None:
        options = GeneratorOptions(hidden=hidden)
        for index, path in enumerate(write_games(tmp_path, 12, seed=5, options=options)):
            game, facts = generate_game(5, index, options), read_game(path)
            scene, goal = game.scene, game.goal
            assert (facts.kind, facts.target, facts.destination) == (
                goal.kind,
                goal.target,
                goal.destination,
            )
            assert facts.floor_plan == scene.floor_plan
            assert facts.room == load_floor_plan(scene.floor_plan).room
            assert facts.receptacles == len(scene.receptacles)
            assert facts.objects == sum(thing.type in portable_types() for thing in scene.things)
            assert facts.plan_length == len(game.plan)
            doors = {place.identifier for place in scene.receptacles if place.openable}
            targets = [thing for thing in scene.things if thing.type == goal.target]
            assert facts.targets == len(targets)
            assert facts.hidden_targets == sum(thing.receptacle in doors for thing in targets)

    def test_in_two_receptacles_at_a_time(self) -> None:
        init = frozenset(
            [
                ("openable", "drawer"),
                ("openable", "safe"),
                ("opened", "safe"),
                ("inreceptacle", "mug", "drawer"),
                ("inreceptacle", "cup", "drawer"),
                ("inreceptacle", "cup", "table"),
                ("inreceptacle", "pen", "safe"),
            ]
        )
        assert distribution._behind_doors(init) == {"mug"}

    @pytest.mark.parametrize("name", ["game.tw-pddl", "traj_data.json"])
    @pytest.mark.parametrize("content", [None, "{", "{}", "[]"])
    def test_damaged_files_are_named(self, tmp_path: Path, name: str, content: str | None) -> None:
        (path,) = write_games(tmp_path, 1, seed=0)
        path.with_name(name).unlink()
        if content is not None:
            path.with_name(name).write_text(content)
        with pytest.raises(DataError, match="cannot read the game"):
            read_game(path)

    def test_an_unsolvable_game_has_no_plan_length(self, tmp_path: Path) -> None:
        (path,) = write_games(tmp_path, 1, seed=0)
        game = json.loads(path.read_text())
        game["pddl_problem"] = game["pddl_problem"].replace("(pickupable ", "(toggleable ")
        path.write_text(json.dumps(game))
        assert read_game(path).plan_length is None


class TestSideBySide:
    def test_without_official_games(self, tmp_path: Path) -> None:
        write_games(tmp_path, 12, seed=0)
        statistics = described(tmp_path)
        assert [column.name for column in statistics.columns] == ["generated (train)"]
        assert values(statistics, "task kind") == {kind: [0.1667] for kind in KINDS}
        (note,) = statistics.notes
        assert "set ALFWORLD_DATA" in note
        assert json.loads(json.dumps(Alfworld.describe_tasks(tmp_path))) == Alfworld.describe_tasks(
            tmp_path
        )

    def test_shares_add_up(self, tmp_path: Path) -> None:
        write_games(tmp_path, 18, seed=0)
        for table in described(tmp_path).tables:
            shares = [row.values[0] for row in table.rows if not row.summary]
            assert not shares or sum(map(float, shares)) == pytest.approx(1, abs=0.01)  # type: ignore[arg-type]

    def test_the_same_split_of_the_official_games(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        write_games(ours, 6, seed=0)
        as_official(write_games(theirs, 12, 1, GeneratorOptions(kinds=KINDS[:2])))
        monkeypatch.setenv("ALFWORLD_DATA", str(theirs))
        statistics = described(ours)
        assert [(c.name, c.tasks) for c in statistics.columns] == [
            ("generated (train)", 6),
            ("official (train)", 12),
        ]
        assert statistics.notes == []
        assert values(statistics, "task kind") == {
            kind: [0.1667, 0.5 if kind in KINDS[:2] else 0.0] for kind in KINDS
        }

    def test_another_split_where_the_same_is_missing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        write_games(ours, 6, seed=0)
        as_official(write_games(theirs, 6, seed=1, options=GeneratorOptions(split="valid_unseen")))
        monkeypatch.setenv("ALFWORLD_DATA", str(theirs))
        statistics = described(ours)
        assert statistics.columns[1].name == "official (valid_unseen)"
        (note,) = statistics.notes
        assert "No official games of train" in note
        assert "ALFWORLD_DATA" in note

    def test_generated_games_are_not_official(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_games(tmp_path, 6, seed=0)
        monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
        statistics = described(tmp_path)
        assert len(statistics.columns) == 1
        assert "No official games to compare with" in statistics.notes[0]

    def test_damaged_games_are_left_out_and_counted(self, tmp_path: Path) -> None:
        paths = write_games(tmp_path, 6, seed=0)
        paths[0].with_name("traj_data.json").unlink()
        statistics = described(tmp_path)
        assert statistics.columns[0].tasks == 5
        assert statistics.notes[0].startswith("1 generated games are left out; the first: cannot")

    def test_many_games_are_sampled(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(distribution, "MEASURED", 4)
        write_games(tmp_path, 12, seed=0)
        statistics = described(tmp_path)
        assert statistics.columns[0].tasks == 4
        assert statistics.notes[0] == "Of 12 generated games, 4 were measured."

    def test_nothing_to_describe(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no generated games of train"):
            Alfworld.describe_tasks(tmp_path)

    def test_bad_options(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="did you mean 'split'"):
            Alfworld.describe_tasks(tmp_path, splt="train")


def test_official_games(official_games: list[Path]) -> None:
    facts = [read_game(path) for path in official_games]
    assert Counter(game.kind for game in facts).keys() == set(KINDS)
    assert {game.floor_plan for game in facts} == {10, 219, 308, 424}
    assert all(game.plan_length and game.targets for game in facts)
    assert all(game.hidden_targets <= game.targets for game in facts)
