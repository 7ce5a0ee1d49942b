"""Writes the state of a game as bytes, and reads it back.

A snapshot says which facts differ from the beginning of the game, so that it is small and means the
same in every process. Its bytes may come from anywhere.
"""

from __future__ import annotations

from pydantic import BaseModel, Field, ValidationError

from embodied.errors import DataError
from embodied_envs.alfworld.compiled import CompiledGame
from embodied_envs.alfworld.facts import State
from embodied_envs.alfworld.pddl.problem import Fact

MAX_BYTES = 1_000_000

_Fact = tuple[str, ...]


class _Snapshot(BaseModel, extra="forbid"):
    game: str
    """The game's fingerprint."""
    added: list[_Fact] = Field(max_length=10_000)
    removed: list[_Fact] = Field(max_length=10_000)


def write_snapshot(game: CompiledGame, state: State) -> bytes:
    """Write a state as bytes."""
    added = sorted(game.facts.fact(number) for number in state - game.facts.initial)
    removed = sorted(game.facts.fact(number) for number in game.facts.initial - state)
    snapshot = _Snapshot(game=game.fingerprint, added=added, removed=removed)
    return snapshot.model_dump_json().encode()


def read_snapshot(game: CompiledGame, content: bytes) -> State:
    """Read the state of a snapshot.

    Raises:
        DataError: it is no snapshot, or one of another game.
    """
    if len(content) > MAX_BYTES:
        raise DataError("these bytes are not a snapshot of an ALFWorld game: too many")
    try:
        snapshot = _Snapshot.model_validate_json(content)
    except ValidationError as error:
        raise DataError("these bytes are not a snapshot of an ALFWorld game") from error
    if snapshot.game != game.fingerprint:
        raise DataError("the snapshot belongs to another game; reset to its task first")
    if not all(_is_possible(game, fact) for fact in snapshot.added + snapshot.removed):
        raise DataError("the snapshot holds facts that this game cannot have")
    removed = {game.facts.number(fact) for fact in snapshot.removed}
    return (game.facts.initial - removed) | {game.facts.number(fact) for fact in snapshot.added}


def _is_possible(game: CompiledGame, fact: Fact) -> bool:
    return bool(fact) and game.is_possible(fact)
