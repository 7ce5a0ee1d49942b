"""One environment under test: what the checks make, reset and step."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from embodied.environment import Environment, Observation, StepResult
from embodied.image import Image
from embodied.plugins.registry import environment_class
from embodied.task import Task
from embodied.testing.failures import attempt, check

STEP_RULE = (
    "step() returns a StepResult: an Observation, a reward as a number, terminated and truncated "
    "as bool, and info with success as bool."
)
_METRICS_RULE = "info['metrics'], where step() gives it, maps names to numbers."
_NO_ERROR = "reset() and step() raise nothing as long as the simulator works."


@dataclass(frozen=True)
class Seen:
    """What must be equal when an episode is played again."""

    text: str
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    success: bool = False


class EnvironmentHarness:
    """Makes environments of one kind and plays the task of an id, None: the first of the split."""

    def __init__(
        self,
        environment: str | type[Environment],
        split: str | None,
        task: str | None,
        options: Mapping[str, Any],
    ) -> None:
        self.name: str | None = None
        if isinstance(environment, str):
            self.name, environment = environment, environment_class(environment)
        self.kind = environment
        self.split = split
        self.options = options
        self._task_id = task

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks of the split, as they were first listed."""
        return self.list_tasks()

    def list_tasks(self) -> list[Task]:
        """List the tasks of the split."""
        rule = "list_tasks(split, **options) lists the tasks without the simulator's help."
        return attempt(
            rule, "list_tasks()", lambda: self.kind.list_tasks(self.split, **self.options)
        )

    @cached_property
    def task(self) -> Task:
        """The task that is played."""
        tasks = self.tasks
        check(bool(tasks), "A split has at least one task.", "list_tasks() returned none")
        found = [task for task in tasks if self._task_id in (None, task.id)]
        check(bool(found), "The task to check exists.", f"no task has the id {self._task_id!r}")
        return found[0]

    @contextmanager
    def environment(self) -> Iterator[Environment]:
        """Make an environment and close it at the end."""
        made = self.kind(**self.options)
        try:
            yield made
        finally:
            attempt("close() raises nothing.", "close()", made.close)

    def reset(self, environment: Environment) -> str:
        """Begin an episode and return the text of its first observation."""
        seen = attempt(_NO_ERROR, "reset()", environment.reset, self.task)
        text = seen.text if isinstance(seen, Observation) else ""
        check(
            bool(text), "reset() returns an Observation with a text.", f"it returned {seen!r:.200}"
        )
        _check_pictures(seen, "reset()")
        return text

    def step(self, environment: Environment, command: str, rule: str = _NO_ERROR) -> Seen:
        """Take a step and return what it showed; `rule` says that it raises nothing."""
        what = f"step({command!r:.80})"
        result = attempt(rule, what, environment.step, command)
        check(isinstance(result, StepResult), STEP_RULE, f"{what} returned {result!r:.200}")
        success = result.info.get("success")
        for name, value, kind in (
            ("observation", result.observation, Observation),
            ("reward", result.reward, numbers.Real),
            ("terminated", result.terminated, bool),
            ("truncated", result.truncated, bool),
            ("info['success']", success, bool),
        ):
            shown = f"{type(value).__name__} {value!r:.80}"
            check(isinstance(value, kind), STEP_RULE, f"after {what} the {name} is {shown}")
        _check_pictures(result.observation, what)
        metrics = result.info.get("metrics", {})
        shown = f"after {what} it is {type(metrics).__name__} {metrics!r:.80}"
        check(isinstance(metrics, Mapping), _METRICS_RULE, shown)
        return Seen(
            result.observation.text,
            float(result.reward),
            result.terminated,
            result.truncated,
            bool(success),
        )

    def play(self, environment: Environment, commands: Iterable[str]) -> list[Seen]:
        """Take some steps and return what each showed."""
        return [self.step(environment, command) for command in commands]

    def episode(self, environment: Environment, commands: Iterable[str]) -> list[Seen]:
        """Play some steps from the beginning and return what the reset and each step showed."""
        return [Seen(self.reset(environment)), *self.play(environment, commands)]


def _check_pictures(observation: Observation, what: str) -> None:
    rule = "What is attached as a picture (image/…) can be read: a PNG, JPEG, GIF or WebP."
    for attachment in observation.attachments:
        if attachment.media_type.startswith("image/"):
            shown = f"reading {attachment.name!r:.80} of {what}"
            attempt(rule, shown, Image.from_attachment, attachment)
