"""Generated games: the same for the same seed, and solvable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from embodied_envs.textworld.environment import TextWorld
from embodied_envs.textworld.story import read_notes

from embodied.errors import ConfigError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes(games: Path, tmp_path: Path) -> None:
    (tmp_path / "simple-0-0000.z8").write_bytes(b"another game of this name")
    TextWorld.generate(tmp_path, 1, 0)
    again = contents(tmp_path)
    assert len(again) == 2
    assert again.items() <= contents(games).items()


def test_games_that_are_there_are_not_made_again(games: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in games.iterdir()}
    stories = TextWorld.generate(games, 5, 0)
    assert sorted(stories) == sorted(games.glob("*.z8"))
    assert {path: path.stat().st_mtime_ns for path in games.iterdir()} == before


def test_a_game_says_what_it_was_made_of(games: Path) -> None:
    origin = read_notes(games / "coin_collector-0-0002.z8").origin
    assert (origin["challenge"], origin["settings"]) == ("coin_collector", {"level": 5})
    assert len(read_notes(games / "coin_collector-0-0002.z8").walkthrough) == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colour": 1}, "'colour'"),
        ({"level": 0}, "'level'"),
        ({"level": 50}, "treasure_hunter has levels 1 to 30"),
        ({"challenges": "simple,chess"}, "'challenges.1'"),
        ({"challenges": []}, "name at least one"),
        ({"recipe": 1, "take": 2}, "'take'"),
        ({"go": 7}, "'go'"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TextWorld.generate(tmp_path / "out", 1, 0, **options)
    assert not (tmp_path / "out").exists()


def test_games_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFORM_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="cannot make these games: simple-0-0000: FileNotFound"):
        TextWorld.generate(tmp_path, 1, 0, challenges="simple")
    assert not list(tmp_path.iterdir())
