"""The commands that have an effect, worked out when somebody asks.

TextWorld follows a game's state with a second parser, which doubles the cost of a step and changes
white space in the texts. So a game of its own is followed here, one step for each command sent.

TextWorld reads notes with parsers that all threads share, and that get mixed up when two threads
use them at a time; so one lock guards the loading of notes. Games themselves share nothing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodied.errors import DataError
from embodied_envs.textworld.story import read_notes

_LOADING = threading.Lock()


class ValidCommands:
    """Follows the game of one story.

    Raises:
        DataError: TextWorld cannot: there are no notes beside the story, or they are of no use.
    """

    def __init__(self, story: Path) -> None:
        read_notes(story)
        self._story = story
        self._followed = 0
        try:
            with _LOADING:
                self._game, self._state = _start(story)
        except Exception as error:
            raise _data_error(story, error) from error

    def after(self, commands: Sequence[str]) -> list[str]:
        """List the valid commands after these, which begin with those of the last time, sorted.

        Raises:
            DataError: TextWorld cannot follow the game.
        """
        try:
            for command in commands[self._followed :]:
                self._state, _, _ = self._game.step(command)
        except Exception as error:
            raise _data_error(self._story, error) from error
        self._followed = len(commands)
        return list(self._state["admissible_commands"])

    def close(self) -> None:
        """Release the game."""
        self._game.close()


def _start(story: Path) -> tuple[Any, Any]:
    import textworld
    from textworld.envs.wrappers.tw_inform7 import Inform7Data, StateTracking
    from textworld.envs.zmachine.jericho import JerichoEnv

    game = StateTracking(Inform7Data(JerichoEnv(textworld.EnvInfos(admissible_commands=True))))
    game.load(os.fspath(story.absolute()))
    return game, game.reset()


def _data_error(story: Path, error: Exception) -> DataError:
    return DataError(
        f"TextWorld cannot follow a game ({type(error).__name__}: {error!s:.200}): {story}"
    )
