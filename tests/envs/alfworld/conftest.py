"""Official ALFWorld games, and stock TextWorld to compare with."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld.pddl.problem import Problem, read_problem

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def official_games() -> list[Path]:
    """Return the game files of ALFWorld's valid_unseen split, sorted."""
    default = REPOSITORY.parent / "shared" / "alfworld"
    # Importing alfworld sets ALFWORLD_DATA to its cache folder, so the default is tried after it.
    folders = [Path(os.environ.get("ALFWORLD_DATA") or default), default]
    for folder in folders:
        games = sorted((folder / "json_2.1.1" / "valid_unseen").rglob("game.tw-pddl"))
        if games:
            return games
    tried = " and ".join(dict.fromkeys(map(str, folders)))
    pytest.skip(f"no games json_2.1.1/valid_unseen/**/game.tw-pddl in {tried}; set ALFWORLD_DATA")


@pytest.fixture(scope="session")
def one_game_per_kind(official_games: list[Path]) -> list[Path]:
    """Return the first official game of each task type."""
    kinds: dict[str, Path] = {}
    for path in official_games:
        kinds.setdefault(path.parents[1].name.partition("-")[0], path)
    return list(kinds.values())


@pytest.fixture(scope="session")
def load_game() -> Callable[[Path], dict[str, Any]]:
    """Read a game file: its texts by key."""
    return lambda path: dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def load_problem(load_game: Callable[[Path], dict[str, Any]]) -> Callable[[Path], Problem]:
    """Read the problem of a game file."""
    return lambda path: read_problem(load_game(path)["pddl_problem"])


@pytest.fixture(scope="session")
def stock() -> Callable[..., Any]:
    """Open a game on stock TextWorld for a with block: (environment, first state)."""
    textworld = pytest.importorskip("textworld")
    stock_environment = pytest.importorskip("alfworld.agents.environment.alfred_tw_env")

    @contextmanager
    def opened(path: Path, **requested: bool) -> Iterator[tuple[Any, Any]]:
        infos = textworld.EnvInfos(won=True, **requested)
        wrappers = [stock_environment.AlfredDemangler(shuffle=False)]
        environment = textworld.start(str(path), infos, wrappers=wrappers)
        try:
            yield environment, environment.reset()
        finally:
            environment.close()

    return opened
