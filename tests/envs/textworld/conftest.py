"""Games for the tests of TextWorld: one of each kind, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from embodied_envs.textworld.environment import TextWorld


@pytest.fixture(scope="session")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a game of every kind."""
    folder = tmp_path_factory.mktemp("textworld") / "games"
    TextWorld.generate(folder, 5, 0)
    return folder


@pytest.fixture
def environment(games: Path) -> TextWorld:
    return TextWorld(data=games)
