"""Generated games: the same every time, solvable, spread as promised, at home in stock ALFWorld."""

from __future__ import annotations

import errno
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from embodied_envs.alfworld import generate, rules
from embodied_envs.alfworld.environment import Alfworld
from embodied_envs.alfworld.generate import (
    MIN_PLAN_STEPS,
    SPLITS,
    GeneratedGame,
    GeneratorOptions,
    floor_plans,
    generate_game,
    write_games,
)
from embodied_envs.alfworld.generate_goal import draw_goal, goals_for
from embodied_envs.alfworld.generate_options import Split
from embodied_envs.alfworld.generate_proof import is_won_by
from embodied_envs.alfworld.generate_scene import furnish, portable_types
from embodied_envs.alfworld.generate_text import mangle
from embodied_envs.alfworld.pddl.grounding import is_satisfied
from embodied_envs.alfworld.pddl.problem import Problem, read_problem
from embodied_envs.alfworld.rules import DIALECTS, KINDS, Dialect, UnsupportedAlfworldError
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied.errors import ConfigError, DataError

ROOT = Path(__file__).resolve().parents[3]
SHARED = ROOT.parent / "shared" / "alfworld"

needs_official = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"needs the official games in {SHARED}"
)

options_strategy = st.builds(
    GeneratorOptions,
    split=st.sampled_from(SPLITS),
    dialect=st.sampled_from(DIALECTS),
    receptacles=st.none() | st.integers(4, 40),
    distractors=st.none() | st.integers(0, 30),
    hidden=st.floats(0, 1),
)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def facts(problem: Problem, predicate: str) -> list[tuple[str, ...]]:
    return [fact[1:] for fact in problem.init if fact[0] == predicate.lower()]


def digest(games: list[GeneratedGame]) -> str:
    text = json.dumps([[game.task, game.game_data(), game.metadata()] for game in games])
    return hashlib.sha256(text.encode()).hexdigest()


def without_sink(domain: str) -> str:
    """Drop a test that is a comment in some games only. It never holds: no receptacle is a Sink."""
    return re.sub(r"\n *;?\(receptacleType \?r SinkType\)", "", domain)


def official_games() -> Iterator[dict[str, Any]]:
    for path in sorted(SHARED.glob("json_2.1.1/*/*/*/game.tw-pddl")):
        metadata = json.loads((path.parent / "traj_data.json").read_text())
        yield json.loads(path.read_text()) | {"metadata": metadata}


class TestDeterminism:
    def test_same_bytes_for_the_same_seed(self, tmp_path: Path) -> None:
        write_games(tmp_path / "a", 12, seed=3)
        write_games(tmp_path / "b", 12, seed=3)
        assert files_below(tmp_path / "a") == files_below(tmp_path / "b")

    def test_more_games_begin_with_the_same_ones(self, tmp_path: Path) -> None:
        few = write_games(tmp_path / "few", 5, seed=3)
        many = write_games(tmp_path / "many", 9, seed=3)
        assert [path.read_bytes() for path in few] == [path.read_bytes() for path in many[:5]]

    def test_seed_index_and_split_make_different_games(self) -> None:
        games = [
            generate_game(seed, index, GeneratorOptions(split=split))
            for seed in range(3)
            for index in (0, 6, 12)
            for split in SPLITS
        ]
        scenes = {re.sub("plan_trial_\\w+", "", game.problem) for game in games}
        assert len(scenes) == len({game.trial for game in games}) == len(games)

    def test_the_dialect_changes_the_words_only(self) -> None:
        move, put = (generate_game(1, 5, GeneratorOptions(dialect=d)) for d in DIALECTS)
        assert (move.scene, move.goal, move.plan) == (put.scene, put.goal, put.plan)
        assert any(command.startswith("move ") for command in move.walkthrough)
        assert any(command.startswith("put ") for command in put.walkthrough)

    @pytest.mark.parametrize("hash_seed", ["1", "2"])
    def test_in_a_new_process_and_without_importing_alfworld(self, hash_seed: str) -> None:
        script = (
            "import os, sys\n"
            "from tests.envs.alfworld.test_generate import digest, generate_game\n"
            "print(digest([generate_game(5, index) for index in range(12)]))\n"
            "assert not {'alfworld', 'textworld'} & set(sys.modules), 'imports stock ALFWorld'\n"
            "assert 'ALFWORLD_DATA' not in os.environ, 'changes the environment'\n"
        )
        environment = {k: v for k, v in os.environ.items() if k != "ALFWORLD_DATA"}
        environment |= {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == digest([generate_game(5, index) for index in range(12)])


class TestSpread:
    def test_any_24_consecutive_games_hold_each_kind_four_times(self) -> None:
        kinds = [generate_game(0, index).kind for index in range(30)]
        for start in range(7):
            assert Counter(kinds[start : start + 24]) == dict.fromkeys(KINDS, 4)

    def test_only_the_kinds_asked_for(self) -> None:
        options = GeneratorOptions(kinds=KINDS[1:3])
        assert [generate_game(0, index, options).kind for index in range(4)] == [*KINDS[1:3]] * 2

    def test_splits_share_no_held_out_floor_plan(self) -> None:
        assert floor_plans("train") == floor_plans("valid_seen")
        assert not set(floor_plans("train")) & set(floor_plans("valid_unseen"))
        assert len(floor_plans("train")) + len(floor_plans("valid_unseen")) == 120

    @pytest.mark.parametrize("split", SPLITS)
    def test_games_stay_in_their_split(self, split: Split) -> None:
        options = GeneratorOptions(split=split)
        plans = {generate_game(2, index, options).scene.floor_plan for index in range(36)}
        assert plans <= set(floor_plans(split))
        assert len(plans) > 6

    def test_a_kind_comes_to_each_of_its_floor_plans_before_it_comes_again(self) -> None:
        kind = "pick_heat_then_place_in_recep"
        options = GeneratorOptions(kinds=(kind,), split="valid_unseen")
        plans = [generate_game(0, index, options).scene.floor_plan for index in range(6)]
        assert sorted(plans[:3]) == sorted(plans[3:]) == [9, 10, 29]

    def test_kinds_that_are_possible_everywhere_go_where_others_cannot(self) -> None:
        plans = generate._possible_floor_plans("train", KINDS[0])
        drawn = Counter(generate._dealt(plans, turn, KINDS, "0") for turn in range(len(plans)))
        assert drawn.total() == len(plans)
        assert all(count == 1 for number, count in drawn.items() if number <= 30)
        assert all(drawn[number] in (1, 2) for number in plans if 200 < number < 300)

    def test_no_target_and_no_destination_dominates_or_is_missing(self) -> None:
        rng = Random(0)
        targets, destinations = Counter[str](), Counter[str]()
        for kind in KINDS:
            plans = generate._possible_floor_plans("train", kind)
            for turn in range(2 * len(KINDS) * 100):
                floor_plan = generate._dealt(plans, turn, KINDS, f"{kind}")
                goal = draw_goal(floor_plan, kind, plans, rng)
                targets[goal.target] += 1
                destinations[goal.destination] += 1
        del destinations[""]
        assert max(targets.values()) / targets.total() < 0.08
        assert max(destinations.values()) / destinations.total() < 0.16
        goals = {
            goal for n in floor_plans("train") for kind in KINDS for goal in goals_for(n, kind)
        }
        assert set(targets) == {goal.target for goal in goals}
        assert set(destinations) == {goal.destination for goal in goals} - {""}

    def test_furniture_has_unique_names(self) -> None:
        for number in (*floor_plans("train"), *floor_plans("valid_unseen")):
            furniture = furnish(number)
            names = [place.identifier for place in furniture.receptacles]
            names += [thing.identifier for thing in furniture.fixtures]
            assert len({mangle(name).lower() for name in names}) == len(names)


class TestOptions:
    def test_hidden_targets_start_behind_doors(self) -> None:
        def behind_doors(hidden: float) -> float:
            found = Counter[bool]()
            for index in range(60):
                game = generate_game(4, index, GeneratorOptions(hidden=hidden))
                doors = {place.identifier: place.openable for place in game.scene.receptacles}
                for thing in game.scene.things:
                    if thing.type == game.goal.target and thing.receptacle:
                        found[doors[thing.receptacle]] += 1
            return found[True] / found.total()

        assert behind_doors(0) < 0.05
        assert 0.1 < behind_doors(0.3) < 0.4
        assert behind_doors(1) > 0.6

    @pytest.mark.parametrize("count", [4, 8])
    def test_number_of_receptacles(self, count: int) -> None:
        for index in range(12):
            game = generate_game(4, index, GeneratorOptions(receptacles=count))
            known = len(furnish(game.scene.floor_plan).receptacles)
            assert len(game.scene.receptacles) == min(count, known)

    @pytest.mark.parametrize("count", [0, 5])
    def test_number_of_distractors(self, count: int) -> None:
        for index in range(12):
            game = generate_game(4, index, GeneratorOptions(distractors=count))
            types = [thing.type for thing in game.scene.things if thing.type in portable_types()]
            assert len(types) - types.count(game.goal.target) == count

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dialect": "place"}, "'dialect': Input should be 'move' or 'put', not 'place'"),
            ({"kinds": ()}, "kinds must be one of pick_and_place_simple"),
            ({"kinds": "pick_and_place_simple,juggle"}, "not 'juggle'"),
            ({"kinds": 5}, "'kinds': Input should be a valid tuple, not 5"),
            ({"kinds": ("juggle",)}, "not 'juggle'"),
            ({"kinds": KINDS[:1] * 2}, "must not repeat"),
            (
                {"receptacles": 3},
                "'receptacles': Input should be greater than or equal to 4, not 3",
            ),
            ({"receptacles": 4.5}, "'receptacles': Input should be a valid integer, not 4.5"),
            ({"distractors": -1}, "'distractors': Input should be greater than or equal to 0"),
            ({"distractors": True}, "'distractors': Input should be a valid integer, not True"),
            ({"hidden": 1.5}, "'hidden': Input should be less than or equal to 1, not 1.5"),
            ({"hidden": "high"}, "'hidden': Input should be a valid number, not 'high'"),
            ({"hidden": True}, "'hidden': Input should be a valid number, not True"),
            ({"hidden": float("nan")}, "'hidden': Input should be"),
            ({"hiden": 0.5}, "no option 'hiden'; did you mean 'hidden'?"),
            ({"spilt": "train"}, "did you mean 'split'?"),
            ({"colour": "red"}, "there are: dialect, distractors, hidden"),
            ({"split": "test"}, "'split': Input should be 'train', 'valid_seen' or 'valid_unseen'"),
            ({"split": None}, "'split': Input should be 'train', 'valid_seen' or 'valid_unseen'"),
        ],
    )
    def test_bad_options(self, change: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=f"^the generator.*{re.escape(message)}"):
            GeneratorOptions.parse(change)

    @pytest.mark.parametrize("kinds", [KINDS[5], [KINDS[5]], f"{KINDS[5]}, {KINDS[0]}"])
    def test_kinds_as_text_or_list(self, kinds: Any) -> None:
        assert GeneratorOptions(kinds=kinds).kinds in {KINDS[5:], (KINDS[5], KINDS[0])}

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"count": 0, "seed": 0}, "count must be an integer of at least 1, not 0"),
            ({"count": 2.5, "seed": 0}, "count must be an integer"),
            ({"count": True, "seed": 0}, "count must be an integer"),
            ({"count": 1, "seed": -1}, "seed must be an integer of at least 0, not -1"),
            ({"count": 1, "seed": "1"}, "seed must be an integer"),
        ],
    )
    def test_bad_arguments_write_nothing(
        self, tmp_path: Path, arguments: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            write_games(tmp_path, **arguments)
        assert not list(tmp_path.iterdir())


class TestSoundness:
    @settings(max_examples=60)
    @given(
        seed=st.integers(0, 2**64),
        index=st.integers(0, 10**6),
        options=options_strategy,
    )
    def test_any_game_is_sound(self, seed: int, index: int, options: GeneratorOptions) -> None:
        self.check(generate_game(seed, index, options))

    def test_a_hundred_games_are_sound(self) -> None:
        lengths = Counter(self.check(generate_game(11, index)) for index in range(102))
        assert min(lengths) >= MIN_PLAN_STEPS

    def check(self, game: GeneratedGame) -> int:
        """Check one game; return the length of its plan, which the planner has proved."""
        problem = read_problem(game.problem)
        assert not is_satisfied(problem.goal, frozenset(problem.init), problem.objects_by_type())
        homes = Counter(thing for thing, _ in facts(problem, "inReceptacle"))
        assert set(homes.values()) == {1}
        assert not facts(problem, "opened")
        locations = {fact[0]: fact[1] for fact in facts(problem, "receptacleAtLocation")}
        assert set(locations) == {name for name, _ in facts(problem, "receptacleType")}
        ((_, start),) = facts(problem, "atLocation")
        assert start not in locations.values()
        goal = rules.load_goal(game.kind)
        names = {"obj": game.goal.target, "recep": game.goal.destination}
        names |= {"toggle": game.goal.lamp}
        lower = {key: value.lower() for key, value in names.items()}
        assert game.instruction in [form.format(**lower) for form in goal.instructions]
        assert len(game.walkthrough) == len(game.plan) >= MIN_PLAN_STEPS
        return len(game.plan)

    def test_unsolvable_draws_are_not_returned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(generate, "_plan", lambda _: ())
        with pytest.raises(generate.GenerationError, match="no pick_and_place_simple in 100"):
            generate_game(0, 0)

    def test_draws_that_the_engine_does_not_let_win_are_not_returned(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verdicts = iter([False, False, True])
        monkeypatch.setattr(generate, "is_won_by", lambda *_: next(verdicts))
        third = generate_game(0, 0)
        monkeypatch.undo()
        assert third.problem != generate_game(0, 0).problem

    def test_a_plan_must_win_at_its_end_and_not_before(self) -> None:
        game = generate_game(0, 0)
        data, plan = game.game_data(), game.walkthrough
        assert is_won_by(data, plan)
        assert is_won_by(data, ["look", *plan])
        assert not is_won_by(data, plan[:-1])
        assert not is_won_by(data, [*plan, "look"])
        assert not is_won_by(data, [])

    @pytest.mark.parametrize("name", ["", "1st", "a b", "a(b", "naïve", "a\nb"])
    def test_names_that_pddl_cannot_hold(self, name: str) -> None:
        with pytest.raises(ValueError, match="cannot be written"):
            mangle(name)


class TestWriting:
    def test_layout(self, tmp_path: Path) -> None:
        paths = write_games(tmp_path, 6, 1, GeneratorOptions(split="valid_unseen"))
        assert all(path.is_file() and path.name == "game.tw-pddl" for path in paths)
        for path in paths:
            metadata = json.loads((path.parent / "traj_data.json").read_text())
            parameters = metadata["pddl_params"]
            end = parameters["parent_target"] or parameters["toggle_target"]
            kind, target, number = (
                metadata["task_type"],
                parameters["object_target"],
                metadata["scene"]["scene_num"],
            )
            assert path.parents[1].name == f"{kind}-{target}-None-{end}-{number}"
            assert path.parent.name == metadata["task_id"]
            assert path.parents[2] == tmp_path / "json_2.1.1" / "valid_unseen"
        assert (tmp_path / "logic" / "alfred.pddl").read_text() == rules.load_domain("move")
        assert (tmp_path / "logic" / "alfred.twl2").read_text() == rules.load_grammar("move")
        assert {path.name for path in tmp_path.iterdir()} == {"json_2.1.1", "logic"}

    def test_writing_again_changes_nothing_and_mends_damage(self, tmp_path: Path) -> None:
        paths = write_games(tmp_path, 3, seed=1)
        before = files_below(tmp_path)
        times = [path.stat().st_mtime_ns for path in paths]
        paths[1].write_text("{")
        paths[2].with_name("traj_data.json").unlink()
        assert write_games(tmp_path, 3, seed=1) == paths
        assert files_below(tmp_path) == before
        assert paths[0].stat().st_mtime_ns == times[0]

    def test_other_files_stay(self, tmp_path: Path) -> None:
        note = tmp_path / "logic" / "note.txt"
        note.parent.mkdir()
        note.write_text("mine")
        write_games(tmp_path, 1, seed=1)
        assert note.read_text() == "mine"

    def test_errors_meant_for_the_user(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(DataError, match=r"cannot write .*file.*Not a directory"):
            write_games(file, 1, 0)
        with pytest.raises(ConfigError, match="count must be an integer of at least 1"):
            write_games(tmp_path, 0, 0)
        with pytest.raises(ConfigError, match="did you mean 'hidden'"):
            Alfworld.generate(tmp_path, 1, 0, hidde=1)

    def test_a_missing_package_is_the_users_to_mend(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*_: object) -> None:
            raise ModuleNotFoundError("pip install alfworld")

        monkeypatch.setattr(generate, "generate_game", missing)
        with pytest.raises(ConfigError, match="pip install alfworld"):
            write_games(tmp_path, 1, 0)

    def test_a_full_disk_leaves_no_half_written_game(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = iter(range(100))

        def fsync(_: int) -> None:
            if next(calls) == 3:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(DataError, match=r"cannot write .*trial_G1_000001.*No space"):
            write_games(tmp_path, 3, seed=1)
        names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
        assert sorted(names) == ["game.tw-pddl", "traj_data.json"]
        monkeypatch.undo()
        assert len(write_games(tmp_path, 3, seed=1)) == 3


class TestPackage:
    def test_unknown_floor_plan(self) -> None:
        with pytest.raises(ValueError, match="no floor plan 31"):
            rules.load_floor_plan(31)

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
        with pytest.raises(ModuleNotFoundError, match=r"pip install .*\[alfworld\]"):
            rules.package_folder()

    @pytest.mark.parametrize("text", ["", "(:action help", "(:action help\n(:action help\n"])
    def test_a_changed_domain_is_noticed(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setattr(rules, "_read", lambda _: text)
        with pytest.raises(UnsupportedAlfworldError, match="alfworld's text"):
            rules.load_domain.__wrapped__("put")

    @pytest.mark.parametrize(
        "change", [('"You move the', '"You shove the'), ("move {o} to {r}", "shove {o} to {r}")]
    )
    def test_a_changed_grammar_is_noticed(
        self, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str]
    ) -> None:
        text = rules.load_grammar("move").replace(*change)
        monkeypatch.setattr(rules, "_read", lambda _: text)
        with pytest.raises(UnsupportedAlfworldError, match="times, but does 0 times"):
            rules.load_grammar.__wrapped__("put")


@needs_official
class TestAgainstOfficialGames:
    def test_put_dialect_is_the_official_one(self) -> None:
        assert rules.load_domain("put") == (SHARED / "logic" / "alfred.pddl").read_text()
        assert rules.load_grammar("put") == (SHARED / "logic" / "alfred.twl2").read_text()

    def test_same_keys_types_and_goal_text(self) -> None:
        made = generate_game(0, 0, GeneratorOptions(dialect="put"))
        data, metadata = made.game_data(), made.metadata()
        for official in official_games():
            record = official.pop("metadata")
            assert official.keys() == data.keys()
            assert record.keys() == metadata.keys()
            assert record["scene"].keys() == metadata["scene"].keys()
            assert record["pddl_params"].keys() == metadata["pddl_params"].keys()
            assert without_sink(official["pddl_domain"]) == without_sink(data["pddl_domain"])
            problem, ours = (read_problem(text["pddl_problem"]) for text in (official, data))
            for kind in ("otype", "rtype"):
                assert set(problem.objects_by_type()[kind]) == set(ours.objects_by_type()[kind])
            goal = rules.load_goal(record["task_type"]).pddl.format(
                obj=record["pddl_params"]["object_target"],
                recep=record["pddl_params"]["parent_target"],
                toggle=record["pddl_params"]["toggle_target"],
            )
            assert official["pddl_problem"].rstrip().endswith(goal.strip())

    def test_official_containment_follows_the_rules(self) -> None:
        contents = {
            (f"{outer}Type".lower(), f"{inner}Type".lower())
            for outer, inners in rules.load_rules().contents.items()
            for inner in inners
        }
        for official in official_games():
            assert set(facts(read_problem(official["pddl_problem"]), "canContain")) <= contents


class TestStockAlfworld:
    """These take about two seconds a game."""

    @pytest.fixture
    def stock(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
        monkeypatch.setattr(sys, "argv", sys.argv[:1])
        return pytest.importorskip("alfworld.agents.environment.alfred_tw_env")

    def play(self, stock: Any, path: Path, walkthrough: list[str]) -> None:
        import textworld
        from textworld.envs import PddlEnv

        request = textworld.EnvInfos(won=True, admissible_commands=True)
        env = stock.AlfredDemangler(PddlEnv(request), shuffle=False)
        try:
            env.load(str(path))
            state = env.reset()
            assert "You are in the middle of a room" in state.feedback
            for command in walkthrough:
                assert not state["won"]
                assert command in state["admissible_commands"]
                state, _, done = env.step(command)
            assert state["won"]
            assert done
        finally:
            env.close()

    def check(
        self, stock: Any, tmp_path: Path, dialect: Dialect, split: Split, count: int, seed: int
    ) -> None:
        options = GeneratorOptions(dialect=dialect, split=split)
        paths = write_games(tmp_path, count, seed, options)
        for index, path in enumerate(paths):
            game = generate_game(seed, index, options)
            assert (
                f"Your task is to: {game.instruction}." in json.loads(path.read_text())["grammar"]
            )
            self.play(stock, path, game.walkthrough)

    def test_plan_wins_in_the_move_dialect(self, stock: Any, tmp_path: Path) -> None:
        self.check(stock, tmp_path, "move", "train", 2, seed=0)

    def test_plan_wins_in_the_put_dialect(self, stock: Any, tmp_path: Path) -> None:
        self.check(stock, tmp_path, "put", "valid_unseen", 2, seed=2)

    @pytest.mark.long
    @pytest.mark.parametrize("dialect", DIALECTS)
    @pytest.mark.parametrize("split", SPLITS)
    def test_plan_wins_in_many_games(
        self, stock: Any, tmp_path: Path, dialect: Dialect, split: Split
    ) -> None:
        self.check(stock, tmp_path, dialect, split, 18, seed=21)

    def test_stock_collects_every_game(self, stock: Any, tmp_path: Path) -> None:
        paths = write_games(tmp_path, 12, seed=0)
        config = {
            "env": {"goal_desc_human_anns_prob": 0, "task_types": [1, 2, 3, 4, 5, 6]},
            "dataset": {"data_path": str(tmp_path / "json_2.1.1" / "train"), "num_train_games": -1},
        }
        env = stock.AlfredTWEnv(config, train_eval="train")
        assert sorted(env.game_files) == sorted(str(path) for path in paths)
