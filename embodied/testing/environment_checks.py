"""The rules that every environment keeps, as functions that a test calls."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from embodied._util.threads import OwnThread
from embodied.environment import Environment
from embodied.errors import ConfigError, EmbodiedError
from embodied.plugins.plugin_file import absolute_name
from embodied.task import Task
from embodied.testing.failures import CheckFailed, attempt, check
from embodied.testing.harness import EnvironmentHarness, Seen
from embodied.testing.leaks import assert_no_leaks
from embodied.testing.threads import in_new_thread

T = TypeVar("T")

UNKNOWN_COMMANDS = ("frobnicate the xyzzy 7", "", "a 'quoted\" word\nand a line", "öffne die Tür ☃")
"""What no simulator knows."""

_WALK = 12
_STEPS_TO_A_LIMIT = 60
_GOAL_TEST = (
    "info['success'] is the simulator's own goal test: never the end of an episode, never a limit."
)
_OTHER_PROCESS = (
    "import json, sys, embodied;"
    "name, split, options = json.loads(sys.argv[1]);"
    "print(json.dumps([t.model_dump() for t in embodied.list_tasks(name, split, **options)]))"
)


def check_environment(
    environment: str | type[Environment],
    *,
    split: str | None = None,
    task: str | None = None,
    solution: Sequence[str] = (),
    **options: Any,
) -> None:
    """See that an environment keeps the rules that the framework relies on.

    Plays one task some ten times. Rules about what an environment offers (`capabilities`) are
    checked where it says that it does.

    Args:
        environment: its name, as registered or `path/to/file.py:Class`, or its class.
        split: the split of the task; None: the environment's default.
        task: id of the task to play; None: the first one.
        solution: commands that solve this task, where the environment has no plan.
        options: of the environment.

    Raises:
        CheckFailed: a rule is broken; the message says which, and what happened.
        EmbodiedError: there is no such environment, or something that it needs is missing.
    """
    harness = EnvironmentHarness(environment, split, task, options)
    _check_tasks(harness)
    with harness.environment() as made:
        harness.reset(made)
        commands = _commands(harness, made, solution)
        _check_unknown_commands(harness, made)
        _check_valid_commands(harness, made)
        shown = _check_solution(harness, made, commands, bool(solution))
        _check_again(harness, made, commands, shown, "after an episode in the same environment")
        _check_snapshot(harness, made, commands)
    with harness.environment() as made:
        _check_again(harness, made, commands, shown, "in a new environment")
    _check_threads(harness, commands, shown)
    _check_close(harness)


def _check_tasks(harness: EnvironmentHarness) -> None:
    tasks = harness.tasks
    for task in tasks:
        check(isinstance(task, Task), "list_tasks() returns Tasks.", f"it returned {task!r:.200}")
    counted = Counter(task.id for task in tasks)
    twice = [id_ for id_, times in counted.items() if times > 1]
    check(not twice, "Ids of tasks are unique in a split.", f"these occur again: {twice[:3]}")
    rule = "list_tasks() returns the same tasks in the same order, in every process."
    check(tasks == harness.list_tasks(), rule, "a second call returned others")
    if harness.name is not None:
        check(tasks == _tasks_elsewhere(harness), rule, "another process listed others")
    task = harness.task
    rule = "A task can be pickled, as it is sent to workers."
    copied = attempt(rule, "pickle", lambda: pickle.loads(pickle.dumps(task)))  # noqa: S301
    check(copied == task, rule, "its copy is another task")
    _check_split(harness)
    _check_options(harness)
    _check_described(harness)


def _tasks_elsewhere(harness: EnvironmentHarness) -> list[Task]:
    """List the tasks in a process in which sets have another order."""
    asked = json.dumps(
        [absolute_name(harness.name or ""), harness.split, harness.options], default=str
    )
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _OTHER_PROCESS, asked],
        env={**os.environ, "PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=False,
    )
    rule = "list_tasks() works in another process with the same options."
    check(done.returncode == 0, rule, done.stderr.strip()[-500:])
    return [Task.model_validate(task) for task in json.loads(done.stdout.splitlines()[-1])]


def _check_split(harness: EnvironmentHarness) -> None:
    rule = "A split that does not exist is a ConfigError or DataError that says which there are."
    try:
        harness.kind.list_tasks("no such split", **harness.options)
    except EmbodiedError:
        return
    except Exception as error:
        raise CheckFailed(rule, f"{type(error).__name__}: {error}") from error
    raise CheckFailed(rule, "list_tasks('no such split') returned tasks")


def _check_options(harness: EnvironmentHarness) -> None:
    kind = harness.kind
    if kind.Options is None:
        return
    wrong = {**harness.options, "no_such_option": 1}
    for method in (kind, kind.list_tasks, kind.data_version):
        rule = "Where `Options` are declared, an unknown one is a ConfigError."
        what = f"{method.__name__}(no_such_option=1)"
        with suppress(ConfigError):
            method(**wrong)
            raise CheckFailed(rule, f"{what} took it; read options by Options.parse(options)")


def _check_described(harness: EnvironmentHarness) -> None:
    kind, options = harness.kind, harness.options
    rule = "data_version() names versions and hashes as texts, the same ones every time."
    versions = [
        attempt(rule, "data_version()", lambda: kind.data_version(harness.split, **options))
        for _ in range(2)
    ]
    texts = all(isinstance(value, str) for pair in versions[0].items() for value in pair)
    check(texts and versions[0] == versions[1], rule, f"it returned {versions}")
    rule = "resolve_options() leaves options alone that it has resolved."
    resolved = attempt(rule, "resolve_options()", lambda: kind.resolve_options(**options))
    again = attempt(rule, "resolve_options()", lambda: kind.resolve_options(**resolved))
    check(again == resolved, rule, f"{resolved} became {again}")


def _commands(harness: EnvironmentHarness, made: Environment, solution: Sequence[str]) -> list[str]:
    """Choose what to play: the given commands, the plan, else a walk or nonsense."""
    if solution:
        return list(solution)
    if made.capabilities.plan:
        rule = "plan() lists the commands that solve the task, as texts."
        plan = attempt(rule, "plan()", made.plan)
        check(bool(plan) and all(isinstance(c, str) for c in plan), rule, f"it is {plan!r:.200}")
        return list(plan)
    if not made.capabilities.valid_commands:
        return list(UNKNOWN_COMMANDS[:1])
    dice, walked = random.Random(0), list[str]()
    while len(walked) < _WALK and (valid := made.valid_commands()):
        walked.append(dice.choice(valid))
        harness.step(made, walked[-1])
    return walked


def _check_unknown_commands(harness: EnvironmentHarness, made: Environment) -> None:
    harness.reset(made)
    for command in UNKNOWN_COMMANDS:
        what = f"step({command!r})"
        rule = "A command that the simulator does not know is answered with a text, not an error."
        seen = harness.step(made, command, rule)
        check(bool(seen.text), rule, f"the answer to {what} is empty")
        rule = "A command that the simulator does not know does not end the episode by itself."
        check(not seen.terminated, rule, f"{what} ended it")
        check(not seen.success, _GOAL_TEST, f"{what} made it true")
    for number in range(_STEPS_TO_A_LIMIT):
        seen = harness.step(made, UNKNOWN_COMMANDS[0])
        check(not seen.success, _GOAL_TEST, f"it was true after {number} steps that do nothing")
        if seen.terminated or seen.truncated:
            break


def _check_valid_commands(harness: EnvironmentHarness, made: Environment) -> None:
    if not made.capabilities.valid_commands:
        return
    harness.reset(made)
    rule = "valid_commands() lists texts, sorted, each once."
    valid = attempt(rule, "valid_commands()", made.valid_commands)
    check(bool(valid), "At the beginning of a task some command is valid.", "there is none")
    check(list(valid) == sorted(set(valid)), rule, f"it returned {valid!r:.300}")
    rule = "valid_commands() changes nothing."
    check(made.valid_commands() == valid, rule, "a second call returned others")


def _check_solution(
    harness: EnvironmentHarness, made: Environment, commands: Sequence[str], given: bool
) -> list[Seen]:
    """Play the commands, and one more after the end."""
    shown = harness.episode(made, commands)
    if given or made.capabilities.plan:
        what = "the solution" if given else "plan()"
        rule = f"{what} reaches the goal: info['success'] is true after its last command."
        check(shown[-1].success, rule, f"after {len(commands)} commands: {shown[-1].text!r:.200}")
    after = harness.step(made, commands[-1] if commands else UNKNOWN_COMMANDS[0])
    ended = shown[-1].terminated
    rule = "A step after the end of an episode raises nothing and leaves it ended."
    check(after.terminated or not ended, rule, "terminated became false")
    return shown


def _check_again(
    harness: EnvironmentHarness,
    made: Environment,
    commands: Sequence[str],
    shown: Sequence[Seen],
    where: str,
) -> None:
    again = harness.episode(made, commands)
    for number, (first, second) in enumerate(zip(shown, again, strict=True)):
        what = f"the command {commands[number - 1]!r}" if number else "reset()"
        check(
            first == second,
            "The same task with the same seed and the same commands is the same episode.",
            f"{where}, {what} showed\n  {second}\ninstead of\n  {first}",
        )


def _check_threads(
    harness: EnvironmentHarness, commands: Sequence[str], shown: Sequence[Seen]
) -> None:
    """Play as workers do: beside the main thread, and each call in another where that may be."""
    if harness.kind.thread_safe:
        rule = "An environment that says `thread_safe` may be used by any thread, one at a time."
    else:
        rule = "An environment may be made, used and closed in a thread that is not the main one."
    thread = OwnThread("check")

    def call(function: Callable[..., T], *args: Any) -> T:
        if harness.kind.thread_safe:
            return in_new_thread(function, *args)
        return thread.submit(function, *args).result()

    try:
        made = call(lambda: harness.kind(**harness.options))
        again = [Seen(call(harness.reset, made))]
        again += [call(harness.step, made, command) for command in commands]
        call(made.close)
    except Exception as error:
        happened = error.happened if isinstance(error, CheckFailed) else repr(error)
        raise CheckFailed(rule, happened) from error
    finally:
        thread.shutdown()
    check(again == list(shown), rule, "the same commands showed other texts there")


def _check_snapshot(
    harness: EnvironmentHarness, made: Environment, commands: Sequence[str]
) -> None:
    if not made.capabilities.snapshot:
        return
    half = len(commands) // 2
    harness.reset(made)
    harness.play(made, commands[:half])
    rule = "snapshot() returns bytes, and restore() goes back to where it was taken."
    state = attempt(rule, "snapshot()", made.snapshot)
    check(isinstance(state, bytes), rule, f"snapshot() returned {type(state).__name__}")
    first = harness.play(made, commands[half:])
    attempt(rule, "restore()", made.restore, state)
    check(
        harness.play(made, commands[half:]) == first, rule, "the same commands showed other texts"
    )
    with harness.environment() as other:
        harness.reset(other)
        attempt(rule, "restore() in another environment", other.restore, state)
        same = harness.play(other, commands[half:]) == first
        check(same, rule, "the same commands showed other texts in another environment")


def _check_close(harness: EnvironmentHarness) -> None:
    with assert_no_leaks():
        with harness.environment() as made:
            attempt("close() may be called at once.", "close()", made.close)
        with harness.environment() as made:
            harness.reset(made)
            attempt("close() may be called in an episode.", "close()", made.close)
            attempt("close() may be called twice.", "close()", made.close)
