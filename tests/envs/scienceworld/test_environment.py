"""The adapter: tasks, texts, scores, mistakes, and that nothing but commands changes an episode."""

from __future__ import annotations

from pathlib import Path

import pytest

import embodied
from embodied import Environment
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import controller_class
from embodied.testing import check_environment
from tests.envs.scienceworld.conftest import variation

SIZES = {"train": 3592, "dev": 1796, "test": 1819}
CHANCE = variation("find-animal", 230)
"""A task in which animals wander about, by the simulator's random numbers."""


@pytest.mark.usefixtures("java")
def test_keeps_the_rules_of_environments() -> None:
    check_environment("scienceworld", task="lifespan-longest-lived/variation-100")


@pytest.mark.usefixtures("java")
@pytest.mark.parametrize("split", [pytest.param("dev", marks=pytest.mark.long), "test"])
def test_a_split_has_its_official_variations(split: str) -> None:
    tasks = embodied.list_tasks("scienceworld", split)
    assert len(tasks) == SIZES[split]
    assert len({task.kind for task in tasks}) == 30
    assert tasks[0].id == {"dev": "boil/variation-14", "test": "boil/variation-21"}[split]
    assert tasks[0].instruction.startswith("Your task is to boil ")


@pytest.mark.long
@pytest.mark.usefixtures("java")
def test_the_splits_share_no_variation() -> None:
    ids = [task.id for split in SIZES for task in embodied.list_tasks("scienceworld", split)]
    assert len(ids) == len(set(ids)) == 7207


@pytest.mark.long
def test_instructions_are_what_the_episode_says(science: Environment) -> None:
    """But for the order in which some tasks of inclined planes name the two of them."""
    for task in embodied.list_tasks("scienceworld")[::20]:
        text = science.reset(task).text.partition("\n")[0]
        if task.kind.startswith("inclined-plane"):
            assert sorted(text) == sorted(task.instruction)
        else:
            assert text == task.instruction


def test_the_first_text_says_the_task_and_what_is_seen(science: Environment) -> None:
    text = science.reset(variation("boil", 21)).text
    assert text.startswith("Your task is to boil lead.")
    assert "\n\nThis room is called the bathroom." in text


def test_rewards_add_up_to_the_score(science: Environment) -> None:
    science.reset(variation("power-component", 15))
    results = [science.step(command) for command in science.plan()]
    assert sum(result.reward for result in results) == results[-1].info["score"] == 100
    first_end = next(result for result in results if result.terminated)
    assert first_end.success and first_end.info["score"] == 100
    assert not any(result.success for result in results[: results.index(first_end)])


def test_a_wrong_focus_ends_the_episode_with_less_than_nothing(science: Environment) -> None:
    science.reset(variation("boil", 21))
    result = science.step("focus on toilet")
    assert (result.info["score"], result.reward) == (-100, -100.0)
    assert result.terminated and not result.success
    after = science.step("look around")
    assert after.terminated and not after.success


@pytest.mark.parametrize("command", ["sing", "", "\ud800", "open \x00", "look\naround\t" * 20_000])
def test_what_is_no_command_is_answered(science: Environment, command: str) -> None:
    science.reset(variation("boil", 21))
    result = science.step(command)
    assert result.observation.text == "No known action matches that input."
    assert not result.terminated


def test_an_ambiguous_command_is_answered_by_a_number(science: Environment) -> None:
    science.reset(variation("test-conductivity", 700))
    science.step("teleport to workshop")
    asked = science.step("look at terminal 1").observation.text
    assert asked.startswith("Ambiguous request: Please enter the number")
    assert science.valid_commands()[:2] == ["0", "1"]
    assert not science.step("0").observation.text.startswith("ERROR")
    assert science.step("look around").observation.text.startswith("This room is called")
    science.step("look at terminal 1")
    assert not science.step("look around").observation.text.startswith("This room is called")
    assert science.step("look around").observation.text.startswith("This room is called")


def test_asking_changes_nothing(science: Environment) -> None:
    science.reset(CHANCE)
    plan = science.plan()
    quiet = [science.step(command).observation.text for command in plan]
    science.reset(CHANCE)
    asked = []
    for number, command in enumerate(plan):
        science.valid_commands()
        if number == len(plan) // 2:
            assert science.plan() == plan
        asked.append(science.step(command).observation.text)
    assert asked == quiet


def test_an_episode_is_the_same_after_others(science: Environment) -> None:
    """Here the simulator goes through sets of objects, with effects that differ otherwise."""
    task = variation("inclined-plane-determine-angle", 130)
    science.reset(task)
    plan = science.plan()
    first = [science.step(command).observation.text for command in plan]
    science.reset(variation("boil", 21))
    science.reset(task)
    assert science.plan() == plan
    assert [science.step(command).observation.text for command in plan] == first


def test_valid_commands_are_sorted_and_understood(science: Environment) -> None:
    science.reset(variation("boil", 21))
    valid = science.valid_commands()
    assert valid == sorted(set(valid)) and "go to kitchen" in valid and "wait1" in valid
    unknown = "No known action matches that input."
    assert science.step(valid[0]).observation.text != unknown


def test_without_simplifications_doors_are_closed_and_nothing_teleports() -> None:
    pytest.importorskip(
        "scienceworld", reason="needs: pip install 'embodied-codeact[scienceworld]'"
    )
    environment = embodied.make_environment("scienceworld", simplifications="")
    text = environment.reset(variation("boil", 21)).text
    assert "door to the kitchen (that is closed)" in text
    assert "teleport OBJ" not in environment.command_templates()
    environment.close()


@pytest.mark.parametrize(
    "id", ["boil/variation-30", "fly/variation-0", "boil", "boil/variation--1"]
)
def test_a_variation_that_does_not_exist_is_a_data_error(science: Environment, id: str) -> None:
    task = variation("boil", 0).model_copy(update={"id": id})
    with pytest.raises(DataError, match=id):
        science.reset(task)


def test_a_call_before_the_first_reset_is_refused() -> None:
    pytest.importorskip(
        "scienceworld", reason="needs: pip install 'embodied-codeact[scienceworld]'"
    )
    environment = embodied.make_environment("scienceworld")
    with pytest.raises(RuntimeError, match="reset first"):
        environment.step("look around")


@pytest.mark.parametrize("given", ["hard", "easy,openDoors", "openDoors, openContainers"])
def test_a_wrong_simplification_names_the_right_ones(given: str) -> None:
    with pytest.raises(ConfigError, match="no simplification"):
        embodied.make_environment("scienceworld", simplifications=given)


def test_electrical_tasks_need_electrical_actions() -> None:
    environment = embodied.make_environment("scienceworld", simplifications="noElectricalAction")
    with pytest.raises(ConfigError, match="leave it out"):
        environment.reset(variation("power-component", 15))


def test_a_missing_java_is_said_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ConfigError, match="apt-get install default-jre-headless"):
        embodied.make_environment("scienceworld")
    with pytest.raises(ConfigError, match="apt-get install default-jre-headless"):
        embodied.list_tasks("scienceworld", "train")


def test_the_data_version_names_the_jar() -> None:
    from embodied.plugins.registry import environment_class

    version = environment_class("scienceworld").data_version("test")
    assert set(version) == {"scienceworld", "sha256"}


@pytest.mark.parametrize(
    ("kind", "number", "command"),
    [
        (
            "chemistry-mix-paint-secondary-color",
            27,
            "pour cup containing red paint in art studio into cup containing nothing",
        ),
        (
            "chemistry-mix-paint-tertiary-color",
            27,
            "pour cup containing red paint into cup containing violet paint",
        ),
        ("chemistry-mix-paint-tertiary-color", 35, "pour jug into jug"),
    ],
)
def test_gold_paths_have_the_words_of_the_robot(
    kind: str, number: int, command: str, science: Environment
) -> None:
    science.reset(variation(kind, number))
    plan = science.plan()
    assert command in plan
    assert all(controller_class("laboratory").command_call(each) for each in plan)
