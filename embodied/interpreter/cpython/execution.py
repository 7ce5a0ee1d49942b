"""One running action of the full interpreter: what its process says, and what of it is believed."""

from __future__ import annotations

import builtins
import json
import re
import time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from embodied._util.jsonable import truncate
from embodied.controller import Controller
from embodied.environment import Attachment
from embodied.errors import InfrastructureError
from embodied.interpreter.call_dispatcher import ActionAborted, CallDispatcher, CallResult
from embodied.interpreter.cpython.confined import folder, frames
from embodied.interpreter.cpython.confined.values import decode, encode
from embodied.interpreter.cpython.framed_socket import MalformedFrame
from embodied.interpreter.cpython.zygote import SessionProcess
from embodied.interpreter.session import Output
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord

LITTLE_BYTES = 256 * 1024
"""Of a frame beside what it carries."""
_LOOK_SECONDS = 0.5
"""How often a running process's folder is looked at."""
_VARIABLES = 8
_VARIABLE_CHARACTERS = 220
_DISTURBED = "the code disturbed the process that ran it"
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def cut(most: int) -> BeforeValidator:
    """Of a text: cut it where it is longer."""
    return BeforeValidator(lambda text: truncate(text, most) if isinstance(text, str) else text)


class ProcessMessage(BaseModel):
    """What a process says: of exactly this shape, or it is not believed."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Call(ProcessMessage):
    name: str = Field(max_length=200)
    args: list[Any] = Field(max_length=1000)
    kwargs: dict[str, Any] = Field(max_length=1000)
    line: int | None = Field(ge=1, le=10_000_000)


class _Error(ProcessMessage):
    type: Annotated[str, cut(100)]
    message: Annotated[str, cut(frames.MESSAGE_CHARACTERS)]
    line: int | None = Field(None, ge=1, le=10_000_000)
    statement: int | None = Field(None, ge=1, le=10_000_000)
    column: int | None = Field(None, ge=1, le=10_000_000)
    variables: dict[str, Annotated[str, cut(_VARIABLE_CHARACTERS)]] = Field(
        {}, max_length=_VARIABLES
    )

    def record(self) -> ErrorRecord:
        kind = self.type if self.type.isidentifier() else "Exception"
        named = {k: v for k, v in self.variables.items() if k.isidentifier()}
        return ErrorRecord(**self.model_dump() | {"type": kind, "variables": named})


class _Done(ProcessMessage):
    parsed: bool = True
    value: str | None = None
    error: _Error | None = None
    out_of_memory: bool = False


class Execution:
    """One running code action."""

    def __init__(self, robot: Controller, limits: Limits) -> None:
        self.output = Output()
        self._limits = limits
        self._dispatcher = CallDispatcher(robot, limits, self.output)
        self._pictures = _Pictures()
        self._parts: list[str] = []
        self._characters = 0
        self._sizes = {
            frames.PRINT: LITTLE_BYTES + 4 * limits.output_characters,
            frames.CALL: frames.CALL_BYTES,
            frames.FILE: frames.FILE_BYTES + LITTLE_BYTES,
            frames.DONE: LITTLE_BYTES + 6 * limits.output_characters,
        }

    def drive(self, process: SessionProcess, code: str) -> None:
        """Run to the end, answering every call.

        Raises:
            ActionAborted: the process is left in the middle of the action.
            EOFError: it is gone.
        """
        self._started = time.monotonic()
        self._next_look = self._started + _LOOK_SECONDS
        try:
            process.socket.send(frames.RUN, code.encode(), self._until)
            while not self._take(process, *self._next(process)):
                pass
        except TimeoutError:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds") from None
        except (MalformedFrame, ValueError, TypeError, RecursionError):
            raise ActionAborted(_DISTURBED) from None
        finally:
            self.output.stdout = "".join(self._parts) + self._note()
            self.output.attachments = tuple(self._pictures.kept)

    @property
    def _until(self) -> float:
        return self._started + self._dispatcher.seconds + self._limits.seconds

    def _note(self) -> str:
        most = self._limits.output_characters
        return f"\n[output cut at {most} characters]" if self._characters > most else ""

    def _next(self, process: SessionProcess) -> tuple[bytes, bytes]:
        """Wait for the next frame, and look at the folder now and then."""
        while True:
            if time.monotonic() >= self._next_look:
                self._look(process)
            try:
                return process.socket.receive(self._sizes, min(self._until, self._next_look))
            except TimeoutError:
                if time.monotonic() >= self._until:
                    raise

    def _look(self, process: SessionProcess) -> None:
        """See whether the code has filled its folder."""
        self._next_look = time.monotonic() + _LOOK_SECONDS
        if folder.is_too_full(process.folder):
            raise ActionAborted(
                f"the code left more than {folder.MAX_BYTES} bytes or {folder.MAX_ENTRIES} files "
                "in its folder"
            )

    def _take(self, process: SessionProcess, kind: bytes, payload: bytes) -> bool:
        """Deal with a frame; whether it was the last one."""
        match kind:
            case frames.PRINT:
                self._parts.append(self._printed(payload.decode()))
            case frames.CALL:
                process.socket.send(frames.ANSWER, self._answer(payload), self._until)
            case frames.FILE:
                self._pictures.add(payload)
            case frames.DONE:
                self._look(process)
                self._finish(_Done.model_validate_json(payload))
                return True
        return False

    def _printed(self, text: str) -> str:
        most = self._limits.output_characters
        room = most - self._characters
        self._characters += len(text)
        if not text or self._characters > most + 1:
            raise MalformedFrame("more output than a worker lets through")
        return text[: max(0, room)]

    def _answer(self, payload: bytes) -> bytes:
        call = _Call.model_validate_json(payload)
        args = [decode(value, bounded=True) for value in call.args]
        kwargs = {key: decode(value, bounded=True) for key, value in call.kwargs.items()}
        return _answer_payload(call.name, self._dispatcher.call(call.name, args, kwargs, call.line))

    def _finish(self, done: _Done) -> None:
        if done.out_of_memory:
            raise ActionAborted(f"the code used up {self._limits.memory_bytes} bytes of memory")
        self.output.parsed = done.parsed
        if done.error is not None:
            self.output.error = done.error.record()
        elif done.value is not None:
            self.output.value = truncate(done.value, self._limits.output_characters)


def _answer_payload(name: str, answer: CallResult) -> bytes:
    error = answer.exception
    if error is None:
        try:
            return json.dumps({"value": encode(answer.value)}).encode()
        except (TypeError, ValueError, RecursionError) as problem:
            raise InfrastructureError(
                f"{name}() returned what code cannot hold: {problem}"
            ) from problem
    only = error.args[0] if len(error.args) == 1 else None
    message = truncate(only if isinstance(only, str) else str(error))
    return json.dumps({"raise": [type(error).__name__, _known(error), message]}).encode()


def _known(error: Exception) -> str:
    """Name the nearest built-in type of an exception."""
    names = (kind.__name__ for kind in type(error).__mro__ if kind in vars(builtins).values())
    return next(names)


class _Pictures:
    """The pictures that an action has left, checked."""

    def __init__(self) -> None:
        self.kept: list[Attachment] = []
        self._number = 0
        self._size = 0

    def add(self, payload: bytes) -> None:
        """Take one; what is no picture is left out.

        Raises:
            MalformedFrame: there are more than a worker lets through.
        """
        name, _, data = payload.partition(b"\n")
        self._number += 1
        self._size += len(data)
        if self._number > frames.FILES or self._size > frames.FILE_BYTES:
            raise MalformedFrame("more pictures than a worker lets through")
        for signature, media_type in _SIGNATURES.items():
            if data.startswith(signature):
                self.kept.append(Attachment(self._free_name(name), media_type, data))

    def _free_name(self, name: bytes) -> str:
        """Make a name without surprises that no other picture has."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name.decode("ascii", "replace")).strip(".-")[-60:]
        safe = safe or "picture"
        taken = {attachment.name for attachment in self.kept}
        return safe if safe not in taken else f"{self._number}-{safe}"
