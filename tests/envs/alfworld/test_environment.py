"""The environment over both backends: options, what steps tell, snapshots, fallback, bad files."""

from __future__ import annotations

import json
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from embodied_envs.alfworld import index
from embodied_envs.alfworld.environment import Alfworld
from embodied_envs.alfworld.game_file import MAX_BYTES
from embodied_envs.alfworld.generate import GeneratorOptions, generate_game, write_games
from embodied_envs.alfworld.index import GameEntry
from embodied_envs.alfworld.rules import DIALECTS

import embodied
from embodied import Task
from embodied.errors import ConfigError, DataError

BACKENDS = ("native", "textworld")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_games(folder, 6, 3, GeneratorOptions(dialect="put"))
    return folder


@pytest.fixture
def task(data: Path) -> Task:
    return Alfworld.list_tasks("train", data=data)[0]


@pytest.fixture(scope="module")
def texts() -> dict[str, Any]:
    """Return what a game file holds."""
    return dict(generate_game(5, 0, GeneratorOptions(receptacles=8, distractors=3)).game_data())


Written = Callable[[object], tuple[Path, Task]]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write one game file; returns its data folder and its task."""

    def write(content: object) -> tuple[Path, Task]:
        path = tmp_path / "json_2.1.1" / "train" / "task-1" / "trial-1" / "game.tw-pddl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        task = Task(
            environment="alfworld", id="task-1/trial-1", split="train", kind="k", instruction=""
        )
        return tmp_path, task

    return write


def test_capabilities_follow_the_backend(data: Path) -> None:
    native, stock = Alfworld(data=data), Alfworld(backend="textworld", data=data)
    assert native.capabilities.snapshot
    assert native.capabilities.max_per_process is None
    assert not stock.capabilities.snapshot
    assert stock.capabilities.max_per_process == 1
    for environment in (native, stock):
        assert environment.capabilities.valid_commands
        assert environment.capabilities.plan
    assert Alfworld.default_controller == "household"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_plan_succeeds(backend: str, data: Path, task: Task) -> None:
    env = embodied.make_environment("alfworld", backend=backend, data=data)
    env.reset(task)
    results = [env.step(command) for command in env.plan()]
    assert [result.success for result in results] == [False] * (len(results) - 1) + [True]
    assert results[-1].terminated and results[-1].reward == 1.0
    env.close()
    env.close()


def test_progress_is_that_of_its_step(data: Path, task: Task) -> None:
    env = Alfworld(data=data)
    env.reset(task)
    first = env.step("dance")
    results = [env.step(command) for command in env.plan()]
    assert not all(first.info["progress"].values())
    assert all(results[-1].info["progress"].values())
    assert list(results[-1].info) == ["success", "progress"]
    assert pickle.loads(pickle.dumps(results[-1].info)) == dict(results[-1].info)
    assert all("_bar_" not in condition for condition in first.info["progress"])
    with pytest.raises(KeyError):
        first.info["other"]


def test_snapshots_serve_any_environment_of_the_task(data: Path, task: Task) -> None:
    one, other = Alfworld(data=data), Alfworld(data=data)
    one.reset(task)
    other.reset(task)
    plan = one.plan()
    for command in plan[:-1]:
        one.step(command)
    other.restore(one.snapshot())
    assert other.step(plan[-1]).success
    assert not one.step("look").success
    with pytest.raises(NotImplementedError):
        Alfworld(backend="textworld", data=data).snapshot()


def test_refusals_are_explained_when_asked(data: Path, task: Task) -> None:
    silent, telling = Alfworld(data=data), Alfworld(data=data, explain_refusals=True)
    for env in (silent, telling):
        env.reset(task)
    closed = next(
        command.removeprefix("go to ")
        for command in telling.valid_commands()
        if command.startswith("go to ") and _is_closed(telling, command)
    )
    telling.reset(task)
    place = next(c for c in telling.valid_commands() if c.startswith("go to ") and closed not in c)
    place = place.removeprefix("go to ")

    def told(command: str) -> str:
        assert silent.step(command).observation.text == "Nothing happens."
        return telling.step(command).observation.text.removeprefix("Nothing happens. ")

    def both(command: str) -> None:
        assert silent.step(command).observation == telling.step(command).observation

    assert told(f"open {closed}") == f"You are not at the {closed}."
    assert told(f"take unicorn 9 from {place}") == "There is no unicorn 9 here."
    assert told("dance") == "The game knows no such command."
    both(f"go to {closed}")
    assert told(f"go to {closed}") == "It would change nothing."
    thing = _portable(telling)
    assert told(f"put {thing} in/on {closed}") in (
        f"The {closed} is closed.",
        "It does not belong there.",
    )
    both(f"open {closed}")
    assert told(f"open {closed}") == f"The {closed} is already open."
    with pytest.raises(ConfigError):
        Alfworld(backend="textworld", data=data, explain_refusals=True)


def _is_closed(env: Alfworld, command: str) -> bool:
    return "is closed" in env.step(command).observation.text


def _portable(env: Alfworld) -> str:
    plan = env.plan()
    return next(c for c in plan if c.startswith("take ")).removeprefix("take ").split(" from ")[0]


def test_unknown_options_are_refused(data: Path) -> None:
    for call in (Alfworld.list_tasks, Alfworld.data_version):
        with pytest.raises(ConfigError, match=r"'dta'.*'data'"):
            call("train", dta=str(data))
    with pytest.raises(ConfigError):
        embodied.make_environment("alfworld", dta=str(data))
    with pytest.raises(ConfigError, match=r"'backend': .*'native' or 'textworld', not 'jax'"):
        embodied.make_environment("alfworld", backend="jax", data=data)


@pytest.fixture
def holes(data: Path, tmp_path: Path) -> Path:
    """A data folder with six trials, one of which can be played."""
    shutil.copytree(data, tmp_path / "holes")
    files = sorted((tmp_path / "holes").rglob("game.tw-pddl"))
    game = json.loads(files[0].read_text())
    unmarked = {key: value for key, value in game.items() if key != "solvable"}
    files[0].unlink()
    files[1].write_text(files[1].read_text()[:1000])
    files[2].write_text(json.dumps(game | {"solvable": False}))
    files[3].write_text(json.dumps(unmarked))
    files[4].write_bytes(b"[" * 200_000)
    (tmp_path / "holes" / "json_2.1.1" / "train" / "task" / ".cache").mkdir(parents=True)
    return tmp_path / "holes"


def test_trials_that_cannot_be_played_are_counted_and_named(
    holes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = holes / "json_2.1.1" / "train"
    ids = sorted(str(path.relative_to(folder)) for path in folder.glob("*/trial*"))
    for _ in range(2):  # read, then from the cache
        caplog.clear()
        listed = [task.id for task in Alfworld.list_tasks("train", data=holes)]
        assert listed == [ids[1], ids[4], ids[5]]
        (said,) = caplog.messages
        assert said == (
            f"5 of 6 trials in {folder} cannot be played: "
            f"1 without game.tw-pddl, left out ({ids[0]}); "
            f"1 marked as unsolvable, left out ({ids[2]}); "
            f"1 without the mark `solvable`, left out ({ids[3]}); "
            f"2 cut or damaged, listed all the same ({ids[1]}, {ids[4]})"
        )
    assert Alfworld.data_version("train", data=holes)["games"] == "3"


def test_a_note_names_the_first_of_many(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(2000):
        (tmp_path / "json_2.1.1" / "train" / "task" / f"trial_{number:04}").mkdir(parents=True)
    assert Alfworld.list_tasks("train", data=tmp_path) == []
    (said,) = caplog.messages
    assert "2,000 of 2,000 trials" in said
    assert "(task/trial_0000, task/trial_0001, task/trial_0002, and 1,997 more)" in said


def test_whole_folders_need_no_note(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(Alfworld.list_tasks("train", data=data)) == 6
    assert caplog.messages == []


def test_doctor_is_told_what_cannot_be_played(
    holes: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALFWORLD_DATA", str(holes))
    games, train = Alfworld.requirements()
    assert (games.found, games.problem) == (f"{holes}: train", None)
    assert (train.name, train.problem) == ("train", None)
    assert train.found.startswith("5 of 6 trials in ")
    monkeypatch.setattr(index, "_DEFAULT", holes)
    monkeypatch.delenv("ALFWORLD_DATA")
    games, train = Alfworld.requirements()
    assert (games.name, train.name) == (str(holes), "train")
    monkeypatch.setenv("ALFWORLD_DATA", str(data))
    (games,) = Alfworld.requirements()
    assert games.found == f"{data}: train"
    monkeypatch.setattr(index, "_DEFAULT", holes / "nowhere")
    monkeypatch.delenv("ALFWORLD_DATA")
    assert Alfworld.requirements() == []


def test_data_version_names_what_scores_depend_on(data: Path) -> None:
    native = Alfworld.data_version("train", data=data)
    stock = Alfworld.data_version("train", data=data, backend="textworld")
    assert native["backend"] == "native"
    assert native["engine"]
    assert "textworld" not in native
    assert stock["textworld"]
    assert native["sha256"] == stock["sha256"]
    assert native["games"] == "6"


def test_generate_takes_one_kind_and_explains_a_bad_folder(tmp_path: Path) -> None:
    (path,) = Alfworld.generate(tmp_path / "ok", 1, 0, kinds="pick_two_obj_and_place")
    assert path.parents[1].name.startswith("pick_two_obj_and_place")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(DataError, match="cannot write"):
        Alfworld.generate(file, 1, 0)


def test_linked_folders_can_be_played(data: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked" / "json_2.1.1"
    linked.mkdir(parents=True)
    (linked / "train").symlink_to(data / "json_2.1.1" / "train")
    folder = tmp_path / "linked"
    task = Alfworld.list_tasks("train", data=folder)[0]
    assert "Your task is to" in Alfworld(data=folder).reset(task).text


@pytest.mark.parametrize(
    "id_", ["../../x", "..", "a/..", "/etc/passwd", "a/b/c", "a//b", "", "a\0/b"]
)
def test_task_ids_lead_nowhere_else(id_: str, data: Path) -> None:
    task = Task(environment="alfworld", id=id_ or "x", split="train", kind="k", instruction="")
    with pytest.raises(DataError):
        Alfworld(data=data).reset(task)


def test_what_the_engine_does_not_know_goes_to_textworld(
    written: Written, texts: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("textworld")
    before, _, after = texts["pddl_domain"].rpartition("(isSliced ?co)")
    effect = "(forall (?x - object) (isSliced ?x))"
    folder, task = written(texts | {"pddl_domain": before + effect + after})
    env = Alfworld(data=folder)
    with pytest.warns(RuntimeWarning, match=r"TextWorld plays .*an effect \(forall") as warned:
        observation = env.reset(task)
    assert sum("TextWorld plays" in str(warning.message) for warning in warned) == 1
    assert sum("TextWorld plays" in message for message in caplog.messages) == 1
    assert "Your task is to" in observation.text
    assert list(env.step("look").info) == ["success"]
    with pytest.raises(DataError, match="cannot be copied"):
        env.snapshot()
    env.close()


def test_what_textworld_does_not_know_either_is_a_data_error(
    written: Written, texts: dict[str, Any]
) -> None:
    pytest.importorskip("textworld")
    before, _, after = texts["pddl_domain"].rpartition("(isSliced ?co)")
    folder, task = written(texts | {"pddl_domain": before + "(opened ?co ?co)" + after})
    with pytest.warns(RuntimeWarning), pytest.raises(DataError, match="wrong arity"):
        Alfworld(data=folder).reset(task)


def hostile_files(texts: dict[str, Any]) -> dict[str, object]:
    grammar, problem, domain = (texts[k] for k in ("grammar", "pddl_problem", "pddl_domain"))
    task = grammar[grammar.index("Your task is to") :].partition('"')[0]
    many = " ".join(f"?x{number}" for number in range(12))
    return {
        "not json": b"\xff\xfe",
        "empty": b"",
        "a list": [1, 2],
        "nested": b"[" * 200_000,
        "large": b" " * (MAX_BYTES + 1),
        "numbers": texts | {"grammar": 1},
        "no problem": {"grammar": grammar, "pddl_domain": domain},
        "endless rule": texts | {"grammar": grammar.replace(task, "#task#")},
        "doubling rules": texts | {"grammar": grammar.replace(task, "#d0#").replace(
            '"task": [', _doubling(40) + '"task": [')},
        "deep problem": texts | {"pddl_problem": "(" * 100_000},
        "deep goal": texts | {"pddl_problem": problem.replace("(:goal", "(:goal " + "(not " * 500)},
        "binary problem": texts | {"pddl_problem": "\x00\x01"},
        "eval": texts | {"grammar": grammar.replace(task, "{__import__('os').abort()}")},
        "many operators": texts | {"pddl_domain": domain.rstrip().removesuffix(")")
            + f"(:action look :parameters (?a - agent {many})"
            " :precondition () :effect (checked ?a)))"},
    }  # fmt: skip


def _doubling(depth: int) -> str:
    rules = [f'"d{i}": [{{"rhs": "#d{i + 1}##d{i + 1}#"}}],' for i in range(depth)]
    return "".join(rules) + f'"d{depth}": [{{"rhs": "x"}}],'


@pytest.mark.filterwarnings("ignore:TextWorld plays")
@pytest.mark.parametrize("backend", BACKENDS)
def test_hostile_files_are_data_errors_in_bounded_time(
    backend: Any, written: Written, texts: dict[str, Any]
) -> None:
    if backend == "textworld":
        pytest.importorskip("textworld")
    for name, content in hostile_files(texts).items():
        folder, task = written(content)
        env = Alfworld(backend=backend, data=folder)
        start = time.process_time()
        try:
            env.reset(task)
            env.step("look")
        except DataError:
            pass
        else:
            pytest.fail(f"{name} was played")
        assert time.process_time() - start < 10, name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_templates_tell_the_dialect(dialect: Any, tmp_path: Path) -> None:
    write_games(tmp_path, 1, 0, GeneratorOptions(dialect=dialect))
    env = Alfworld(data=tmp_path)
    env.reset(Alfworld.list_tasks("train", data=tmp_path)[0])
    assert ("move {o} to {r}" in env.command_templates()) == (dialect == "move")


def test_games_of_one_floor_plan_are_of_one_scene(alfworld_data: Path) -> None:
    tasks = Alfworld.list_tasks("valid_unseen", data=alfworld_data)
    assert {task.group for task in tasks} == {f"FloorPlan{n}" for n in (10, 219, 308, 424)}
    assert tasks[0].id.startswith("look_at_obj_in_light-AlarmClock-None-DeskLamp-308/")
    assert tasks[0].group == "FloorPlan308"


@pytest.mark.parametrize("name", ["task-1x/t", "mine/t", "look-/t"])
def test_a_game_whose_name_ends_in_no_number_has_no_scene(name: str) -> None:
    entry = GameEntry(id=name, size=0, changed=0, sha256="", instruction="", problem=None)
    assert entry.floor_plan is None
