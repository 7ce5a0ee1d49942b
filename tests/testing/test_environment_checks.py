"""What the checks find in environments that break one rule each, and nothing in a good one."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embodied import (
    Attachment,
    Capabilities,
    ConfigError,
    Environment,
    EnvironmentOptions,
    Observation,
    StepResult,
    Task,
)
from embodied.testing import CheckFailed, Corridor, check_environment, corridor


def test_a_good_environment_passes() -> None:
    check_environment(Corridor)
    check_environment(Corridor, task="corridor-5", length=3)
    check_environment(f"{corridor.__file__}:Corridor", split="all", length=2)


def test_what_is_asked_for_must_exist() -> None:
    with pytest.raises(CheckFailed, match="no task has the id 'corridor-99'"):
        check_environment(Corridor, task="corridor-99")
    with pytest.raises(ConfigError):
        check_environment("no-such-environment")


class Unsure(Corridor):
    """Not the same twice."""

    count = itertools.count()

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return Observation(f"{super().reset(task, seed).text} {next(self.count)}")


class Raising(Corridor):
    def step(self, command: str) -> StepResult:
        if command not in ("go left", "go right", "take key", "open door"):
            raise KeyError(command)
        return super().step(command)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n", b"<svg/>"])
def test_pictures_can_be_read(data: bytes) -> None:
    class Blurred(Corridor):
        def step(self, command: str) -> StepResult:
            result = super().step(command)
            picture = Attachment("front", "image/png", data)
            return replace(result, observation=Observation("Here.", (picture,)))

    with pytest.raises(CheckFailed, match=r"reading 'front' of step\("):
        check_environment(Blurred)


class WonByTheLimit(Corridor):
    """Takes the end for the goal, as the code that the field copied does."""

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.steps = 0
        return super().reset(task, seed)

    def step(self, command: str) -> StepResult:
        self.steps += 1
        done = self.steps >= 30
        result = super().step(command)
        return replace(result, truncated=done, info={"success": result.success or done})


class WithoutSuccess(Corridor):
    def step(self, command: str) -> StepResult:
        return replace(super().step(command), info={})


class NumberAsTruth(Corridor):
    def step(self, command: str) -> StepResult:
        return replace(super().step(command), terminated=0)  # type: ignore[arg-type]


class MetricsWithoutNames(Corridor):
    def step(self, command: str) -> StepResult:
        result = super().step(command)
        return replace(result, info={**result.info, "metrics": [0.5]})


class BadPlan(Corridor):
    def plan(self) -> list[str]:
        return super().plan()[:-1]


class DirtyReset(Corridor):
    """Leaves the door open."""

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        opened = self._open
        observation = super().reset(task, seed)
        self._open = opened
        return observation


class BrokenAfterTheEnd(Corridor):
    def step(self, command: str) -> StepResult:
        if self._open:
            raise RuntimeError("reset me")
        return super().step(command)


class Unsorted(Corridor):
    def valid_commands(self) -> list[str]:
        return [*super().valid_commands(), "a last one"]


class BadSnapshot(Corridor):
    def restore(self, snapshot: bytes) -> None:
        pass


class ClosedTwice(Corridor):
    closed = False

    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


class Twins(Corridor):
    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return super().list_tasks(split, **options)[:1] * 2


class Shuffled(Corridor):
    numbers = itertools.count()

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return super().list_tasks(split, **options)[:: 1 if next(cls.numbers) % 2 else -1]


class AnySplit(Corridor):
    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        return super().list_tasks(None, **options)


class UncheckedOptions(Corridor):
    class Options(EnvironmentOptions):
        length: int = 6

    def __init__(self, **options: Any) -> None:
        super().__init__(self.Options.parse(options).length)


class LeavesThread(Corridor):
    def reset(self, task: Task, seed: int | None = None) -> Observation:
        waiting = threading.Thread(target=STOP.wait, daemon=True, name="a-thread-of-mine")
        waiting.start()
        return super().reset(task, seed)


class LeavesProcess(Corridor):
    children: list[subprocess.Popen[bytes]] = []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.children.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1))
        return super().reset(task, seed)


class LeavesFolder(Corridor):
    def reset(self, task: Task, seed: int | None = None) -> Observation:
        tempfile.mkdtemp(prefix="of-mine-")
        return super().reset(task, seed)


class LeavesFile(Corridor):
    files: list[Any] = []

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.files.append(Path(__file__).open())  # noqa: SIM115 - it is to be left open
        return super().reset(task, seed)


class Database(Corridor):
    """Opens something that is bound to its thread."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = sqlite3.connect(":memory:")

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        self.notes.execute("select 1")
        return super().reset(task, seed)

    def close(self) -> None:
        self.notes.close()


class BoundInAStep(Database):
    thread_safe = True

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        return Corridor.reset(self, task, seed)

    def step(self, command: str) -> StepResult:
        self.notes.execute("select 1")
        return super().step(command)


class BoundInAReset(Database):
    thread_safe = True


class MainThreadOnly(Corridor):
    def __init__(self) -> None:
        super().__init__()
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)


def test_what_is_bound_to_its_thread_passes_where_the_class_does_not_say_otherwise() -> None:
    check_environment(Database)


STOP = threading.Event()


@pytest.fixture(autouse=True)
def clean() -> Any:
    STOP.clear()
    yield
    STOP.set()
    for child in LeavesProcess.children:
        child.kill()
        child.communicate()
    for file in LeavesFile.files:
        file.close()
    LeavesProcess.children.clear()
    LeavesFile.files.clear()


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Unsure, "is the same episode"),
        (Raising, "answered with a text, not an error.*frobnicate.*raised KeyError"),
        (WonByTheLimit, "never a limit.*true after"),
        (WithoutSuccess, r"info\['success'\] is NoneType"),
        (NumberAsTruth, "the terminated is int 0"),
        (MetricsWithoutNames, r"maps names to numbers.*it is list \[0\.5\]"),
        (BadPlan, r"plan\(\) reaches the goal"),
        (DirtyReset, "is the same episode"),
        (BrokenAfterTheEnd, "raised RuntimeError: reset me"),
        (Unsorted, "sorted"),
        (BadSnapshot, "goes back to where it was taken"),
        (ClosedTwice, "may be called twice.*closed already|close.* raises nothing.*closed already"),
        (Twins, r"occur again: \['corridor-0'\]"),
        (Shuffled, "the same tasks in the same order"),
        (AnySplit, "no such split"),
        (UncheckedOptions, r"list_tasks\(no_such_option=1\) took it"),
        (BoundInAReset, r"any thread, one at a time.*reset\(\) raised ProgrammingError"),
        (BoundInAStep, r"any thread, one at a time.*step\(.*raised ProgrammingError"),
        (MainThreadOnly, r"not the main one.*signal only works in main thread"),
        (LeavesThread, "the thread a-thread-of-mine"),
        (LeavesProcess, r"the process \d+ \(python"),
        (LeavesFolder, "of-mine-.* in the temporary folder"),
        (LeavesFile, "the open file .*test_environment_checks.py"),
    ],
)
def test_a_broken_rule_is_named(
    kind: type[Environment], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embodied.testing.leaks._PATIENCE_SECONDS", 0.2)
    before = tempfile.gettempdir(), os.environ.get("TMPDIR")
    with pytest.raises(CheckFailed, match=f"(?s){said}") as failed:
        check_environment(kind)
    assert failed.value.rule.endswith(".")
    assert "What happened: " in str(failed.value)
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == before


HASHED = """
import embodied.testing

class Hashed(embodied.testing.Corridor):
    @classmethod
    def list_tasks(cls, split=None, **options):
        tasks = super().list_tasks(split, **options)
        return [tasks[int(n)] for n in {"0", "1", "2", "3", "4", "5", "6", "7"}]
"""


def test_tasks_in_the_order_of_a_set_are_found(tmp_path: Any) -> None:
    (tmp_path / "hashed.py").write_text(HASHED)
    with pytest.raises(CheckFailed, match="another process listed others"):
        check_environment(f"{tmp_path}/hashed.py:Hashed")


def test_a_solution_is_given_where_there_is_no_plan() -> None:
    class Planless(Corridor):
        capabilities = Capabilities()

    plan = ["take key", *["go right"] * 2, "open door"]
    check_environment(Planless)
    check_environment(Planless, solution=plan)
    with pytest.raises(CheckFailed, match="the solution reaches the goal"):
        check_environment(Planless, solution=plan[:1])
