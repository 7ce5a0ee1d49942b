"""robosuite's tasks, played on the real simulator."""

import importlib.util
import logging
from pathlib import Path

import pytest
from embodied_envs.robosuite import installation
from embodied_envs.robosuite.tasks import INSTRUCTIONS

from embodied.environment import Environment
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import list_tasks, make_environment
from embodied.task import Task
from embodied.testing import check_controller, check_environment

SOLUTION = (
    "move_to 0.019 -0.03 0.94 39",
    "move_to 0.019 -0.03 0.82",
    "close_gripper",
    "move_to 0.019 -0.03 0.92",
)
"""Solves Lift/seed-0."""


def played(environment: Environment, task: Task, seed: int | None = None) -> list[str]:
    """Return the texts of the first commands of the solution."""
    texts = [environment.reset(task, seed).text]
    return texts + [environment.step(command).observation.text for command in SOLUTION[:2]]


def test_the_rules_of_environments_are_kept() -> None:
    if importlib.util.find_spec("robosuite") is None:
        pytest.skip("pip install 'embodied-codeact[robosuite]'")
    check_environment("robosuite", task="Lift/seed-0", solution=SOLUTION)


def test_the_rules_of_controllers_are_kept() -> None:
    if importlib.util.find_spec("robosuite") is None:
        pytest.skip("pip install 'embodied-codeact[robosuite]'")
    check_controller("franka", "robosuite", task="Lift/seed-0", solution=SOLUTION)


def test_every_split_has_its_own_seeds_of_every_kind() -> None:
    seeds = {}
    for split, count in (("test", 20), ("valid", 20), ("train", 1000)):
        tasks = list_tasks("robosuite", split)
        assert {task.kind for task in tasks} == set(INSTRUCTIONS)
        assert len(tasks) == count * len(INSTRUCTIONS)
        assert all(task.id == f"{task.kind}/seed-{task.seed}" for task in tasks)
        seeds[split] = {task.seed for task in tasks}
    assert not seeds["test"] & seeds["valid"] | seeds["test"] & seeds["train"]


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind in ("Lift", "Wipe") else pytest.mark.long)
        for kind in INSTRUCTIONS
    ],
)
def test_an_episode_depends_on_nothing_but_its_task_and_seed(
    environment: Environment, kind: str, lift: Task
) -> None:
    task = lift.model_copy(update={"id": f"{kind}/seed-7", "kind": kind, "seed": 7})
    first = played(environment, task)
    assert INSTRUCTIONS[kind] in first[0]
    environment.reset(lift)
    environment.step("close_gripper")
    assert played(environment, task) == first
    assert played(environment, task, seed=8) != first


def test_a_command_says_where_it_ended(environment: Environment, lift: Task) -> None:
    environment.reset(lift)
    reached = environment.step("move_to 0 0 1 0").observation.text
    assert reached.startswith("The gripper reached the target.\n")
    assert "gripper: position" in reached
    blocked = environment.step("move_to 0.3 0.3 0.7").observation.text
    assert "m from the target and" in blocked
    assert "something is in its way, or it cannot reach farther." in blocked


def test_what_is_no_command_moves_nothing(environment: Environment, lift: Task) -> None:
    environment.reset(lift)
    before = environment.step("wait")
    after = environment.step("jump")
    assert after.observation.text.startswith("There is no such command. Commands are: move_to")
    assert after.info["control_steps"] == before.info["control_steps"]


def test_the_goal_ends_an_episode_with_the_reward_of_the_simulator(
    environment: Environment, lift: Task
) -> None:
    environment.reset(lift)
    results = [environment.step(command) for command in SOLUTION]
    assert [result.success for result in results] == [False, False, False, True]
    assert [result.reward for result in results] == [0.0, 0.0, 0.0, 1.0]
    assert results[-1].terminated
    again = environment.step("wait")
    assert again.success
    assert again.info["control_steps"] == results[-1].info["control_steps"]


def test_the_sponge_has_no_fingers(environment: Environment, lift: Task) -> None:
    text = environment.reset(lift.model_copy(update={"id": "Wipe/seed-1"})).text
    assert "dirt: 100 spots left" in text
    assert environment.step("close_gripper").observation.text.startswith("This arm has no fingers")


def test_other_ids_splits_and_options_are_refused(environment: Environment, lift: Task) -> None:
    with pytest.raises(DataError, match="KIND/seed-NUMBER"):
        environment.reset(lift.model_copy(update={"id": "Juggle/seed-1"}))
    with pytest.raises(ConfigError, match="no split 'tests'; did you mean 'test'"):
        list_tasks("robosuite", "tests")
    with pytest.raises(ConfigError, match="no option 'camera'; did you mean 'cameras'"):
        list_tasks("robosuite", camera="agentview")
    with pytest.raises(ConfigError, match="no camera 'agent'"):
        make_environment("robosuite", cameras="agent")


def test_nothing_is_printed_or_logged(
    environment: Environment, lift: Task, capfd: pytest.CaptureFixture[str]
) -> None:
    environment.reset(lift)
    environment.step("wait")
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("robosuite_logs").level == logging.ERROR


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(ConfigError, match=r"apt-get install libgl1 libglib2\.0-0") as raised:
        installation.check_installed(cameras=True)
    assert "apt-get install libegl1 libegl-mesa0" in str(raised.value)


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'embodied-codeact\[robosuite\]'"):
        installation.check_installed()


def test_the_folder_of_films_is_no_part_of_a_protocol(environment: Environment) -> None:
    options = type(environment).resolve_options(cameras="agentview", record="films")
    assert options == {"cameras": ["agentview"], "record": str(Path("films").absolute())}
    assert type(environment).location_options == {"record"}
