"""BabyAI's levels as an environment: tasks, words, ends, plans, snapshots."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("minigrid", reason="pip install 'embodied-codeact[babyai]'")

from embodied_envs.babyai.environment import COMMANDS, BabyAI
from embodied_envs.babyai.levels import STANDARD, LevelSeed, all_levels, make
from embodied_envs.babyai.view import describe

import embodied
from embodied import Task
from embodied.errors import ConfigError, DataError

EASY = ("GoToObj-v0", "PickupLoc-v0", "PutNextLocal-v0", "BlockedUnlockPickup-v0")


def task(level: str, seed: int) -> Task:
    found = BabyAI.list_tasks("all", levels=level, first_seed=seed, episodes_per_level=1)
    return found[0]


def walk(seed: int, steps: int) -> list[str]:
    return random.Random(seed).choices(COMMANDS, weights=(2, 2, 6, 2, 1, 2, 1), k=steps)


def test_tasks_have_stable_ids_and_the_mission() -> None:
    tasks = embodied.list_tasks("babyai")
    assert len(tasks) == 200
    assert {t.kind for t in tasks} == set(STANDARD)
    by_id = {t.id: t for t in tasks}
    assert by_id["GoToLocal-v0/seed-3"].instruction == "go to the red key"
    assert by_id["GoToLocal-v0/seed-3"].seed == 3
    assert tasks == embodied.list_tasks("babyai", split="standard")


def test_all_levels_can_be_chosen() -> None:
    tasks = embodied.list_tasks("babyai", split="all", episodes_per_level=1)
    assert len({t.kind for t in tasks}) == len(tasks) == len(all_levels()) >= 96
    chosen = embodied.list_tasks(
        "babyai", levels="BabyAI-GoTo-v0, Open-v0", first_seed=5, episodes_per_level=2
    )
    assert [t.id for t in chosen] == [
        "GoTo-v0/seed-5",
        "GoTo-v0/seed-6",
        "Open-v0/seed-5",
        "Open-v0/seed-6",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "train"}, "there are: standard, all"),
        ({"levels": "GoToo-v0"}, "did you mean 'GoTo-v0'"),
        ({"levels": ["KeyInBox-v0"]}, "--split all"),
        (
            {"episodes_per_level": 0},
            "'episodes_per_level': .* greater than or equal to 1, not 0",
        ),
        ({"first_seed": -1}, "'first_seed': .* greater than or equal to 0, not -1"),
        ({"episodes_per_level": 10**9}, "no more than"),
        ({"level": "GoTo-v0"}, "did you mean 'levels'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        embodied.list_tasks("babyai", **options)


def test_data_version_follows_what_is_played() -> None:
    one = BabyAI.data_version(levels="GoTo-v0", episodes_per_level=2)
    assert one == BabyAI.data_version(levels=["GoTo-v0"], episodes_per_level=2)
    assert one["minigrid"] and one["tasks"] == "2"
    other = BabyAI.data_version(levels="GoTo-v0", episodes_per_level=2, first_seed=1)
    assert one["sha256"] != other["sha256"]


def test_a_seed_gives_the_same_level_in_every_process() -> None:
    code = (
        "from embodied_envs.babyai.environment import BabyAI;"
        "print(BabyAI.data_version('all', episodes_per_level=1)['sha256'])"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1
    assert len(hashes.pop().split()) == 1


def test_it_plays_as_minigrid_does(capsys: pytest.CaptureFixture[str]) -> None:
    import gymnasium

    env = BabyAI()
    for number, level in enumerate(all_levels()):
        original = gymnasium.make(f"BabyAI-{level}").unwrapped
        original.reset(seed=number)
        env.reset(task(level, number))
        for command in walk(number, 25):
            _, reward, terminated, truncated, _ = original.step(COMMANDS.index(command))
            result = env.step(command)
            assert result.reward == reward
            assert (result.terminated, result.truncated) == (terminated, truncated)
            assert result.success == (terminated and reward > 0)
            assert describe(original) in result.observation.text
            if terminated or truncated:
                break
    assert "rejected" not in capsys.readouterr().out.lower()


def test_the_same_seed_is_the_same_episode_whatever_came_before() -> None:
    one, other = BabyAI(), BabyAI()
    first, second = task("BossLevel-v0", 1), task("BossLevel-v0", 2)
    one.reset(second)
    for command in walk(0, 30):
        one.step(command)
    assert one.reset(first) == other.reset(first)
    third = BabyAI()
    third.reset(second)
    for command in walk(1, 60):
        assert one.step(command) == other.step(command)
        third.step(command)
    assert one.reset(first, seed=2) == other.reset(second)


@pytest.mark.parametrize("level", EASY)
def test_a_plan_succeeds_and_leaves_the_level_alone(level: str) -> None:
    env = BabyAI()
    env.reset(task(level, 0))
    results = [env.step(command) for command in env.plan()]
    assert [r.success for r in results] == [False] * (len(results) - 1) + [True]
    assert results[-1].terminated and 0 < results[-1].reward <= 1
    assert "The mission is accomplished." in results[-1].observation.text


def test_a_level_that_the_bot_cannot_solve_is_a_data_error() -> None:
    env = BabyAI()
    env.reset(task("KeyInBox-v0", 0))
    with pytest.raises(DataError, match="KeyInBox-v0/seed-0: BabyAIBot cannot solve"):
        env.plan()
    env.reset(task("UnlockToUnlock-v0", 4))
    with pytest.raises(DataError, match="the same subgoals for ever"):
        env.plan()


def test_a_level_that_begins_with_a_thing_in_hand_has_a_plan() -> None:
    env = BabyAI()
    assert "carrying a " in env.reset(task("PutNextS5N2Carrying-v0", 0)).text
    assert [env.step(command) for command in env.plan()][-1].success


def test_the_levels_own_bound_truncates() -> None:
    env = BabyAI()
    assert "Steps: at most 16." in env.reset(task("GoToObjS4-v0", 0)).text
    results = [env.step("drop") for _ in range(16)]
    assert not results[-2].truncated
    last = results[-1]
    assert last.truncated and not last.terminated and not last.success
    assert last.observation.text.endswith("The steps are used up.")
    again = env.step("forward")
    assert (again.observation, again.reward, again.truncated) == (last.observation, 0.0, True)


def test_a_failed_mission_ends_without_success() -> None:
    env = BabyAI()
    failed = 0
    for seed in range(10):
        env.reset(task("OpenDoorsOrderN4Debug-v0", seed))
        try:
            env.plan()
        except DataError:
            env.reset(task("OpenDoorsOrderN4Debug-v0", seed))
            result = _until_the_end(env, seed)
            failed += result.terminated and not result.success
    assert failed


def _until_the_end(env: BabyAI, seed: int) -> Any:
    for command in walk(seed, 720):
        result = env.step(command)
        if result.terminated or result.truncated:
            break
    return result


def test_success_stays_after_the_end_and_reward_is_given_once() -> None:
    env = BabyAI()
    env.reset(task("GoToObj-v0", 0))
    results = [env.step(command) for command in [*env.plan(), "turn left"]]
    assert results[-1].success and results[-1].reward == 0.0
    assert not env.step("nonsense").observation.text.startswith("There is no")


def test_an_unknown_command_takes_no_step() -> None:
    env, other = BabyAI(), BabyAI()
    for each in (env, other):
        each.reset(task("GoToObj-v0", 0))
    text = env.step("dance").observation.text
    assert text == f"There is no such command; there are: {', '.join(COMMANDS)}."
    assert env.snapshot() == other.snapshot()


def test_every_command_says_what_happened() -> None:
    env = BabyAI()
    env.reset(task("UnlockPickup-v0", 1))
    told = [env.step(c).observation.text.splitlines()[0] for c in ("pick up", "drop", "toggle")]
    assert told == [
        "You picked up nothing: nothing is in front of you.",
        "You dropped nothing: you carry nothing.",
        "You toggled nothing: nothing is in front of you.",
    ]
    told = [env.step(c).observation.text.splitlines()[0] for c in env.plan()]
    assert told[-1] == "You picked up the purple box."
    for sentence in ("You turned right.", "You moved forward.", "You picked up the yellow key."):
        assert sentence in told
    assert "You opened the locked yellow door." in told
    assert "You dropped the yellow key." in told


def test_locked_doors_and_walls_are_explained() -> None:
    env = BabyAI()
    env.reset(task("UnlockPickup-v0", 1))
    for command in ("forward", "turn left", "toggle", "forward", "pick up", "drop"):
        text = env.step(command).observation.text
        if command == "toggle":
            assert "is locked; only who carries the yellow key opens it." in text
        if command == "forward":
            blocked = text
    assert blocked.startswith("You did not move: the locked yellow door is in the way.")


def test_a_snapshot_serves_any_environment_of_the_task() -> None:
    one, other = BabyAI(), BabyAI()
    problem = task("UnlockPickup-v0", 1)
    one.reset(problem)
    other.reset(problem)
    plan = one.plan()
    for command in plan[:-1]:
        one.step(command)
    state = one.snapshot()
    assert one.step(plan[-1]).success
    other.restore(state)
    assert other.step(plan[-1]).success
    one.restore(state)
    assert one.step(plan[-1]).success


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"x" * 10**6,
        b'{"level": "GoToObj-v0", "seed": 0, "actions": [9]}',
        b'{"level": "GoToObj-v0", "seed": 1, "actions": []}',
    ],
)
def test_wrong_snapshots_are_refused(content: bytes) -> None:
    env = BabyAI()
    env.reset(task("GoToObj-v0", 0))
    with pytest.raises(DataError):
        env.restore(content)
    assert env.step("turn left").observation.text.startswith("You turned left.")


@pytest.mark.parametrize(
    "id_", ["", "GoTo-v0", "GoTo-v0/seed--1", "../x/seed-1", "GoToo-v0/seed-1"]
)
def test_task_ids_that_name_no_level_are_data_errors(id_: str) -> None:
    wrong = Task(environment="babyai", id=id_, split="all", kind="k", instruction="")
    with pytest.raises(DataError):
        BabyAI().reset(wrong)


def test_closing_twice_and_going_on() -> None:
    env = BabyAI()
    env.close()
    env.reset(task("GoToObj-v0", 0))
    env.close()
    env.close()
    with pytest.raises(RuntimeError, match="reset"):
        env.step("forward")
    env.reset(task("GoToObj-v0", 0))
    assert env.step("turn right").observation.text.startswith("You turned right.")


def test_every_level_is_drawn_as_minigrid_draws_it() -> None:
    import gymnasium

    for name in all_levels():
        for seed in (3, 4, 3):
            original = gymnasium.make(f"BabyAI-{name}").unwrapped
            original.reset(seed=seed)
            level = make(LevelSeed(name, seed))
            assert level.hash(64) == original.hash(64)
            assert (level.mission, level.max_steps) == (original.mission, original.max_steps)
