"""Plays an ALFWorld game on TextWorld.

TextWorld's grammar parsers are module-level objects that are not safe to use from two threads, so
one lock guards them all. Loading a game leaks about 2 MB; a process that plays many must be
recycled from time to time, which the pool does at its memory limit.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from embodied.errors import ConfigError, DataError
from embodied_envs.alfworld.compiled import vet
from embodied_envs.alfworld.expressions import compile_expression
from embodied_envs.alfworld.game_file import read_game

_LOCK = threading.Lock()


class TextWorldGame:
    """One game at a time, loaded from its file."""

    def __init__(self) -> None:
        self._environment: Any = None
        self._state: Any = None
        self._path = Path()

    def load(self, path: Path) -> str:
        """Start the game of a file and return its first text.

        Raises:
            DataError: TextWorld cannot play the file.
        """
        _vet(path)
        with _LOCK:
            self._close()
            try:
                self._environment = _start(path)
                self._state = self._environment.reset()
            except ConfigError:
                raise
            except (
                Exception,
                SystemExit,
            ) as error:  # its PDDL translator exits on what it dislikes
                self._environment = None
                raise _data_error("a game file cannot be played", path, error) from error
            self._path = path
            return str(self._state.feedback)

    def step(self, command: str) -> tuple[str, bool]:
        """Send a command; returns the game's text and whether the goal is reached.

        Raises:
            DataError: the game turns out to be broken.
        """
        with _LOCK:
            if self._environment is None:
                raise RuntimeError("no game is loaded; reset first")
            try:
                self._state, _, _ = self._environment.step(command)
            except (Exception, SystemExit) as error:
                raise _data_error("a game broke off", self._path, error) from error
            return str(self._state.feedback), bool(self._state["won"])

    def valid_commands(self) -> list[str]:
        """List the commands that the game accepts now, sorted."""
        return list(self._state["admissible_commands"])

    def command_templates(self) -> list[str]:
        """List the forms of command in the game's grammar; empty before a game is loaded."""
        return [] if self._state is None else list(self._state["command_templates"])

    def close(self) -> None:
        """Release TextWorld's environment."""
        with _LOCK:
            self._close()

    def _close(self) -> None:
        if self._environment is not None:
            self._environment.close()
        self._environment = self._state = None


def _vet(path: Path) -> None:
    """Keep away what TextWorld would not survive: it has no bounds on recursion or grounding.

    Raises:
        DataError: the game is malformed or beyond all bounds.
    """
    try:
        vet(read_game(path))
    except ValueError as error:
        raise _data_error("a game file cannot be played", path, error) from error


def _data_error(what: str, path: Path, error: BaseException) -> DataError:
    return DataError(f"{what} ({type(error).__name__}: {error!s:.200}): {path}")


def _start(path: Path) -> Any:
    try:
        import textworld
        from alfworld.agents.environment.alfred_tw_env import (
            AlfredDemangler,
            AlfredInfos,
        )
        from textworld.envs.pddl import textgen
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"playing ALFWorld on TextWorld needs the package {error.name!r}; install it with: "
            "pip install 'embodied-codeact[alfworld]'"
        ) from error
    textgen.EvalSymbol.derive = _derive
    infos = textworld.EnvInfos(won=True, admissible_commands=True, command_templates=True)
    return textworld.start(str(path), infos, wrappers=[AlfredDemangler, AlfredInfos])


def _derive(symbol: Any, context: Any = None) -> list[Any]:
    """Replace TextWorld's own method, which evaluates the game file's text as Python."""
    from textworld.envs.pddl.textgen import TerminalSymbol

    entities = (context or symbol.context)["variables"]
    return [TerminalSymbol(compile_expression(symbol.expression)(entities))]
