"""ALFWorld as an `Environment`: official or generated game folders, played by a backend."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any, Literal

from embodied.environment import Capabilities, Environment, Observation, StepResult
from embodied.errors import ConfigError, DataError
from embodied.task import Task
from envs.alfworld import index
from envs.alfworld.textworld_game import TextWorldGame

DEFAULT_SPLIT = "valid_unseen"


class Alfworld(Environment):
    """The household games of ALFWorld (arXiv 2010.03768).

    The goal test is the game's own `won`; a game never ends in any other way.
    """

    capabilities = Capabilities(valid_commands=True, plan=True, per_process=1)
    location_options = frozenset({"data"})

    def __init__(
        self,
        backend: Literal["textworld"] = "textworld",
        data: str | os.PathLike[str] | None = None,
    ) -> None:
        """An environment without a game; `reset` loads one.

        Args:
            backend: what plays the games. `textworld` plays one game a process at a time.
            data: the folder that holds `json_2.1.1`; None: `$ALFWORLD_DATA`.

        Raises:
            ConfigError: there is no such backend.
            DataError: there is no such folder.
        """
        if backend != "textworld":
            raise ConfigError(f"there is no ALFWorld backend {backend!r}; there is: textworld")
        self._data = index.data_folder(data)
        self._game = TextWorldGame()
        self._path: Path | None = None

    @classmethod
    def list_tasks(
        cls,
        split: str | None = None,
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> list[Task]:
        """The solvable games of a split, sorted by id; the default split is `valid_unseen`."""
        split = split or DEFAULT_SPLIT
        return [
            Task(
                environment="alfworld",
                id=entry.id,
                split=split,
                kind=entry.kind,
                instruction=entry.instruction,
            )
            for entry in index.entries(index.data_folder(data), split)
        ]

    @classmethod
    def resolve_options(
        cls, data: str | os.PathLike[str] | None = None, **options: Any
    ) -> dict[str, Any]:
        """The data folder as an absolute path, from `$ALFWORLD_DATA` where it is not given."""
        return {**options, "data": str(index.data_folder(data))}

    @classmethod
    def data_version(
        cls,
        split: str | None = None,
        data: str | os.PathLike[str] | None = None,
        **options: Any,
    ) -> dict[str, str]:
        """Versions of alfworld and textworld, and one hash over the split's game files."""
        found = index.entries(index.data_folder(data), split or DEFAULT_SPLIT)
        versions = {name: _version(name) for name in ("alfworld", "textworld")}
        return {**versions, "games": str(len(found)), "sha256": index.content_hash(found)}

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        """Write new games in the layout of the official data; see `envs.alfworld.generate`."""
        from envs.alfworld.generate import GeneratorOptions, write_games

        split = str(options.pop("split", "train"))
        try:
            return write_games(out, count, seed, split, GeneratorOptions(**options))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"cannot generate games: {error}") from error

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Load the task's game; there is no randomness, so the seed changes nothing."""
        self._path = index.game_file(self._data, task.split, task.id)
        return Observation(self._game.load(self._path))

    def step(self, command: str) -> StepResult:
        """Send a command. A command that the game refuses gives `Nothing happens.`"""
        text, won = self._game.step(command)
        return StepResult(
            observation=Observation(text),
            reward=float(won),
            terminated=won,
            truncated=False,
            info={"success": won},
        )

    def command_templates(self) -> list[str]:
        """The forms of command in the game's grammar, e.g. `put {o} in/on {r}`."""
        return self._game.command_templates()

    def valid_commands(self) -> list[str]:
        """The commands that the game accepts now, sorted."""
        return self._game.valid_commands()

    def plan(self) -> list[str]:
        """A shortest list of commands from the beginning of the game to its goal.

        Raises:
            DataError: the game has no solution, or its problem cannot be read.
        """
        from envs.alfworld.names import display_names
        from envs.alfworld.pddl import read_problem
        from envs.alfworld.planner import Unsolvable, detect_dialect, render, shortest_plan

        if self._path is None:
            raise RuntimeError("plan() needs a reset first")
        game = json.loads(self._path.read_text())
        try:
            problem = read_problem(game["pddl_problem"])
            plan = shortest_plan(problem)
        except (ValueError, RuntimeError, Unsolvable) as error:
            raise DataError(f"no plan for {self._path}: {error}") from error
        names = display_names(problem.objects)
        return render(plan, names, detect_dialect(game["grammar"]))

    def close(self) -> None:
        """Release the game."""
        self._game.close()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
