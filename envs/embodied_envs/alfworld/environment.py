"""ALFWorld as an `Environment`: official or generated game folders, played by a backend."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from embodied.environment import (
    Capabilities,
    Environment,
    Observation,
    Requirement,
    StepResult,
)
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import suggestion
from embodied.task import Task
from embodied_envs.alfworld import index
from embodied_envs.alfworld.domain import UnsupportedGameError
from embodied_envs.alfworld.game_file import read_game
from embodied_envs.alfworld.native_game import ENGINE_VERSION, NativeGame
from embodied_envs.alfworld.textworld_game import TextWorldGame

DEFAULT_SPLIT = "valid_unseen"

Backend: TypeAlias = Literal["native", "textworld"]

CAPABILITIES: Mapping[str, Capabilities] = {
    "native": Capabilities(valid_commands=True, plan=True, snapshot=True, waits=False),
    "textworld": Capabilities(valid_commands=True, plan=True, per_process=1),
}
"""What each backend can do."""

_log = logging.getLogger(__name__)


class Alfworld(Environment):
    """The household games of ALFWorld (arXiv 2010.03768).

    The goal test is the game's own `won`; a game never ends in any other way.
    """

    default_controller: ClassVar[str | None] = "household"
    location_options = frozenset({"data"})

    def __init__(
        self,
        backend: Backend = "native",
        data: str | os.PathLike[str] | None = None,
        explain_refusals: bool = False,
    ) -> None:
        """An environment without a game; `reset` loads one.

        Args:
            backend: what plays the games. `native`, the project's own engine, leaves games that it
                cannot play to TextWorld, with a warning. `textworld` plays one game a process at a
                time.
            data: the folder that holds `json_2.1.1`; None: `$ALFWORLD_DATA`.
            explain_refusals: whether a reason follows `Nothing happens.`; native only.

        Raises:
            ConfigError: there is no such backend, or it has no reasons to give.
            DataError: there is no such folder.
        """
        _check_backend(backend, explain_refusals)
        self.capabilities = CAPABILITIES[backend]
        self._data = index.data_folder(data)
        self._backend = backend
        self._native = NativeGame(explain_refusals=explain_refusals)
        self._textworld = TextWorldGame()
        self._game: NativeGame | TextWorldGame = (
            self._native if backend == "native" else self._textworld
        )
        self._path: Path | None = None

    @classmethod
    def list_tasks(
        cls,
        split: str | None = None,
        data: str | os.PathLike[str] | None = None,
        backend: Backend = "native",
        explain_refusals: bool = False,
        **unknown: Any,
    ) -> list[Task]:
        """The solvable games of a split, sorted by id; the default split is `valid_unseen`."""
        _check_unknown(unknown)
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
    def requirements(cls) -> list[Requirement]:
        """The games, where `$ALFWORLD_DATA` says that there are some."""
        return index.requirements()

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
        backend: Backend = "native",
        explain_refusals: bool = False,
        **unknown: Any,
    ) -> dict[str, str]:
        """What plays the games, in which version, and one hash over the split's game files."""
        _check_unknown(unknown)
        _check_backend(backend, explain_refusals)
        found = index.entries(index.data_folder(data), split or DEFAULT_SPLIT)
        return {
            "backend": backend,
            **_versions(backend),
            "games": str(len(found)),
            "sha256": index.content_hash(found),
        }

    @classmethod
    def generate(cls, out: Path, count: int, seed: int, **options: Any) -> list[Path]:
        """Write new games in the layout of the official data; see `generate.py`."""
        from embodied_envs.alfworld.generate import write_as_told

        return write_as_told(out, count, seed, options)

    @classmethod
    def describe_tasks(cls, out: Path, **options: Any) -> dict[str, Any]:
        """Compare generated games below `out` with official ones; see `distribution.py`."""
        from embodied_envs.alfworld.distribution import describe_tasks

        return describe_tasks(out, options)

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
        from embodied_envs.alfworld.names import display_names, named_ids
        from embodied_envs.alfworld.pddl import read_problem
        from embodied_envs.alfworld.planner import Unsolvable, detect_dialect, render, shortest_plan

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
        """The state of the running game; any environment that was reset to its task can take it.

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


def _check_backend(backend: str, explain_refusals: bool) -> None:
    if backend not in CAPABILITIES:
        known = ", ".join(CAPABILITIES)
        raise ConfigError(f"there is no ALFWorld backend {backend!r}; there are: {known}")
    if explain_refusals and backend != "native":
        raise ConfigError("explain_refusals needs the backend native")


def _check_unknown(options: Mapping[str, Any]) -> None:
    known = ("backend", "data", "explain_refusals")
    for name in options:
        raise ConfigError(f"alfworld has no option {name!r}{suggestion(name, known)}")


def _warn(message: str) -> None:
    _log.warning("%s", message)
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _versions(backend: Backend) -> dict[str, str]:
    """The versions of what plays."""
    if backend == "native":
        return {"engine": ENGINE_VERSION}
    return {name: _version(name) for name in ("alfworld", "textworld")}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
