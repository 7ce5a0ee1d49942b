"""ALFWorld as an `Environment`: official or generated game folders, played by a backend."""

from __future__ import annotations

import importlib.metadata
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import model_validator

from embodied.environment import (
    Capabilities,
    Environment,
    EnvironmentOptions,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import DataError
from embodied.task import Task
from embodied_envs.alfworld import index
from embodied_envs.alfworld.domain import UnsupportedGameError
from embodied_envs.alfworld.game_file import read_game
from embodied_envs.alfworld.generate_options import GeneratorOptions
from embodied_envs.alfworld.native_game import ENGINE_VERSION, NativeGame
from embodied_envs.alfworld.textworld_game import TextWorldGame

Backend: TypeAlias = Literal["native", "textworld"]

CAPABILITIES: Mapping[str, Capabilities] = {
    "native": Capabilities(valid_commands=True, plan=True, snapshot=True, io_bound=False),
    "textworld": Capabilities(valid_commands=True, plan=True, max_per_process=1),
}
"""What each backend can do."""

_log = logging.getLogger("embodied.alfworld")
"""Below the framework's logger, so that `--quiet` holds for it."""


class Alfworld(Environment):
    """The household games of ALFWorld (arXiv 2010.03768).

    The goal test is the game's own `won`; a game never ends in any other way.
    """

    class Options(EnvironmentOptions, title="alfworld"):
        """What plays the games, and where they are."""

        backend: Backend = "native"
        """What plays the games. `native`, the project's own engine, leaves games that it cannot
        play to TextWorld, with a warning. `textworld` plays one game a process at a time."""
        data: str | Path | None = None
        """The folder that holds `json_2.1.1`; None: `$ALFWORLD_DATA`."""
        explain_refusals: bool = False
        """Whether a reason follows `Nothing happens.`; native only."""

        @model_validator(mode="after")
        def _check_reasons(self) -> Self:
            if self.explain_refusals and self.backend != "native":
                raise ValueError("explain_refusals needs the backend native")
            return self

    GeneratorOptions = GeneratorOptions
    thread_safe = True
    default_split: ClassVar[str] = "valid_unseen"
    default_controller: ClassVar[str | None] = "household"
    location_options = frozenset({"data"})

    def __init__(self, **options: Any) -> None:
        """Make an environment without a game; `reset` loads one.

        Raises:
            ConfigError: an option is wrong.
            DataError: there is no data folder.
        """
        chosen = self.Options.parse(options)
        self.capabilities = CAPABILITIES[chosen.backend]
        self._data = index.data_folder(chosen.data)
        self._backend = chosen.backend
        self._native = NativeGame(explain_refusals=chosen.explain_refusals)
        self._textworld = TextWorldGame()
        self._game: NativeGame | TextWorldGame = (
            self._native if chosen.backend == "native" else self._textworld
        )
        self._path: Path | None = None

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        """List the solvable games of a split, sorted by id; log which trials cannot be played."""
        chosen = cls.Options.parse(options)
        split = split or cls.default_split
        found = index.read_split(index.data_folder(chosen.data), split)
        if note := found.note():
            _log.warning("%s", note)
        return [
            Task(
                environment="alfworld",
                id=entry.id,
                split=split,
                kind=entry.kind,
                instruction=entry.instruction,
                group=entry.floor_plan,
            )
            for entry in found.games
        ]

    @classmethod
    def requirements(cls) -> list[Requirement]:
        """Say whether there are games where `$ALFWORLD_DATA` says so."""
        return index.requirements()

    @classmethod
    def resolve_options(cls, **options: Any) -> dict[str, Any]:
        """Make the data folder an absolute path, that of `$ALFWORLD_DATA` where none is given."""
        return {**options, "data": str(index.data_folder(cls.Options.parse(options).data))}

    @classmethod
    def data_version(cls, split: str | None = None, **options: Any) -> dict[str, str]:
        """Return what plays the games, its version, and one hash over the split's game files."""
        chosen = cls.Options.parse(options)
        found = index.read_split(index.data_folder(chosen.data), split or cls.default_split).games
        return {
            "backend": chosen.backend,
            **_versions(chosen.backend),
            "games": str(len(found)),
            "sha256": index.content_hash(found),
        }

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        """Write new games in the layout of the official data; see `generate.py`."""
        from embodied_envs.alfworld.generate import write_games

        return write_games(out, count, seed, cls.GeneratorOptions.parse(options))

    @classmethod
    def describe_tasks(cls, out: Path, **options: Any) -> dict[str, Any]:
        """Compare generated games below `out` with official ones; see `distribution.py`."""
        from embodied_envs.alfworld.distribution import describe_tasks

        return describe_tasks(out, cls.GeneratorOptions.parse(options).split)

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        """Load the task's game; there is no randomness, so the seed changes nothing."""
        self._path = index.game_file(self._data, task.split, task.id)
        return Observation(self._load(self._path))

    def step(self, command: str) -> StepResult:
        """Send a command. A command that the game refuses gives `Nothing happens.`

        `info` has `success`, and on the native engine `progress`: the goal's conditions on the
        shortest way to it, each with whether it holds; see `embodied_envs.alfworld.goal`.
        """
        text, won = self._game.step(command)
        if isinstance(self._game, NativeGame):
            info: Mapping[str, Any] = StepInfo(won, self._game.progress())
        else:
            info = {"success": won}
        return StepResult(Observation(text), float(won), won, False, info)

    def command_templates(self) -> list[str]:
        """List the forms of command in the game's grammar, e.g. `put {o} in/on {r}`."""
        return self._game.command_templates()

    def valid_commands(self) -> list[str]:
        """List the commands that the game accepts now, sorted."""
        return self._game.valid_commands()

    def plan(self) -> list[str]:
        """Find a shortest list of commands from the beginning of the game to its goal.

        Raises:
            DataError: the game has no solution, or its problem cannot be read.
        """
        from embodied_envs.alfworld.names import display_names, named_ids
        from embodied_envs.alfworld.pddl.problem import read_problem
        from embodied_envs.alfworld.planner.plan import detect_dialect, render
        from embodied_envs.alfworld.planner.search import Unsolvable, shortest_plan

        if self._path is None:
            raise RuntimeError("plan() needs a reset first")
        texts = read_game(self._path)
        try:
            problem = read_problem(texts.problem)
            plan = shortest_plan(problem)
            dialect = detect_dialect(texts.grammar)
        except (ValueError, RuntimeError, Unsolvable) as error:
            raise DataError(f"no plan for {self._path}: {error}") from error
        return render(plan, display_names(named_ids(problem)), dialect)

    def snapshot(self) -> bytes:
        """Return the state of the game; any environment that was reset to its task can take it.

        Raises:
            DataError: the game is played by TextWorld, which cannot be copied.
        """
        return self._copyable().snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Go back to a state that `snapshot` returned for the same task.

        Raises:
            DataError: it did not, or the game is played by TextWorld.
        """
        self._copyable().restore(snapshot)

    def close(self) -> None:
        """Release the game."""
        self._game.close()

    def _load(self, path: Path) -> str:
        self._game.close()
        if self._backend == "native":
            self._game = self._native
            try:
                return self._native.load(path)
            except UnsupportedGameError as error:
                _warn(f"TextWorld plays {path}, since the native engine cannot: {error}")
        self._game = self._textworld
        return self._textworld.load(path)

    def _copyable(self) -> NativeGame:
        if self._backend != "native":
            raise NotImplementedError("the backend textworld has no snapshots; use native")
        if self._game is not self._native:
            raise DataError(f"TextWorld plays {self._path}, and it cannot be copied")
        return self._native


class StepInfo(Mapping[str, Any]):
    """`success` and `progress`; the progress is worked out when somebody looks at it."""

    __slots__ = ("_progress", "_success")

    def __init__(self, success: bool, progress: Callable[[], dict[str, bool]]) -> None:
        self._success = success
        self._progress = progress

    def __getitem__(self, key: str) -> Any:
        if key == "success":
            return self._success
        if key == "progress":
            return self._progress()
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(("success", "progress"))

    def __len__(self) -> int:
        return 2

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


def _warn(message: str) -> None:
    _log.warning("%s", message)
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _versions(backend: Backend) -> dict[str, str]:
    """Return the versions of what plays."""
    if backend == "native":
        return {"engine": ENGINE_VERSION}
    return {name: _version(name) for name in ("alfworld", "textworld")}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
