"""One running action of the full interpreter: what its process says, and what of it is believed."""

from __future__ import annotations

import base64
import builtins
import json
import re
import time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from embodied._util.jsonable import safe_repr, truncate
from embodied.controller import Controller
from embodied.environment import Attachment
from embodied.errors import InfrastructureError
from embodied.image import Image
from embodied.interpreter.awaited_calls import AwaitedCalls
from embodied.interpreter.call_dispatcher import (
    ActionAborted,
    CallDispatcher,
    CallResult,
    DispatchedCall,
)
from embodied.interpreter.code_session import PrintedText
from embodied.interpreter.confined import frames
from embodied.interpreter.confined.values import decode, encode
from embodied.interpreter.cpython.framed_socket import MalformedFrame
from embodied.interpreter.cpython.zygote import SessionProcess
from embodied.interpreter.session import Output
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord

LITTLE_BYTES = 256 * 1024
"""Of a frame beside what it carries."""
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}

_Place = Annotated[int | None, Field(ge=1, le=10_000_000)]


def cut(most: int) -> BeforeValidator:
    """Of a text: cut it where it is longer."""
    return BeforeValidator(lambda text: truncate(text, most) if isinstance(text, str) else text)


class ProcessMessage(BaseModel, extra="forbid", strict=True, allow_inf_nan=False):
    """What a process says: of exactly this shape, or it is not believed."""


class _Call(ProcessMessage):
    name: str = Field(max_length=200)
    args: list[Any] = Field(max_length=1000)
    kwargs: dict[str, Any] = Field(max_length=1000)
    line: _Place
    number: int | None
    """Of a call that is begun: how many were before it."""


class _Error(ProcessMessage):
    type: Annotated[str, cut(100)]
    message: Annotated[str, cut(frames.MESSAGE_CHARACTERS)]
    line: _Place = None
    statement: _Place = None
    column: _Place = None
    variables: dict[str, Annotated[str, cut(220)]] = Field({}, max_length=8)

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
        self.out_of_memory = f"the code used up {limits.memory_bytes} bytes of memory"
        self._handles = robot.handles
        self._limits = limits
        self._dispatcher = CallDispatcher(robot, limits, self.output)
        self._begun: list[DispatchedCall] = []
        self._pictures = _Pictures()
        self._printed = PrintedText(limits.output_characters)
        self._sizes = {
            frames.PRINT: LITTLE_BYTES + 4 * limits.output_characters,
            frames.CALL: frames.CALL_BYTES,
            frames.WAIT: 0,
            frames.FILE: frames.FILE_BYTES + LITTLE_BYTES,
            frames.DONE: LITTLE_BYTES + 6 * limits.output_characters,
        }

    def drive(self, process: SessionProcess, code: str, awaited: AwaitedCalls) -> None:
        """Run to the end, answering every call.

        Args:
            process: of the session.
            code: what runs.
            awaited: the actions whose calls it awaits, by the parts that name them.

        Raises:
            ActionAborted: the process is left in the middle of the action.
            EOFError: it is gone.
        """
        self._started = time.monotonic()
        try:
            ends = [(n.end_lineno, n.end_col_offset, action) for n, action in awaited.items()]
            request = json.dumps({"code": code, "awaited": ends}).encode()
            process.socket.send(frames.RUN, request, self._until)
            while not self._take(process, *process.socket.receive(self._sizes, self._until)):
                pass
            self._dispatcher.end()
        except TimeoutError:
            raise ActionAborted(f"the code used up {self._limits.seconds:g} seconds") from None
        except (MalformedFrame, ValueError, TypeError, RecursionError):
            raise ActionAborted("the code disturbed the process that ran it") from None
        finally:
            self._dispatcher.break_off()
            self.output.stdout = str(self._printed)
            self.output.attachments = tuple(self._pictures.kept)

    @property
    def _until(self) -> float:
        return self._started + self._dispatcher.seconds + self._limits.seconds

    def _take(self, process: SessionProcess, kind: bytes, payload: bytes) -> bool:
        """Deal with a frame; whether it was the last one."""
        match kind:
            case frames.PRINT:
                self._print(payload.decode())
            case frames.CALL:
                answer = self._answer(payload)
                if answer is not None:
                    process.socket.send(frames.ANSWER, answer, self._until)
            case frames.WAIT:
                process.socket.send(frames.ANSWER, self._awaited(), self._until)
            case frames.FILE:
                self._pictures.add(payload)
            case frames.DONE:
                self._finish(_Done.model_validate_json(payload))
                return True
        return False

    def _print(self, text: str) -> None:
        self._printed.add(text)
        if not text or self._printed.length > self._limits.output_characters + 1:
            raise MalformedFrame("more output than a worker lets through")

    def _answer(self, payload: bytes) -> bytes | None:
        """Make a call, or begin it; one that is begun is not answered."""
        call = _Call.model_validate_json(payload)
        args = [decode(value, bounded=True) for value in call.args]
        kwargs = {key: decode(value, bounded=True) for key, value in call.kwargs.items()}
        if call.name in (frames.PICTURE_DATA, frames.NEW_PICTURE):
            return _written(self._picture(call.name, args))
        if call.number is None:
            return _written(self._dispatcher.call(call.name, args, kwargs, call.line))
        if call.number != len(self._begun):
            raise MalformedFrame("a call with the number of another")
        self._begun.append(self._dispatcher.begin(call.name, args, kwargs, call.line))
        return None

    def _awaited(self) -> bytes:
        """Answer the next of the calls that have begun."""
        call = self._dispatcher.take()
        if call is None or call.result is None:
            raise MalformedFrame("there is nothing to wait for")
        return _written(call.result, self._begun.index(call))

    def _picture(self, name: str, args: list[Any]) -> CallResult:
        """Give out the bytes of a picture by its id, or the id of new ones. Raises ValueError
        where no honest process asks so.
        """
        if name == frames.PICTURE_DATA:
            (given,) = args
            image = self._handles.get(str(given))
            if isinstance(image, Image):
                return CallResult(base64.b64encode(image.data).decode())
            return CallResult(exception=ValueError(f"there is no picture {safe_repr(given, 80)}"))
        title, data = args
        try:
            made = Image(truncate(str(title), 100), data=base64.b64decode(data))
        except ValueError as error:
            return CallResult(exception=ValueError(f"this is no picture: {error}"))
        return CallResult(self._handles.id_of(made))

    def _finish(self, done: _Done) -> None:
        if done.out_of_memory:
            raise ActionAborted(self.out_of_memory)
        self.output.parsed = done.parsed
        if done.error is not None:
            self.output.error = done.error.record()
        elif done.value is not None:
            self.output.value = truncate(done.value, self._limits.output_characters)


def _written(made: CallResult, number: int | None = None) -> bytes:
    """Write what a call came to for the process, with the number of one that was begun."""
    error = made.exception
    if error is None:
        try:
            return json.dumps({"number": number, "value": encode(made.value)}).encode()
        except (TypeError, ValueError, RecursionError) as problem:
            message = f"a call returned what code cannot hold: {problem}"
            raise InfrastructureError(message) from problem
    only = error.args[0] if len(error.args) == 1 else None
    message = truncate(only if isinstance(only, str) else str(error))
    names = (kind.__name__ for kind in type(error).__mro__ if kind in vars(builtins).values())
    raised = [type(error).__name__, next(names), message]
    return json.dumps({"number": number, "raise": raised}).encode()


def definitions(types: PlanTypes) -> list[dict[str, Any]]:
    """Define the robot's types, for `confined.robot_types`."""
    return [
        {
            "name": known.name,
            "form": known.form,
            "fields": list(known.fields),
            "defaults": {name: encode(value) for name, value in types.defaults(known).items()},
            "members": {name: encode(value) for name, value in known.members.items()},
            "picture": issubclass(known.python, Image),
        }
        for known in types.named.values()
    ]


class _Pictures:
    """The pictures that an action has left, checked."""

    def __init__(self) -> None:
        self.kept: list[Attachment] = []
        self._number = 0
        self._size = 0

    def add(self, payload: bytes) -> None:
        """Take one; what is no picture is left out."""
        name, _, data = payload.partition(b"\n")
        self._number += 1
        self._size += len(data)
        if self._number > frames.FILES or self._size > frames.FILE_BYTES:
            raise MalformedFrame("more pictures than a worker lets through")
        for signature, media_type in _SIGNATURES.items():
            if data.startswith(signature):
                safe = (
                    re.sub(rb"[^A-Za-z0-9._-]+", b"-", name).decode().strip(".-")[-60:] or "picture"
                )
                if safe in {attachment.name for attachment in self.kept}:
                    safe = f"{self._number}-{safe}"
                self.kept.append(Attachment(safe, media_type, data))
