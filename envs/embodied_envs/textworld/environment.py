"""TextWorld as an `Environment`: generated games, or a user's story files."""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from embodied.environment import (
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    StepResult,
)
from embodied.errors import DataError
from embodied.task import Task
from embodied_envs.textworld import folder
from embodied_envs.textworld.commands import normalized, rejection
from embodied_envs.textworld.game import Game, Situation, installed_version
from embodied_envs.textworld.generate_options import GeneratorOptions
from embodied_envs.textworld.story import Notes, read_notes

_log = logging.getLogger("embodied.textworld")
"""Below the framework's logger, so that `--quiet` holds for it."""


class TextWorld(Environment):
    """Text adventures of TextWorld (arXiv 1806.11532).

    The goal test is the game's own `won`. A game that is lost has ended without success.
    """

    class Options(EnvironmentOptions, title="textworld"):
        """Where the games are."""

        data: str | Path | None = None
        """The folder of games."""

    GeneratorOptions = GeneratorOptions
    default_split: ClassVar[str] = folder.ALL
    capabilities = Capabilities(valid_commands=True, plan=True, max_per_process=1, io_bound=False)
    default_controller: ClassVar[str | None] = "adventurer"
    default_limits: ClassVar[Mapping[str, int | None]] = {"turns": 30, "steps": 100}
    """100 steps as in the First TextWorld Problems competition."""
    location_options = frozenset({"data"})

    def __init__(self, **options: Any) -> None:
        """Make an environment without a game; `reset` loads one.

        Raises:
            ConfigError: an option is wrong, no folder is given, or TextWorld is not installed.
            DataError: there is no such folder.
        """
        self._data = self._folder(options)
        installed_version()
        self._game = Game()
        self._path: Path | None = None
        self._last: Situation | None = None

    @classmethod
    def _folder(cls, options: Mapping[str, Any]) -> Path:
        return folder.data_folder(cls.Options.parse(options).data)

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the games of a split, sorted by id: of all, or of a folder in the data folder.

        Log which of its stories cannot be played.
        """
        data = cls._folder(options)
        found = folder.games(data, split)
        if note := folder.note(data, split, found):
            _log.warning("%s", note)
        return [_task(task_id, split or cls.default_split, path) for task_id, path in found]

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        """Make the data folder an absolute path."""
        return {"data": str(cls._folder(options))}

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return the versions of what plays, and one hash over the split's stories."""
        found = folder.games(cls._folder(options), split)
        return {
            "textworld": installed_version(),
            "jericho": importlib.metadata.version("jericho"),
            "games": str(len(found)),
            "sha256": folder.content_hash(found),
        }

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        """Write new games; see `embodied_envs.textworld.generate`."""
        from embodied_envs.textworld.generate import write_games

        return write_games(out, count, seed, cls.GeneratorOptions.parse(options))

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Load the task's game. Only stories that TextWorld has not made use the seed."""
        self._last = None
        self._path = folder.story_file(self._data, task.id)
        seed = task.seed if seed is None else seed
        self._last = self._game.load(self._path, seed or 0)
        return Observation(self._last.text)

    def step(self, command: str) -> StepResult:
        """Send a command. The reward is the change of the game's score.

        `info` has `success`, `lost` and, also among `metrics`, `score`. After the end nothing
        changes any more.
        """
        if self._last is None:
            raise RuntimeError("step() needs a reset first")
        before = self._last
        if before.ended:
            return _result(before, before.text, 0.0)
        reached = self._game.step(command)
        if reached is None:
            return _result(before, rejection(normalized(command)) or "", 0.0)
        self._last = reached
        return _result(reached, reached.text, float(reached.score - before.score))

    def valid_commands(self) -> list[str]:
        """List the commands that have an effect now, sorted; none after the end.

        Raises:
            DataError: there are no notes of TextWorld beside the story.
        """
        if self._last is not None and self._last.ended:
            return []
        return self._game.valid_commands()

    def plan(self) -> list[str]:
        """Return the walkthrough that TextWorld wrote beside the story.

        Raises:
            DataError: there is none.
        """
        if self._path is None:
            raise RuntimeError("plan() needs a reset first")
        walkthrough = read_notes(self._path).walkthrough
        if not walkthrough:
            raise DataError(f"the notes beside the story have no walkthrough: {self._path}")
        return list(walkthrough)

    def close(self) -> None:
        """Release the game."""
        self._last = None
        self._game.close()


def _result(situation: Situation, text: str, reward: float) -> StepResult:
    score = situation.score
    metrics = {"score": score}
    info = {"success": situation.won, "lost": situation.lost, "score": score, "metrics": metrics}
    return StepResult(Observation(text), reward, situation.ended, False, info)


def _task(task_id: str, split: str, path: Path) -> Task:
    notes = _notes(path)
    return Task(
        environment="textworld",
        id=task_id,
        split=split,
        kind=notes.kind if notes else "story",
        instruction=notes.objective if notes else "",
        group=task_id,
    )


def _notes(path: Path) -> Notes | None:
    """Read the notes of a game; without them it can be played as well."""
    try:
        return read_notes(path)
    except DataError:
        return None
