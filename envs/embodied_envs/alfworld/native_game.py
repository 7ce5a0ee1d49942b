"""Plays an ALFWorld game on the project's own engine.

The texts, the goal test and the valid commands are those of TextWorld with ALFWorld's wrappers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from embodied.errors import DataError
from embodied_envs.alfworld.compiled import CompiledGame
from embodied_envs.alfworld.domain import BrokenGameError, UnsupportedGameError
from embodied_envs.alfworld.facts import State
from embodied_envs.alfworld.game_file import read_game
from embodied_envs.alfworld.operators import Operator
from embodied_envs.alfworld.refusal_reasons import refusal_reason
from embodied_envs.alfworld.snapshots import read_snapshot, write_snapshot

ENGINE_VERSION = "1"
"""Changes when the engine comes to answer differently."""

REFUSAL = "Nothing happens."
GAMES_KEPT = 128
"""Compiled games that a process keeps, each less than a megabyte."""


class NativeGame:
    """One game at a time. Its state is a set of numbers; everything else is shared."""

    def __init__(self, *, explain_refusals: bool = False) -> None:
        """Make a game to load; `explain_refusals`: whether a refused command gets a reason."""
        self._explain = explain_refusals
        self._game: CompiledGame | None = None
        self._state: State = frozenset()
        self._won: bool | None = None

    def load(self, path: Path) -> str:
        """Start the game of a file and return its first text.

        Raises:
            DataError: the file does not hold a game.
            UnsupportedGameError: the engine cannot play it; says why.
        """
        return self.play(_load(path))

    def play(self, game: CompiledGame) -> str:
        """Start a compiled game and return its first text."""
        self._game = game
        self._state = game.facts.initial
        self._won = None
        return game.first_text

    def step(self, command: str) -> tuple[str, bool]:
        """Send a command; returns the game's text and whether the goal is reached.

        Raises:
            DataError: the game turns out to be broken.
        """
        try:
            return self._step(self._playing(), command.strip())
        except BrokenGameError as error:
            raise _data_error(error) from error

    def _step(self, game: CompiledGame, command: str) -> tuple[str, bool]:
        state = self._state
        if self._won is None:
            self._won = game.is_won(state)
        possible = [
            operator
            for need, operator in game.operators.named(command)
            if need.wanted <= state and need.unwanted.isdisjoint(state)
        ]
        if not possible:
            return self._refusal(game, command), self._won
        if len(possible) > 1:
            _check_same(game, possible, state)
        operator = possible[0]
        after = operator.apply(state)
        if after is not state:
            self._won = self._enter(game, after)
        return game.narrator.text(operator.answer, operator.binding, after), self._won

    def valid_commands(self) -> list[str]:
        """List the commands that the game accepts now, sorted."""
        try:
            possible = self._playing().operators.possible(self._state)
            return sorted({operator.command for operator in possible})
        except BrokenGameError as error:
            raise _data_error(error) from error

    def command_templates(self) -> list[str]:
        """List the forms of command in the game's grammar; empty before a game is loaded."""
        return [] if self._game is None else self._game.command_templates()

    def progress(self) -> Callable[[], dict[str, bool]]:
        """Return what finds which of the goal's conditions hold now (see `Goal.progress`).

        The work is done at the call, and the answer stays that of this moment.
        """
        game, state = self._playing(), self._state
        return lambda: game.goal.progress(state, game.names)

    def snapshot(self) -> bytes:
        """Return the state of the game: what differs from its beginning."""
        return write_snapshot(self._playing(), self._state)

    def restore(self, snapshot: bytes) -> None:
        """Go back to a state that `snapshot` returned for the same game.

        Raises:
            DataError: it is not a snapshot of this game.
        """
        game = self._playing()
        state = read_snapshot(game, snapshot)
        try:
            game.operators.enable(state)
            self._won = game.is_won(state)
        except BrokenGameError as error:
            raise _data_error(error) from error
        self._state = state

    def close(self) -> None:
        """Forget the game."""
        self._game = None

    def _playing(self) -> CompiledGame:
        if self._game is None:
            raise RuntimeError("no game is loaded; reset first")
        return self._game

    def _enter(self, game: CompiledGame, state: State) -> bool:
        """Go on to another state; returns whether the goal is reached there."""
        changed = state ^ self._state
        game.operators.enable(changed & state)
        self._state = state
        return game.is_won(state) if game.goal.concerns(changed) else bool(self._won)

    def _refusal(self, game: CompiledGame, command: str) -> str:
        why = refusal_reason(game, self._state, command) if self._explain else ""
        return f"{REFUSAL} {why}".rstrip()


def _check_same(game: CompiledGame, operators: Iterable[Operator], state: State) -> None:
    """Refuse a command that means several things, of which TextWorld takes one."""
    outcomes = set()
    for operator in operators:
        after = operator.apply(state)
        outcomes.add((after, game.narrator.text(operator.answer, operator.binding, after)))
    if len(outcomes) > 1:
        raise BrokenGameError("a command means two things; the backend textworld takes one of them")


def _data_error(error: BrokenGameError) -> DataError:
    return DataError(f"the game is broken: {error}")


def _load(path: Path) -> CompiledGame:
    try:
        status = path.stat()
        return _compiled(path, status.st_size, status.st_mtime_ns)
    except UnsupportedGameError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(f"a game file cannot be played ({error!s:.200}): {path}") from error


@lru_cache(maxsize=GAMES_KEPT)
def _compiled(path: Path, size: int, changed: int) -> CompiledGame:
    """Compile the game of a file; `size` and `changed` tell its versions apart."""
    return CompiledGame(read_game(path))
