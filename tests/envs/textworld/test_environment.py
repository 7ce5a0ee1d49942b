"""The environment: what its texts, its end and its plan are, and what it keeps from the story."""

from __future__ import annotations

import pickle
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import textworld
from embodied_envs.textworld.environment import TextWorld
from embodied_envs.textworld.story import MAX_NOTES_BYTES, MAX_STORY_BYTES

import embodied
from embodied.environment import StepResult
from embodied.errors import ConfigError, DataError
from embodied.task import Task

pytestmark = pytest.mark.filterwarnings("ignore::jericho.UnsupportedGameWarning")

KINDS = ("coin_collector", "cooking", "custom", "simple", "treasure_hunter")
NONSENSE = ("", "fly", "take all", "take", "open", "score", "go up", "examine me", "wait", "again")

Walk = Iterator[tuple[str, StepResult]]


def task_of(environment: TextWorld, games: Path, kind: str) -> Task:
    return next(task for task in TextWorld.list_tasks(data=games) if task.kind == kind)


def random_walk(environment: TextWorld, seed: int, steps: int) -> Walk:
    """Send valid commands and nonsense, up to the end of the game."""
    choices = random.Random(seed)
    for number in range(steps):
        valid = environment.valid_commands()
        if not valid:
            return
        command = choices.choice(valid if number % 3 else NONSENSE)
        yield command, environment.step(command)


def test_tasks_are_stable_and_small(games: Path) -> None:
    tasks = embodied.list_tasks("textworld", data=games)
    assert [task.kind for task in tasks] == list(KINDS)
    assert tasks[1].id == "cooking-0-0001"
    assert "delicious meal" in tasks[1].instruction
    assert [task.group for task in tasks] == [task.id for task in tasks]
    assert (
        pickle.loads(pickle.dumps(tasks)) == tasks == embodied.list_tasks("textworld", data=games)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_plan_wins(environment: TextWorld, games: Path, kind: str) -> None:
    environment.reset(task_of(environment, games, kind))
    results = [environment.step(command) for command in environment.plan()]
    assert [result.success for result in results] == [False] * (len(results) - 1) + [True]
    assert [result.terminated for result in results] == [result.success for result in results]
    assert sum(result.reward for result in results) == results[-1].info["score"] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_random_walks_are_those_of_textworld(
    environment: TextWorld, games: Path, kind: str
) -> None:
    task = task_of(environment, games, kind)
    own = textworld.start(
        str(games / f"{task.id}.z8"), textworld.EnvInfos(won=True, lost=True, score=True)
    )
    for seed in range(2):
        state = own.reset()
        assert environment.reset(task, seed).text == state.feedback
        for command, result in random_walk(environment, seed, 40):
            state, score, done = own.step(command)
            assert result.observation.text == state.feedback, command
            assert (result.success, result.info["lost"]) == (state.won, state.lost)
            assert (result.info["score"], result.terminated) == (score, done)
    own.close()


@pytest.mark.parametrize("kind", KINDS)
def test_valid_commands_are_those_of_textworld(
    environment: TextWorld, games: Path, kind: str
) -> None:
    task = task_of(environment, games, kind)
    own = textworld.start(
        str(games / f"{task.id}.z8"), textworld.EnvInfos(admissible_commands=True)
    )
    state = own.reset()
    environment.reset(task)
    assert environment.valid_commands() == state.admissible_commands
    for command, result in random_walk(environment, 5, 25):
        state, _, _ = own.step(command)
        if not result.terminated:
            assert environment.valid_commands() == state.admissible_commands
    own.close()


_THREADS = """
import sys, threading
from pathlib import Path
from embodied_envs.textworld.valid_commands import ValidCommands

def follow(story):
    start.wait()
    found[story.stem] = ValidCommands(story).after([])

stories = sorted(Path(sys.argv[1]).glob("*.z8"))
found, start = {}, threading.Barrier(len(stories))
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=follow, args=[story]) for story in stories]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for story in stories:
    assert found[story.stem] == ValidCommands(story).after([]), story
"""


def test_threads_can_ask_for_valid_commands_at_a_time(games: Path) -> None:
    """In a process of their own, since TextWorld keeps what it has read."""
    subprocess.run([sys.executable, "-c", _THREADS, str(games)], check=True, timeout=120)


def test_the_same_seed_gives_the_same_episode(environment: TextWorld, games: Path) -> None:
    task = task_of(environment, games, "cooking")
    episodes = []
    for _ in range(2):
        texts = [environment.reset(task, 7).text]
        texts += [result.observation.text for _, result in random_walk(environment, 7, 30)]
        episodes.append(texts)
    assert episodes[0] == episodes[1]


def test_a_lost_game_has_ended_without_success(environment: TextWorld, games: Path) -> None:
    task = task_of(environment, games, "cooking")
    environment.reset(task)
    needed = [c.removeprefix("take ").split(" from")[0] for c in environment.plan() if "take" in c]
    needed += [c.split(" with")[0].partition(" ")[2] for c in environment.plan() if " with" in c]
    for command in environment.plan():
        eaten = [environment.step(f"eat {name}") for name in needed]
        if eaten[-1].terminated:
            break
        environment.step(command)
    assert eaten[-1].terminated and eaten[-1].info["lost"]
    assert not eaten[-1].success and not eaten[-1].truncated


def test_after_the_end_nothing_changes(environment: TextWorld, games: Path) -> None:
    task = task_of(environment, games, "coin_collector")
    first = environment.reset(task)
    last = [environment.step(command) for command in environment.plan()][-1]
    again = environment.step("look")
    assert again.terminated and again.success and again.reward == 0
    assert again.observation == last.observation
    assert environment.valid_commands() == []
    assert environment.reset(task) == first


def test_closing_twice_and_playing_on(environment: TextWorld, games: Path) -> None:
    task = task_of(environment, games, "simple")
    first = environment.reset(task)
    environment.close()
    environment.close()
    with pytest.raises(RuntimeError, match="reset first"):
        environment.step("look")
    assert environment.reset(task) == first


@pytest.mark.parametrize(
    "command",
    [
        *("save", "SAVE", "restore", "restart", "quit", "q", "undo", "transcript", "transcripts"),
        *("script", "look then save", "look. save", "look, save", "oops save", "\\help", "\\x"),
        *("enable print state option", "tw-trace-actions", "x" * 300, "\u00e9", "look\0"),
    ],
)
def test_what_is_no_part_of_the_game_does_not_reach_the_story(
    environment: TextWorld,
    games: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    task = task_of(environment, games, "simple")
    environment.reset(task)
    before = environment.step("look")
    refused = environment.step(command)
    assert "Welcome" not in refused.observation.text and len(refused.observation.text) < 200
    assert not refused.terminated and not refused.success
    moved = int(before.observation.text.rpartition("/")[2])
    assert environment.step("look").observation.text.endswith(f"/{moved + 1}")
    assert not list(tmp_path.iterdir())


def test_line_breaks_are_spaces(environment: TextWorld, games: Path) -> None:
    task = task_of(environment, games, "simple")
    environment.reset(task)
    assert "You carry" not in environment.step("inventory\n").observation.text
    environment.reset(task)
    text = environment.step(" open \n chest   drawer ").observation.text
    assert "You open the chest drawer" in text


def test_nothing_is_left_behind(
    games: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment, process = TextWorld(data=games), psutil.Process()
    tasks = TextWorld.list_tasks(data=games)
    files, threads = process.num_fds(), threading.active_count()
    for task in tasks:
        environment.reset(task)
        environment.valid_commands()
    environment.close()
    assert not list(tmp_path.iterdir())
    assert process.num_fds() <= files and threading.active_count() <= threads


def test_a_process_keeps_no_story_that_it_has_played(games: Path) -> None:
    environment = TextWorld(data=games)
    tasks = TextWorld.list_tasks(data=games)
    for task in tasks:
        environment.reset(task)
    assert len(environment._game._player._jericho._cache) == 1


# --- folders of a user ----------------------------------------------------------------------------


@pytest.fixture
def users(games: Path, tmp_path: Path) -> Path:
    """Make a user's folder, with one game beside two splits."""
    for name, folder in (
        ("simple-0-0000", "."),
        ("custom-0-0004", "train"),
        ("cooking-0-0001", "test"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        for ending in (".z8", ".json"):
            shutil.copy(games / f"{name}{ending}", tmp_path / folder)
    return tmp_path


def test_folders_are_splits(users: Path) -> None:
    def ids(split: str | None) -> list[str]:
        return [task.id for task in TextWorld.list_tasks(split, data=users)]

    assert (
        ids(None) == ids("all") == ["simple-0-0000", "test/cooking-0-0001", "train/custom-0-0004"]
    )
    assert ids("train") == ["train/custom-0-0004"]
    with pytest.raises(ConfigError, match="there are: all, test, train"):
        ids("dev")
    environment = TextWorld(data=users)
    environment.reset(TextWorld.list_tasks("train", data=users)[0])
    assert environment.step(environment.plan()[0]).info["score"] == 0


def test_a_story_without_notes_can_be_won(users: Path) -> None:
    walkthrough = solution(users)
    (users / "simple-0-0000.json").unlink()
    task = TextWorld.list_tasks(data=users)[0]
    assert (task.kind, task.instruction) == ("story", "")
    environment = TextWorld(data=users)
    environment.reset(task)
    for ask in (environment.plan, environment.valid_commands):
        with pytest.raises(DataError, match=r"there is no simple-0-0000\.json beside"):
            ask()
    assert [environment.step(command) for command in walkthrough][-1].success


def solution(users: Path) -> list[str]:
    environment = TextWorld(data=users)
    environment.reset(TextWorld.list_tasks(data=users)[0])
    return environment.plan()


def test_stories_that_cannot_be_played_are_counted_and_named(
    users: Path, caplog: pytest.LogCaptureFixture
) -> None:
    TextWorld.list_tasks(data=users)
    (users / "simple-0-0000.ulx").write_bytes(b"Glul")  # beside a story that can be played
    TextWorld.list_tasks(data=users)
    assert caplog.messages == []
    (users / "train" / "old.ulx").write_bytes(b"Glul")
    cut = users / "test" / "cooking-0-0001.z8"
    cut.write_bytes(_cut(cut.read_bytes()))
    assert len(TextWorld.list_tasks(data=users)) == 3
    assert len(TextWorld.list_tasks("train", data=users)) == 1
    assert caplog.messages == [
        f"2 of 4 stories in {users} cannot be played: 1 in .ulx (Glulx), left out (train/old); "
        "1 damaged, listed all the same (test/cooking-0-0001)",
        f"1 of 2 stories in {users} cannot be played: 1 in .ulx (Glulx), left out (train/old)",
    ]


def test_the_version_follows_the_stories(users: Path) -> None:
    before = TextWorld.data_version(data=users)
    assert before["games"] == "3" and before["textworld"].startswith("1.")
    assert TextWorld.data_version(data=users) == before
    shutil.copy(users / "train" / "custom-0-0004.z8", users / "more.z8")
    assert TextWorld.data_version(data=users)["sha256"] != before["sha256"]


def test_options(games: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a folder of games"):
        embodied.list_tasks("textworld")
    with pytest.raises(ConfigError, match="no option 'date'; did you mean 'data'"):
        embodied.list_tasks("textworld", date=games)
    with pytest.raises(DataError, match="there is no folder"):
        embodied.make_environment("textworld", data=tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no game"):
        embodied.list_tasks("textworld", data=tmp_path)
    (tmp_path / "old.ulx").write_bytes(b"Glul")
    with pytest.raises(DataError, match="which TextWorld plays no more"):
        embodied.list_tasks("textworld", data=tmp_path)
    assert TextWorld.resolve_options(data=games) == {"data": str(games.resolve())}


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _changed(content: bytes) -> bytes:
    return content[:9000] + bytes([content[9000] ^ 1]) + content[9001:]


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _changed,
        lambda content: b"",
        lambda content: b"\x05" + content[1:],
        lambda content: bytes(400_000),
        lambda content: content + bytes(MAX_STORY_BYTES),
        lambda content: random.Random(0).randbytes(len(content)),
    ],
)
def test_damaged_stories_are_data_errors(users: Path, damage: Callable[[bytes], bytes]) -> None:
    story = users / "simple-0-0000.z8"
    story.write_bytes(damage(story.read_bytes()))
    environment = TextWorld(data=users)
    tasks = TextWorld.list_tasks(data=users)
    with pytest.raises(DataError, match="simple-0-0000"):
        environment.reset(tasks[0])
    assert environment.reset(tasks[1]).text


@pytest.mark.parametrize(
    "notes",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"metadata": {"walkthrough": [1]}, "objective": ""}',
        b'{"metadata": {"walkthrough": ["look"]}}',
        b'"' + b"x" * MAX_NOTES_BYTES + b'"',
    ],
)
def test_damaged_notes_are_data_errors(users: Path, notes: bytes) -> None:
    (users / "simple-0-0000.json").write_bytes(notes)
    task = TextWorld.list_tasks(data=users)[0]
    assert task.kind == "story"
    environment = TextWorld(data=users)
    environment.reset(task)
    for ask in (environment.plan, environment.valid_commands):
        with pytest.raises(DataError):
            ask()


def test_notes_that_only_look_like_some(users: Path) -> None:
    (users / "simple-0-0000.json").write_text('{"metadata": {}, "objective": null}')
    environment = TextWorld(data=users)
    environment.reset(TextWorld.list_tasks(data=users)[0])
    with pytest.raises(DataError, match="no walkthrough"):
        environment.plan()
    with pytest.raises(DataError, match="cannot follow a game"):
        environment.valid_commands()


@pytest.mark.parametrize(
    "task_id", ["../x", "train/../simple-0-0000", "/etc/passwd", "", "no", "a/b/c"]
)
def test_task_ids_lead_nowhere_else(users: Path, task_id: str) -> None:
    task = Task(environment="textworld", id=task_id, split="all", kind="", instruction="")
    with pytest.raises(DataError, match="there is no game"):
        TextWorld(data=users).reset(task)


def test_links_out_of_the_folder_and_odd_names(users: Path, games: Path) -> None:
    link = users / "link.z8"
    link.symlink_to(games / "simple-0-0000.z8")
    with pytest.raises(DataError, match="no link out"):
        TextWorld.list_tasks(data=users)
    link.unlink()
    (users / "a\nb.z8").write_bytes(b"")
    with pytest.raises(DataError, match="rename"):
        TextWorld.list_tasks(data=users)


def test_stories_of_other_makers(tmp_path: Path) -> None:
    """Chance follows the seed; TextWorld has no goal test for them."""
    from textworld.generator.inform7.world2inform7 import compile_inform7_game

    source = (
        '"Mini" by "Nobody"\n\nThe Hall is a room. The coin is in the Hall. '
        'After taking the coin: end the story finally saying "You have won".\n'
        'Every turn: say "[one of]squeak[or]hiss[or]rustle[purely at random]."\n'
    )
    compile_inform7_game(source, str(tmp_path / "mini.z8"))
    environment = TextWorld(data=tmp_path)
    [task] = TextWorld.list_tasks(data=tmp_path)

    def sounds(seed: int) -> list[Any]:
        environment.reset(task, seed)
        return [environment.step("wait").observation.text for _ in range(8)]

    assert sounds(0) == sounds(0)
    assert len({tuple(sounds(seed)) for seed in range(5)}) > 1
    last = environment.step("take coin")
    assert "You have won" in last.observation.text
    assert not last.success
