"""What is left of a restricted session between two actions, and its form as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from embodied.errors import DataError
from embodied.interpreter.monty.polyfills import Guards, new_secret

_MAGIC = b"embodied restricted 3\n"
_DIGEST = 16
_LENGTH = 4
_SPARE_BYTES = 8 * 1024 * 1024

_Names = Annotated[list[Annotated[str, Field(max_length=1000)]], Field(max_length=100_000)]


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    actions: _Names
    seconds: float
    memory_bytes: int
    sources: list[str | None]
    names: _Names
    dynamic: bool
    files: _Names
    secret: str = Field(pattern=r"^[a-z]{1,100}$")


@dataclass(frozen=True)
class State:
    """A session between two actions."""

    monty: bytes = b""
    """Monty's own dump; empty before the first action."""
    sources: tuple[str | None, ...] = ()
    """What Monty has been fed, in order; None where errors and calls cannot point to it."""
    names: frozenset[str] = frozenset()
    """Names that the code so far may have bound anywhere, attributes included."""
    dynamic: bool = False
    """Whether code may have bound names that its text does not show."""
    files: frozenset[str] = field(default=frozenset())
    """Files of `polyfills` that the session has."""
    guards: Guards = field(default_factory=lambda: Guards(new_secret()))
    """What measures the values that leave it."""


@dataclass(frozen=True)
class StateCodec:
    """What a state fits: the session that made it, or one like it."""

    actions: tuple[str, ...]
    seconds: float
    memory_bytes: int

    def pack(self, state: State) -> bytes:
        """Turn a state into bytes."""
        header = _Header(
            actions=list(self.actions),
            seconds=self.seconds,
            memory_bytes=self.memory_bytes,
            sources=list(state.sources),
            names=sorted(state.names),
            dynamic=state.dynamic,
            files=sorted(state.files),
            secret=state.guards.secret,
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
        self._check(header)
        return State(
            monty=content[_LENGTH + length :],
            sources=tuple(header.sources),
            names=frozenset(header.names),
            dynamic=header.dynamic,
            files=frozenset(header.files),
            guards=Guards(header.secret),
        )

    def _check(self, header: _Header) -> None:
        if tuple(header.actions) != self.actions:
            raise DataError(
                f"the state belongs to a robot with the actions {', '.join(header.actions)}, "
                f"not {', '.join(self.actions)}"
            )
        if (header.seconds, header.memory_bytes) != (self.seconds, self.memory_bytes):
            raise DataError(
                f"the state was made under limits of {header.seconds:g} seconds and "
                f"{header.memory_bytes} bytes of memory; load it under the same"
            )


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
