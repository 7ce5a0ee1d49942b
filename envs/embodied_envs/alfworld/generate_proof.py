"""Prove that a generated game can be won, by playing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from embodied_envs.alfworld.compiled import CompiledGame
from embodied_envs.alfworld.game_file import GameTexts
from embodied_envs.alfworld.native_game import NativeGame

_NO_COMMAND = ""
"""Changes nothing; the answer says whether the goal is met."""


def is_won_by(game_data: Mapping[str, Any], commands: Iterable[str]) -> bool:
    """Return whether the last of the commands, and none before it, wins a game.

    `game_data` is the contents of a ``game.tw-pddl``; it is played on the native engine, as players
    will play it.
    """
    texts = GameTexts(game_data["pddl_domain"], game_data["grammar"], game_data["pddl_problem"])
    game = NativeGame()
    game.play(CompiledGame(texts))
    won = [game.step(command)[1] for command in (_NO_COMMAND, *commands)]
    return won[-1] and not any(won[:-1])
