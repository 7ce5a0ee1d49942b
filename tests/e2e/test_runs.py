"""Runs that are stopped, resumed, moved or changed, as a user does it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

COMMAND = [sys.executable, "-m", "embodied"]

HALL = '''
import time

from embodied.policies.expert import ExpertStep
from embodied.testing import Corridor, CorridorRobot


class Hall(Corridor):
    """A corridor of one cell with one task; who goes left never comes back."""

    default_controller = None

    def __init__(self):
        super().__init__(length=1)

    @classmethod
    def list_tasks(cls, split=None):
        return super().list_tasks(split)[:1]

    def step(self, command):
        if command == "go left":
            time.sleep(3600)
        return super().step(command)


def hanging(observation):
    yield ExpertStep("I hang.", 'print(go("left"))')


def solving(observation):
    yield ExpertStep("I open it.", "print(take_key(), open_door())")
'''

POINTS = """
[embodied.environments]
hall = hall:Hall
[embodied.controllers]
hanging = hall:CorridorRobot
solving = hall:CorridorRobot
[embodied.experts]
hanging = hall:hanging
solving = hall:solving
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The variables of a user who has installed a plugin of their own."""
    plugins = tmp_path / "plugins"
    (plugins / "hall-1.dist-info").mkdir(parents=True)
    (plugins / "hall.py").write_text(HALL)
    (plugins / "hall-1.dist-info" / "METADATA").write_text("Name: hall\nVersion: 1\n")
    (plugins / "hall-1.dist-info" / "entry_points.txt").write_text(POINTS)
    path = os.pathsep.join([str(plugins), os.environ.get("PYTHONPATH", "")])
    known = {name: value for name, value in os.environ.items() if name != "ALFWORLD_DATA"}
    return {**known, "PYTHONPATH": path, "HOME": str(tmp_path), "COLUMNS": "120"}


class User:
    """Types commands in a folder."""

    def __init__(self, cwd: Path, variables: dict[str, str]) -> None:
        self.cwd = cwd
        self.variables = variables

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.cwd,
            env=self.variables,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def types(self, *words: str, code: int = 0, typed: str = "", seconds: float = 120) -> str:
        """What a command says on both streams."""
        process = self.start(*words)
        said = "".join(process.communicate(typed, timeout=seconds))
        assert process.returncode == code, said
        assert "Traceback" not in said
        return said


@pytest.fixture
def user(tmp_path: Path, variables: dict[str, str]) -> User:
    return User(tmp_path, variables)


HALL_RUN = ("run", "--env", "hall", "--protocol.controller", "solving", "--out", "runs/hall")
LOCAL = ("--runner.kind", "local")


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while process.poll() is None and not path.exists():
        time.sleep(0.05)


def test_an_environment_without_a_controller_of_its_own(user: User) -> None:
    said = user.types("run", "--env", "hall", *LOCAL, code=2)
    assert "--protocol.controller" in said


def test_an_option_that_the_environment_does_not_know(user: User) -> None:
    assert "'bogus'" in user.types("tasks", "hall", "--environment.options.bogus", "1", code=2)


def test_a_thread_that_hangs_does_not_keep_the_process(user: User) -> None:
    settings = ("--runner.episode_seconds", "1", "--runner.retries", "1")
    words = ("run", "--env", "hall", "--protocol.controller", "hanging", *settings, *LOCAL)
    said = user.types(*words, code=3, seconds=30)
    assert "no end after 1 s" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_hanging_run_is_interrupted(user: User, number: signal.Signals) -> None:
    words = ("run", "--env", "hall", "--protocol.controller", "hanging", "--out", "first", *LOCAL)
    process = user.start(*words)
    wait_for(user.cwd / "first" / "index.jsonl", process)
    time.sleep(1)
    process.send_signal(number)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130, said
    assert "finish the run with: embodied resume first" in said


def test_a_person_plays_from_a_pipe(user: User) -> None:
    words = (*HALL_RUN, "--policy", "human", *LOCAL)
    said = user.types(*words, typed="print(take_key(), open_door())\n\n")
    assert "There is a key." in said
    assert "The door opens." in said
    assert "The episode has ended: success." in said


def test_a_pipe_without_a_person_scores_nothing(user: User) -> None:
    assert "nobody to ask" in user.types(*HALL_RUN, "--policy", "human", *LOCAL, code=2)
    assert not (user.cwd / "runs" / "hall" / "index.jsonl").read_text()


def test_a_prompt_is_interrupted_at_once(user: User) -> None:
    process = user.start(*HALL_RUN, "--policy", "human", *LOCAL)
    assert process.stdout is not None
    while "an empty line alone gives up" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130


def test_a_resumed_run_may_be_played_elsewhere_only(user: User) -> None:
    user.types(*HALL_RUN, *LOCAL)
    resume = ("resume", "runs/hall")
    said = user.types(*resume, "--protocol.limits.turns", "3", code=2)
    assert "protocol.limits.turns cannot be changed" in said
    assert "0 episodes" in user.types(*resume, "--runner.workers", "3")
    assert stored(user)["runner"]["workers"] == 3


def stored(user: User) -> dict[str, dict[str, object]]:
    config = yaml.safe_load((user.cwd / "runs" / "hall" / "config.yaml").read_text())
    assert isinstance(config, dict)
    return config


def change(user: User, **settings: object) -> None:
    """What somebody else may have written to a run that is resumed here."""
    path = user.cwd / "runs" / "hall" / "config.yaml"
    path.write_text(yaml.safe_dump({**stored(user), **settings}))


def test_a_finished_run_needs_neither_ray_nor_a_server(user: User) -> None:
    user.types(*HALL_RUN, *LOCAL)
    change(user, runner={"kind": "ray", "ray_address": "127.0.0.1:1"})
    started = time.monotonic()
    assert "0 episodes" in user.types("resume", "runs/hall")
    assert time.monotonic() - started < 20


def test_a_stored_configuration_cannot_do_as_it_likes(user: User) -> None:
    user.types(*HALL_RUN, *LOCAL)
    llm = {"model": "m", "base_url": "http://127.0.0.1:1/v1", "api_key_environment": "HOME"}
    change(user, llm=llm, policy={"name": "llm"})
    said = user.types("resume", "runs/hall", code=2)
    assert "would send the variable HOME to http://127.0.0.1:1/v1" in said
    name = ("--llm.api_key_environment", "HOME")
    change(user, llm=llm, policy={"name": "llm"}, generate={"out": "made"})
    assert "another protocol" in user.types("resume", "runs/hall", *name, code=2)
    assert not (user.cwd / "made").exists()


def test_a_run_is_resumed_from_another_folder(user: User) -> None:
    words = ("run", "--split", "train", "--policy", "oracle", *LOCAL, "--out", "first")
    made = ("--generate.out", "made", "--generate.count", "2", "--environment.options.data", "made")
    user.types(*words, *made)
    config = yaml.safe_load((user.cwd / "first" / "config.yaml").read_text())
    for path in (
        config["out"],
        config["generate"]["out"],
        config["environment"]["options"]["data"],
    ):
        assert Path(path).is_absolute()
    assert config["protocol"]["controller"] == "household"
    (user.cwd / "first" / "index.jsonl").unlink()
    next((user.cwd / "first" / "episodes").iterdir()).write_text("")
    elsewhere = User(user.cwd / "plugins", user.variables)
    assert "2 episodes" in elsewhere.types("resume", str(user.cwd / "first"))


def test_a_folder_of_generated_tasks_is_for_one_set_of_them(user: User) -> None:
    words = ("run", "--split", "train", "--policy", "oracle", *LOCAL)
    made = ("--generate.out", "made", "--environment.options.data", "made")
    two = ("--generate.count", "2")
    user.types(*words, *made, *two, "--out", "first")
    before = sorted(user.cwd.glob("made/**/*"))
    said = user.types(*words, *made, "--generate.count", "1", "--out", "second", code=2)
    assert "count was 2 and now is 1" in said
    assert "--generate.out" in said
    said = user.types(*words, *made, *two, "--generate.seed", "1", "--out", "first", code=2)
    assert "seed was 0 and now is 1" in said
    assert sorted(user.cwd.glob("made/**/*")) == before
    assert "0 episodes" in user.types(*words, *made, *two, "--out", "first")
    (user.cwd / "made" / "generated.yaml").unlink()
    assert "no generated.yaml" in user.types(*words, *made, *two, "--out", "second", code=2)


def test_options_of_a_generator_that_are_wrong_leave_the_folder_free(user: User) -> None:
    words = ("run", "--split", "train", "--generate.out", "made", "--generate.options.color", "red")
    assert "color" in user.types(*words, *LOCAL, code=2)
    assert list((user.cwd / "made").iterdir()) == []


def test_a_pool_that_is_terminated_says_how_to_go_on(user: User) -> None:
    words = ("run", "--env", "hall", "--protocol.controller", "hanging", "--out", "first")
    process = user.start(*words, "--runner.workers", "1")
    worker = wait_for_worker(process)
    assert worker, process.communicate()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    output, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "interrupted; finish the run with: embodied resume first"
    assert "SIGTERM" not in said
    assert not output


def test_the_death_of_a_worker_does_not_spoil_the_report(user: User) -> None:
    words = ("run", "--env", "hall", "--protocol.controller", "hanging", "--json", "--out", "first")
    process = user.start(*words, "--runner.workers", "1", "--runner.retries", "0")
    worker = wait_for_worker(process)
    assert worker, process.communicate()
    time.sleep(1)
    worker.kill()
    output, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert json.loads(output)["infrastructure_errors"] == 1
    assert "raylet" not in output + said


def wait_for_worker(driver: subprocess.Popen[str]) -> psutil.Process | None:
    """The worker that plays an episode, once there is one. Ray names it after its last call."""
    until, started = time.monotonic() + 60, False
    while driver.poll() is None and time.monotonic() < until:
        for process in psutil.Process(driver.pid).children(recursive=True):
            try:
                [title, *_] = process.cmdline() or [""]
            except psutil.Error:
                continue
            if title == "ray::RayWorker.start":
                started = True
            elif started and title.startswith("ray::RayWorker"):
                return process
        time.sleep(0.05)
    driver.kill()
    return None
