"""The native engine answers as TextWorld does, whatever it is told."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import threading
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path
from random import Random

import psutil
import pytest
from embodied_envs.alfworld.generate import GeneratorOptions, write_games
from embodied_envs.alfworld.names import display_names, named_ids
from embodied_envs.alfworld.native_game import NativeGame
from embodied_envs.alfworld.pddl.problem import read_problem
from embodied_envs.alfworld.planner.plan import detect_dialect, render
from embodied_envs.alfworld.planner.search import shortest_plan
from embodied_envs.alfworld.rules import DIALECTS

from embodied.errors import DataError
from tests.envs.alfworld.walks import Findings, compare

ALL_ACTIONS = {
    "go", "open", "close", "take", "inventory", "examine", "use",
    "heat", "clean", "cool", "slice", "look", "put", "move",
}  # fmt: skip
WALKS = 1000
WALK_STEPS = 30
LONGEST_SECONDS = 3600
"""After which walks count as hung."""


def plan_for(path: Path) -> list[str]:
    game = json.loads(path.read_text())
    problem = read_problem(game["pddl_problem"])
    names = display_names(named_ids(problem))
    return render(shortest_plan(problem), names, detect_dialect(game["grammar"]))


def generated(folder: Path, count: int) -> list[Path]:
    """Games of both dialects, with few and with many receptacles."""
    return [
        path
        for dialect in DIALECTS
        for path in write_games(folder / dialect, count, 11, GeneratorOptions(dialect=dialect))
    ]


@pytest.fixture(scope="session")
def generated_games(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return generated(tmp_path_factory.mktemp("walks"), 6)


@pytest.fixture(scope="session")
def game_files(request: pytest.FixtureRequest, generated_games: list[Path]) -> list[Path]:
    """Official games where they are, else generated ones."""
    try:
        return list(request.getfixturevalue("official_games"))
    except pytest.skip.Exception:
        return generated_games


def total(found: Iterable[Findings]) -> Findings:
    result = reduce(add, found, Findings())
    assert result.differences == []
    return result


@pytest.mark.timeout(7200)
@pytest.mark.long
def test_all_games_agree_over_100_steps(
    game_files: list[Path], generated_games: list[Path]
) -> None:
    _agree(list(dict.fromkeys(game_files + generated_games)), 100)


def test_games_agree_over_40_steps(game_files: list[Path], generated_games: list[Path]) -> None:
    """Four kinds of games, of both dialects."""
    put, move = generated_games[:6], generated_games[6:]
    kinds = {"pick_heat": game_files, "pick_cool": game_files, "pick_clean": put, "look_at": move}
    chosen = [next(game for game in games if kind in str(game)) for kind, games in kinds.items()]
    _agree(chosen, 40)


def _agree(games: list[Path], steps: int) -> None:
    """Walk at random; the goal is reached first, so that the walks go on behind it."""
    found = total(_in_processes([(path, steps, seed) for seed, path in enumerate(games)]))
    print(f"\n{len(games)} games: {found}")
    seldom = set() if len(games) > 50 else {"slice"}
    assert ALL_ACTIONS - seldom <= found.actions.keys()
    assert found.won >= len(games)


@pytest.mark.timeout(7200)
@pytest.mark.long
def test_a_thousand_walks_agree(game_files: list[Path], generated_games: list[Path]) -> None:
    games = list(dict.fromkeys(game_files + generated_games))
    walks = [(games[seed % len(games)], WALK_STEPS, seed) for seed in range(WALKS)]
    found = total(_in_processes(walks))
    print(f"\n{WALKS} walks in {len(games)} games: {found}")


def _in_processes(walks: list[tuple[Path, int, int]]) -> list[Findings]:
    """Walk in several processes, which are replaced in time: TextWorld leaks."""
    context = multiprocessing.get_context("spawn")
    workers = int(os.environ.get("WALK_WORKERS", os.cpu_count() or 1))
    with context.Pool(workers, maxtasksperchild=20) as pool:
        return pool.map_async(_walk, walks, chunksize=1).get(timeout=LONGEST_SECONDS)


def _walk(walk: tuple[Path, int, int]) -> Findings:
    path, steps, seed = walk
    return compare(path, steps, seed, plan_for(path))


def random_walk(game: NativeGame, steps: int, seed: int) -> list[object]:
    rng = Random(seed)
    told: list[object] = []
    for _ in range(steps):
        valid = game.valid_commands()
        told.append(valid)
        told.append(game.step(rng.choice([*valid, "dance"])))
    return told


def test_a_snapshot_leads_back(game_files: list[Path]) -> None:
    for path in game_files[:10]:
        game, other = NativeGame(), NativeGame()
        game.load(path)
        random_walk(game, 30, 1)
        snapshot = game.snapshot()
        before = game.valid_commands()
        expected = random_walk(game, 30, 2)
        other.load(path)
        other.restore(snapshot)
        assert other.snapshot() == snapshot
        assert other.valid_commands() == before
        assert random_walk(other, 30, 2) == expected
        game.restore(snapshot)
        assert random_walk(game, 30, 2) == expected


def test_a_snapshot_means_the_same_in_another_process(game_files: list[Path]) -> None:
    game = NativeGame()
    game.load(game_files[0])
    random_walk(game, 40, 3)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        future = pool.submit(_after_restoring, game_files[0], game.snapshot())
        assert future.result() == random_walk(game, 20, 4)


def _after_restoring(path: Path, snapshot: bytes) -> list[object]:
    game = NativeGame()
    game.load(path)
    game.restore(snapshot)
    return random_walk(game, 20, 4)


def test_snapshots_keep_whether_the_goal_is_met(game_files: list[Path]) -> None:
    path = game_files[0]
    game = NativeGame()
    game.load(path)
    won = [game.step(command)[1] for command in plan_for(path)]
    assert won[-1] and not any(won[:-1])
    snapshot = game.snapshot()
    game.load(path)
    assert not game.step("dance")[1]
    game.restore(snapshot)
    assert game.step("dance")[1]


def hostile_snapshots(good: bytes) -> list[bytes]:
    changed = json.loads(good)
    agent = changed["game"]
    return [
        b"",
        b"\x80\x04.",
        b"{}",
        b"[]",
        good[:-1],
        good.replace(b"added", b"addes"),
        b"[" * 100_000,
        b" " * 2_000_000 + good,
        json.dumps({"game": "x" * 32, "added": [], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [[]], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [["opened", "nowhere"]], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [["opened"]], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [["openable", "x"]], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [["holds", 1, 2]], "removed": []}).encode(),
        json.dumps({"game": agent, "added": [["__class__"]], "removed": []}).encode(),
    ]


def test_bytes_that_are_no_snapshot_change_nothing(game_files: list[Path]) -> None:
    game = NativeGame()
    game.load(game_files[0])
    random_walk(game, 20, 5)
    good = game.snapshot()
    for bytes_ in hostile_snapshots(good):
        with pytest.raises(DataError):
            game.restore(bytes_)
        assert game.snapshot() == good
    game.load(game_files[1])
    with pytest.raises(DataError, match="another game"):
        game.restore(good)


def test_threads_share_a_game_without_noticing(game_files: list[Path]) -> None:
    from embodied_envs.alfworld import native_game

    for path in game_files[:3]:
        native_game._compiled.cache_clear()
        told: list[list[object]] = []
        start = threading.Barrier(8)
        threads = [
            threading.Thread(target=_play_at_once, args=(path, start, told)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == 8
        assert all(each == told[0] for each in told)


def _play_at_once(path: Path, start: threading.Barrier, told: list[list[object]]) -> None:
    game = NativeGame()
    start.wait()
    first: object = game.load(path)
    told.append([first, *random_walk(game, 60, 6)])


def test_memory_stays_flat_over_2000_environments(game_files: list[Path]) -> None:
    games = game_files[:12]

    def play(count: int) -> int:
        for number in range(count):
            game = NativeGame()
            game.load(games[number % len(games)])
            random_walk(game, 4, number % 24)
            game.close()
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    before = play(400)
    assert play(2000) - before < 4_000_000


def test_a_game_must_be_loaded_first() -> None:
    game = NativeGame()
    assert game.command_templates() == []
    for call in (game.valid_commands, game.snapshot, lambda: game.step("look")):
        with pytest.raises(RuntimeError, match="reset"):
            call()
