"""BabyAI as an `Environment`: minigrid's levels, with the robot's view in words."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from embodied.environment import (
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    StepResult,
)
from embodied.errors import DataError
from embodied.task import Task
from embodied_envs.babyai import levels as catalogue
from embodied_envs.babyai.levels import LevelSeed
from embodied_envs.babyai.step_narration import StateBefore, narrate_step
from embodied_envs.babyai.view import describe

COMMANDS = ("turn left", "turn right", "forward", "pick up", "drop", "toggle", "done")
"""In the order of minigrid's actions."""

_ACTIONS = {command: number for number, command in enumerate(COMMANDS)}


def _names(levels: object) -> object:
    return re.split(r"[\s,]+", levels.strip()) if isinstance(levels, str) else levels


class BabyAI(Environment):
    """The levels of BabyAI (arXiv 1810.08272): a robot in a grid of rooms, and a mission.

    Success is the mission's own test. A level has its own bound on steps; what meets it is
    truncated.
    """

    class Options(EnvironmentOptions, title="babyai"):
        """Which tasks there are."""

        levels: Annotated[tuple[str, ...] | None, BeforeValidator(_names)] = None
        """Names of levels of the split, as a list or separated by commas; None: all."""
        first_seed: int = Field(0, ge=0)
        """The seed of each level's first task; the next ones follow."""
        episodes_per_level: int = Field(10, ge=1)
        """Tasks of each level."""

    thread_safe = True
    default_split: ClassVar[str] = "standard"
    capabilities = Capabilities(plan=True, snapshot=True, io_bound=False)
    default_controller: ClassVar[str | None] = "grid-robot"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 50, "steps": None}
    """The levels have bounds of their own."""

    def __init__(self, **options: Any) -> None:
        """Make an environment without a level; `reset` makes one. The options choose tasks only.

        Raises:
            ConfigError: an option is wrong, or minigrid is not installed.
        """
        self.Options.parse(options)
        catalogue.check_installed()
        self._problem: LevelSeed | None = None
        self._level: Any = None
        self._sent = bytearray()
        self._last: StepResult | None = None

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the tasks of a split, level by level, then by seed.

        `standard` has 20 levels, `all` every level of minigrid.
        """
        split = split or cls.default_split
        return [
            Task(
                environment="babyai",
                id=problem.id,
                split=split,
                kind=problem.level,
                instruction=catalogue.draw(problem).mission,
                group=problem.id,
                seed=problem.seed,
            )
            for problem in cls._problems(split, options)
        ]

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the simulator's version, and one hash over the missions and grids of all tasks."""
        drawn = cls._problems(split or cls.default_split, options)
        prints = "".join(catalogue.draw(problem).fingerprint for problem in drawn)
        return {
            "minigrid": importlib.metadata.version("minigrid"),
            "tasks": str(len(drawn)),
            "sha256": hashlib.sha256(prints.encode()).hexdigest(),
        }

    @classmethod
    def _problems(cls, split: str, options: Mapping[str, Any]) -> list[LevelSeed]:
        chosen = cls.Options.parse(options)
        names = catalogue.chosen(split, chosen.levels)
        return catalogue.problems(names, chosen.first_seed, chosen.episodes_per_level)

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Make the task's level; another seed makes another instance of it.

        Raises:
            DataError: the task's id names no level.
        """
        problem = LevelSeed.of(task.id)
        if seed is None:
            seed = problem.seed if task.seed is None else task.seed
        return self._start(problem._replace(seed=seed))

    def step(self, command: str) -> StepResult:
        """Take one step. An unknown command takes none; after the end nothing changes any more."""
        if self._level is None:
            raise RuntimeError("step() needs a reset first")
        last = self._last
        if last is not None and (last.terminated or last.truncated):
            return replace(last, reward=0.0)
        action = _ACTIONS.get(command.strip())
        if action is None:
            text = f"There is no such command; there are: {', '.join(COMMANDS)}."
            return StepResult(Observation(text), 0.0, False, False, {"success": False})
        return self._act(action)

    def command_templates(self) -> list[str]:
        """List all commands."""
        return list(COMMANDS)

    def plan(self) -> list[str]:
        """List what `BabyAIBot` does on a second instance of the level, from its beginning.

        Raises:
            DataError: the bot cannot solve the level.
        """
        from embodied_envs.babyai.bot import solve

        problem = self._running()
        level = catalogue.make(problem)
        try:
            actions = solve(level)
        except DataError as error:
            raise DataError(f"no plan for {problem.id}: {error}") from error
        finally:
            catalogue.release(level)
        return [COMMANDS[action] for action in actions]

    def snapshot(self) -> bytes:
        """Return level, seed and actions so far: a level has no randomness after its start."""
        problem = self._running()
        state = _Snapshot(level=problem.level, seed=problem.seed, actions=list(self._sent))
        return state.model_dump_json().encode()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a state that `snapshot` returned for the same level and seed.

        Raises:
            DataError: it did not.
        """
        try:
            state = _Snapshot.model_validate_json(snapshot[: _Snapshot.MAX_BYTES + 1])
        except ValidationError as error:
            raise DataError("these bytes are not a snapshot of a BabyAI level") from error
        problem = self._running()
        if LevelSeed(state.level, state.seed) != problem:
            raise DataError("the snapshot belongs to another level; reset to its task first")
        self._start(problem)
        for action in state.actions:
            self._act(action)

    def close(self) -> None:
        """Release the level."""
        if self._level is not None:
            catalogue.release(self._level)
        self._level = self._problem = self._last = None

    def _running(self) -> LevelSeed:
        if self._problem is None:
            raise RuntimeError("there is no level; call reset() first")
        return self._problem

    def _start(self, problem: LevelSeed) -> Observation:
        self.close()
        level = catalogue.make(problem)
        self._problem, self._level = problem, level
        self._sent.clear()
        return Observation(
            f"Mission: {level.mission}.\nSteps: at most {level.max_steps}.\n{describe(level)}"
        )

    def _act(self, action: int) -> StepResult:
        level, before = self._level, StateBefore.of(self._level)
        _, reward, terminated, truncated, _ = level.step(action)
        self._sent.append(action)
        success = terminated and reward > 0
        text = f"{narrate_step(COMMANDS[action], before, level)}\n{describe(level)}"
        if terminated or truncated:
            text += f"\n{_ending(success, terminated)}"
        self._last = StepResult(
            Observation(text), float(reward), terminated, truncated, {"success": success}
        )
        return self._last


def _ending(success: bool, terminated: bool) -> str:
    if success:
        return "The mission is accomplished."
    return "The mission has failed." if terminated else "The steps are used up."


class _Snapshot(BaseModel, extra="forbid"):
    MAX_BYTES: ClassVar[int] = 100_000

    level: str
    seed: int
    actions: list[Annotated[int, Field(ge=0, lt=len(COMMANDS))]] = Field(max_length=20_000)
