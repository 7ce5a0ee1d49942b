"""Plays a story on TextWorld, with no more of TextWorld than the playing needs.

TextWorld's own `start` reads all of the notes beside a story, whoever asks for them or not. The
text, the score and the goal test come from the story alone.
"""

from __future__ import annotations

import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied.errors import ConfigError, DataError
from embodied_envs.textworld.commands import normalized, rejection
from embodied_envs.textworld.story import check_story
from embodied_envs.textworld.valid_commands import ValidCommands

_HALTED = "Emulator halted due to runtime error."


@dataclass(frozen=True)
class Situation:
    """Where a game has come to."""

    text: str
    won: bool
    lost: bool
    ended: bool
    score: int


class Game:
    """One story at a time. TextWorld's player is loaded once, and takes the next story."""

    def __init__(self) -> None:
        self._player: Any = None
        self._game: Any = None
        self._path = Path()
        self._commands: list[str] = []
        self._valid: ValidCommands | None = None

    def load(self, path: Path, seed: int) -> Situation:
        """Start the story of a file.

        Args:
            path: where it lies.
            seed: for stories that leave chance to the player; those of TextWorld do not.

        Raises:
            DataError: it cannot be played.
        """
        check_story(path)
        self._forget()
        player = self._player or _player()
        self._player = None
        try:
            self._game, state = _start(player, path, seed)
        except Exception as error:
            raise _data_error(path, error) from error
        self._player, self._path = player, path
        return self._situation(state)

    def step(self, command: str) -> Situation | None:
        """Send a command; None: it is none that a story may be sent.

        Raises:
            DataError: the story breaks off.
        """
        if self._game is None:
            raise RuntimeError("no game is loaded; reset first")
        command = normalized(command)
        if rejection(command) is not None:
            return None
        try:
            state, _, _ = self._game.step(command)
        except Exception as error:
            raise _data_error(self._path, error) from error
        self._commands.append(command)
        return self._situation(state)

    def valid_commands(self) -> list[str]:
        """List the commands that have an effect now, sorted.

        Raises:
            DataError: there are no notes beside the story.
        """
        if self._game is None:
            raise RuntimeError("no game is loaded; reset first")
        if self._valid is None:
            self._valid = ValidCommands(self._path)
        return self._valid.after(self._commands)

    def close(self) -> None:
        """Release the story and what plays it."""
        self._forget()
        if self._player is not None:
            self._player.close()
        self._player = None

    def _forget(self) -> None:
        if self._valid is not None:
            self._valid.close()
        self._game, self._valid, self._commands = None, None, []

    def _situation(self, state: Any) -> Situation:
        text = str(state.feedback)
        if not text.strip() or _HALTED in text:
            self.close()
            raise DataError(f"the story breaks off with an error of its own: {self._path}")
        return Situation(
            text=text,
            won=bool(state.get("won")),
            lost=bool(state.get("lost")),
            ended=bool(state.get("won") or state.get("lost") or state.get("done")),
            score=int(state.get("score") or 0),
        )


def installed_version() -> str:
    """Return TextWorld's version.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.metadata.version("textworld")
    except importlib.metadata.PackageNotFoundError:
        raise ConfigError(
            "the environment 'textworld' needs the package 'textworld', which is not installed; "
            "install it with: pip install 'embodied-codeact[textworld]'"
        ) from None


def _player() -> Any:
    import textworld
    from textworld.envs.zmachine.jericho import JerichoEnv

    return JerichoEnv(textworld.EnvInfos(won=True, lost=True))


def _start(player: Any, path: Path, seed: int) -> tuple[Any, Any]:
    """Start a story. One that does not know TextWorld's questions is not of TextWorld's making, and
    is played as it is.
    """
    from textworld.envs.wrappers.tw_inform7 import Inform7Data

    _forget_stories(player)
    player.load(os.fspath(path.absolute()))
    player.seed(1 + seed % 2**30)  # Frotz takes 0 and less for the time of day
    game = Inform7Data(player)
    state = game.reset()
    if state["moves"] is not None:
        return game, state
    return player, player.reset()


def _forget_stories(player: Any) -> None:
    """Release the last story, file and memory: the player would keep all that it has played."""
    if player.game_running:
        player._jericho.close()
        player._jericho._cache.clear()


def _data_error(path: Path, error: Exception) -> DataError:
    return DataError(f"a story cannot be played ({type(error).__name__}: {error!s:.200}): {path}")
