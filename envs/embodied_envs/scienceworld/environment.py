"""ScienceWorld as an `Environment`: the text simulator of a school's science, in a Java process."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from py4j.protocol import Py4JError
from pydantic import field_validator

from embodied._util.jsonable import truncate
from embodied._util.suggestion import suggestion
from embodied.environment import (
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import ConfigError, DataError, InfrastructureError
from embodied.task import Task
from embodied_envs.scienceworld import catalogue
from embodied_envs.scienceworld.catalogue import Variation
from embodied_envs.scienceworld.java import java_requirement
from embodied_envs.scienceworld.simulator import EASY, SIMPLIFICATIONS, Simulator

LONGEST_COMMAND = 2000
"""Characters of a command that the simulator gets to see; none that it knows is as long."""
LONGEST_TEXT = 50_000
"""Characters of an observation; the longest rooms take some 5,000."""

_FIRST_LOOK = "look around"
_VESSEL = r"(?:\w+ )?(?:cup|jug|bowl|jar|pot)\b"
_OFFICIAL = (
    (re.compile(r"^examine "), "look at "),
    (re.compile(r"^drop "), "put down "),
    (re.compile(rf"^(pour (?!.* into ).+?) in (?={_VESSEL})"), r"\1 into "),
)
"""Other words for an action, which gold paths use, and those of the simulator's own list."""
_ELECTRICAL = ("power-component", "conductivity")
"""What the names of tasks that need electrical actions contain."""

T = TypeVar("T")


class ScienceWorld(Environment):
    """The 30 tasks of ScienceWorld (arXiv 2203.07540), each in 10 to 1,386 variations.

    The goal test is the simulator's own: all goals of the task are completed, which is a score of
    100. A wrong choice ends the episode with a score of -100.
    """

    class Options(EnvironmentOptions, title="scienceworld"):
        """How the simulator makes tasks easier."""

        simplifications: str = EASY
        """`easy`, or names of the simulator's simplifications separated by commas and without
        blanks; empty: none."""

        @field_validator("simplifications")
        @classmethod
        def _check_simplifications(cls, simplifications: str) -> str:
            _check_simplifications(simplifications)
            return simplifications

    default_split: ClassVar[str] = catalogue.DEFAULT_SPLIT
    capabilities = Capabilities(valid_commands=True, plan=True, max_per_process=1)
    default_controller: ClassVar[str | None] = "laboratory"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 50, "steps": 400}
    """The longest gold path of the sample in configs/scienceworld.yaml takes 328 steps."""

    def __init__(self, **options: Any) -> None:
        """Make an environment without a task; the first `reset` starts Java.

        Raises:
            ConfigError: an option is wrong, or there is no Java.
        """
        self._simplifications = self.Options.parse(options).simplifications
        problem = java_requirement().problem
        if problem:
            raise ConfigError(f"scienceworld needs Java: {problem}")
        self._simulator: Simulator | None = None
        self._variation: Variation | None = None
        self._sent: list[str] = []
        self._score = 0

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the variations of a split (`train`, `dev`, `test`), by name and number.

        A simulator is started to ask it, once for each split in a process: some seconds.
        """
        cls.Options.parse(options)
        return catalogue.tasks(split)

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """Look up Java."""
        return [java_requirement()]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the package's version, and the hash of the jar: simulator, tasks and splits."""
        cls.Options.parse(options)
        version = importlib.metadata.version("scienceworld")
        return {"scienceworld": version, "sha256": catalogue.jar_hash()}

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Load the task's variation, and say what the task is and what is seen.

        The variation's number seeds the simulator's random numbers, so the seed changes nothing.

        Raises:
            ConfigError: the task needs what a simplification takes away.
            DataError: there is no such variation.
        """
        variation = Variation.of(task.id)
        self._check_electrical(variation)
        self._variation, self._sent = None, []
        return Observation(self._run(lambda simulator: self._loaded(simulator, variation)))

    def step(self, command: str) -> StepResult:
        """Send a command.

        `info` has `success` and, also among `metrics`, `score`, the simulator's -100 to 100. The
        reward is the change of the score; the first one has what the simulator gives for the
        beginning as well, so that the rewards of an episode add up to its score.
        """
        self._check_started("step")
        command = _sendable(command)
        text, score, over = self._run(lambda simulator: simulator.step(command))
        self._sent.append(command)
        reward, self._score = score - self._score, score
        success = over and score == 100
        info = {"success": success, "score": score, "metrics": {"score": score}}
        return StepResult(Observation(_bounded(text)), float(reward), over, False, info)

    def valid_commands(self) -> list[str]:
        """List what can be done now, sorted; takes the simulator longer than a step.

        That is hundreds to thousands of commands, or the numbers to choose from after an ambiguous
        one.
        """
        self._check_started("valid_commands")
        return self._run(lambda simulator: simulator.valid_commands())

    def command_templates(self) -> list[str]:
        """List the forms of command under these simplifications, e.g. `move OBJ to OBJ`."""
        if self._variation is None:
            return []
        return self._run(lambda simulator: simulator.templates())

    def plan(self) -> list[str]:
        """Return the simulator's gold path from the beginning of the task; takes some seconds.

        Raises:
            DataError: the simulator knows none.
        """
        variation = self._check_started("plan")
        path = self._run(lambda simulator: self._gold_path(simulator, variation))
        if not path:
            raise DataError(f"ScienceWorld has no gold path for {variation.id}")
        return [_official(command) for command in path]

    def close(self) -> None:
        """End the Java process; calling this again does nothing."""
        if self._simulator is not None:
            self._simulator.close()
        self._simulator = self._variation = None

    def _loaded(self, simulator: Simulator, variation: Variation) -> str:
        """Load a variation; returns the first text."""
        problem = simulator.load(*variation, self._simplifications)
        if problem:
            raise DataError(f"there is no task {variation.id!r} in ScienceWorld: {problem:.500}")
        description = simulator.description()
        text, _, _ = simulator.step(_FIRST_LOOK)
        self._variation, self._score = variation, 0
        return _bounded(f"{description}\n\n{text}")

    def _gold_path(self, simulator: Simulator, variation: Variation) -> list[str]:
        """Find the gold path. That starts the task anew, so all commands are sent again."""
        path = simulator.gold_path(*variation, self._simplifications)
        for command in (_FIRST_LOOK, *self._sent):
            simulator.step(command)
        return path

    def _run(self, work: Callable[[Simulator], T]) -> T:
        """Ask the simulator, after starting one if there is none. One that failed is ended.

        Raises:
            InfrastructureError: it failed.
        """
        try:
            if self._simulator is None:
                self._simulator = Simulator()
            return work(self._simulator)
        except Py4JError as error:
            self.close()
            raise InfrastructureError(f"ScienceWorld failed: {error!s:.500}") from error
        except InfrastructureError:
            self.close()
            raise

    def _check_started(self, method: str) -> Variation:
        if self._variation is None:
            raise RuntimeError(f"{method}() needs a reset first")
        return self._variation

    def _check_electrical(self, variation: Variation) -> None:
        electrical = any(word in variation.name for word in _ELECTRICAL)
        if electrical and "noElectricalAction" in self._simplifications:
            raise ConfigError(
                f"the task {variation.id} needs the electrical actions that the simplification "
                "noElectricalAction takes away; leave it out of environment.options.simplifications"
            )


def _sendable(command: str) -> str:
    """Replace what UTF-8 cannot hold, and cut far too long text: the simulator knows neither."""
    return command[:LONGEST_COMMAND].encode("utf-8", "replace").decode("utf-8")


def _bounded(text: str) -> str:
    return truncate(text, LONGEST_TEXT)


def _official(command: str) -> str:
    for other, official in _OFFICIAL:
        command = other.sub(official, command)
    return command


def _check_simplifications(simplifications: str) -> None:
    if simplifications in ("", EASY):
        return
    for name in simplifications.split(","):
        if name not in SIMPLIFICATIONS:
            raise ConfigError(
                f"scienceworld has no simplification {name!r}{suggestion(name, SIMPLIFICATIONS)}; "
                f"{EASY} stands alone"
            )
