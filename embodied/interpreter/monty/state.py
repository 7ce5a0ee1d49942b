"""What is left of a restricted session between two actions, and its form as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError, field_serializer

from embodied.errors import DataError

_MAGIC = b"embodied restricted 5\n"
_DIGEST = 16
_LENGTH = 4
_SPARE_BYTES = 8 * 1024 * 1024


class State(BaseModel, extra="forbid", frozen=True, strict=True):
    """A session between two actions."""

    monty: bytes = Field(b"", exclude=True)
    """Monty's own dump; empty before the first action."""
    sources: tuple[str | None, ...] = ()
    """What Monty has been fed, in order; None where errors and calls cannot point to it."""
    names: frozenset[str] = frozenset()
    """Names that the code so far may have bound anywhere, attributes included."""
    dynamic: bool = False
    """Whether code may have bound names that its text does not show."""
    files: frozenset[str] = frozenset()
    """Files of `polyfills` that the session has."""
    members: dict[str, dict[str, tuple[str, str]]] = {}
    """Of the robot's enumerations, by which identities Monty knows class and member."""
    reaching: frozenset[str] = frozenset()
    """Functions that may call the robot."""

    @field_serializer("names", "files", "reaching")
    def _in_order(self, names: frozenset[str]) -> list[str]:
        return sorted(names)


class _Header(BaseModel, extra="forbid", strict=True):
    actions: tuple[str, ...]
    seconds: float
    memory_bytes: int
    state: State


@dataclass(frozen=True)
class StateCodec:
    """What a state fits: the session that made it, or one like it."""

    actions: tuple[str, ...]
    seconds: float
    memory_bytes: int

    def pack(self, state: State) -> bytes:
        """Turn a state into bytes."""
        header = _Header(
            actions=self.actions,
            seconds=self.seconds,
            memory_bytes=self.memory_bytes,
            state=state,
        )
        text = header.model_dump_json().encode()
        content = len(text).to_bytes(_LENGTH, "big") + text + state.monty
        return _MAGIC + _digest(content) + content

    def unpack(self, packed: bytes) -> State:
        """Read the state that `pack` made bytes of; Monty's part is not looked at.

        Raises:
            DataError: these are other or damaged bytes, or those of a session of another kind.
        """
        if not packed.startswith(_MAGIC):
            raise DataError("this is no state of a restricted session of this version")
        if len(packed) > 2 * self.memory_bytes + _SPARE_BYTES:
            raise DataError("the state is larger than a session's memory could be")
        digest = packed[len(_MAGIC) : len(_MAGIC) + _DIGEST]
        content = packed[len(_MAGIC) + _DIGEST :]
        if digest != _digest(content):
            raise DataError("the state is damaged: its checksum does not fit; was it cut off?")
        length = int.from_bytes(content[:_LENGTH], "big")
        try:
            header = _Header.model_validate_json(content[_LENGTH : _LENGTH + length])
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "all"
            raise DataError(f"the state's header is malformed: {where}: {problem['msg']}") from None
        if header.actions != self.actions:
            raise DataError(
                f"the state belongs to a robot with the actions {', '.join(header.actions)}, "
                f"not {', '.join(self.actions)}"
            )
        if (header.seconds, header.memory_bytes) != (self.seconds, self.memory_bytes):
            raise DataError(
                f"the state was made under limits of {header.seconds:g} seconds and "
                f"{header.memory_bytes} bytes of memory; load it under the same"
            )
        return header.state.model_copy(update={"monty": content[_LENGTH + length :]})


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
