"""The expert: minigrid's `BabyAIBot`, which reads the level's state."""

from __future__ import annotations

from typing import Any

from embodied.errors import DataError

_MOST_SUBGOALS = 300
"""Subgoals that the bot may set before it moves. It needs a few; where it needs more, it is in one
of its endless loops."""


def solve(level: Any) -> list[int]:
    """Find the actions by which the bot solves a level that has just been reset.

    The level is played to its end.

    Raises:
        DataError: the bot cannot solve it; its documentation names levels of which this is known.
    """
    from minigrid.utils.baby_ai_bot import BabyAIBot

    make_bot: Any = BabyAIBot
    bot = make_bot(level)
    bot.stack = _Stack(bot.stack)
    if level.carrying:
        _forget_first_pick_up(bot)
    actions: list[int] = []
    action: Any = None
    while True:
        try:
            bot.stack.added = 0
            action = bot.replan(action)
        except Exception as error:
            raise _unsolved(actions, f"{type(error).__name__}: {error}") from error
        actions.append(int(action))
        _, reward, terminated, truncated, _ = level.step(action)
        if terminated and reward > 0:
            return actions
        if terminated or truncated or action == level.actions.done:
            raise _unsolved(actions, "it ended without success")


def _forget_first_pick_up(bot: Any) -> None:
    """Drop the fetching: levels called `Carrying` begin with the thing in hand."""
    names = [type(subgoal).__name__ for subgoal in bot.stack]
    if names[-2:] == ["PickupSubgoal", "GoNextToSubgoal"]:
        del bot.stack[-2:]


def _unsolved(actions: list[int], why: str) -> DataError:
    return DataError(f"BabyAIBot cannot solve this level; after {len(actions)} actions: {why}")


class _Stack(list[Any]):
    """The bot's subgoals, with a bound on those that it adds in one go."""

    added = 0

    def append(self, subgoal: Any) -> None:
        self.added += 1
        if self.added > _MOST_SUBGOALS:
            raise RuntimeError("the bot sets itself the same subgoals for ever")
        super().append(subgoal)
