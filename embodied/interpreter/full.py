"""The full interpreter: CPython in a confined process, with the libraries that plans import.

A zygote has imported everything and forks a process for each session (`zygote.py`). The programs of
these processes are in `confined/`. Whatever a process says may have been made up by the code that
it runs: here it has a size and a time, it is validated, and what does not fit ends the process.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from embodied.controller import Controller
from embodied.environment import Attachment
from embodied.errors import DataError, InfrastructureError
from embodied.interpreter.calls import Answer, BreakOff, Caller
from embodied.interpreter.code import CodeSession
from embodied.interpreter.confined import folder, wire
from embodied.interpreter.confined.values import decode, encode
from embodied.interpreter.pipe import Malformed
from embodied.interpreter.session import Limits, Output
from embodied.interpreter.zygote import Child, Zygote, unconfinable
from embodied.plain import shortened
from embodied.trajectory import ErrorRecord

__all__ = ["FullSession", "Zygote"]

_LITTLE_BYTES = 256 * 1024
_HEAD_BYTES = 16 * 1024
_START_SECONDS = 60.0
"""How long a process may take to be confined. No code of the policy runs in it yet."""
_ATTENTION_SECONDS = 5.0
"""How long a process may take to take or to give variables."""
_LOOK_SECONDS = 0.5
"""How often a running process's folder is looked at."""
_VARIABLES = 8
_VARIABLE_CHARACTERS = 220
_DISTURBED = "the code disturbed the process that ran it"
_LOST = "the code's variables could not be kept; start again without them"
_HEADER = f"embodied full 1 python {sys.version_info.major}.{sys.version_info.minor}\n".encode()
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def _cut(most: int) -> BeforeValidator:
    return BeforeValidator(lambda text: shortened(text, most) if isinstance(text, str) else text)


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Call(_Message):
    name: str = Field(max_length=200)
    args: list[Any] = Field(max_length=1000)
    kwargs: dict[str, Any] = Field(max_length=1000)
    line: int | None = Field(ge=1, le=10_000_000)


class _Error(_Message):
    type: Annotated[str, _cut(100)]
    message: Annotated[str, _cut(wire.MESSAGE_CHARACTERS)]
    line: int | None = Field(None, ge=1, le=10_000_000)
    column: int | None = Field(None, ge=1, le=10_000_000)
    variables: dict[str, Annotated[str, _cut(_VARIABLE_CHARACTERS)]] = Field(
        {}, max_length=_VARIABLES
    )

    def record(self) -> ErrorRecord:
        kind = self.type if self.type.isidentifier() else "Exception"
        named = {k: v for k, v in self.variables.items() if k.isidentifier()}
        return ErrorRecord(**self.model_dump() | {"type": kind, "variables": named})


class _Done(_Message):
    parsed: bool = True
    value: str | None = None
    error: _Error | None = None
    out_of_memory: bool = False


class _Head(_Message):
    lost: list[Annotated[str, _cut(100)]] = Field(max_length=20)


class _Loaded(_Message):
    problem: Annotated[str, _cut(500)] | None = None
    names: list[str] = Field([], max_length=10_000)


class FullSession(CodeSession):
    """A confined process of its own for each session; it dies with the session.

    Args:
        robot: whose actions the code may call.
        limits: of one action.
        seed: of the random numbers of Python and NumPy.
        check: as `CodeSession`.
        zygote: starts the process.
    """

    def __init__(
        self,
        robot: Controller,
        limits: Limits,
        seed: int = 0,
        *,
        check: bool = True,
        zygote: Zygote,
    ) -> None:
        super().__init__(robot, limits, check=check)
        self._seed = seed
        self._zygote = zygote
        self._folder: Path | None = None
        self._child: Child | None = None
        self._state = b""
        self._lost: list[str] = []
        self._closed = False

    def dump(self) -> bytes:
        """What of the variables can be pickled, at most 4 MB. Nothing in it is run or read here."""
        return _HEADER + self._state

    def load(self, state: bytes) -> None:
        """Go on from a dumped state, of the same version of Python."""
        if not state.startswith(_HEADER):
            raise DataError("this is no state of the full interpreter on this version of Python")
        if len(state) > len(_HEADER) + wire.STATE_BYTES:
            raise DataError(f"a state has at most {wire.STATE_BYTES} bytes, this has more")
        before, self._state = self._state, state[len(_HEADER) :]
        self._drop_child()
        try:
            self._zygote.pause(self._ready_child())
        except _LostError as error:
            self._state = before
            raise DataError(f"the state of the full interpreter is damaged: {error}") from None

    def _close(self) -> None:
        self._closed = True
        self._drop_child()
        if self._folder is not None:
            folder.remove(self._folder)

    def _run(self, code: str, tree: ast.Module) -> Output:
        action = _Action(self._robot, self._limits)
        try:
            child = self._ready_child()
            action.drive(child, code)
            self._keep_variables(child)
            self._zygote.pause(child)
        except _LostError:
            action.output.limit = _LOST
        except EOFError:
            action.output.limit = self._how_it_ended() + self._what_was_lost()
        except BreakOff as broken:
            self._break_off()
            action.output.limit = broken.limit and broken.limit + self._what_was_lost()
        except BaseException:
            self._break_off()
            raise
        return action.output

    def _break_off(self) -> None:
        """Leave the running action; the next one starts from the variables before it."""
        self._drop_child()
        if self._folder is not None and folder.is_too_full(self._folder):
            folder.clear(self._folder)

    def _how_it_ended(self) -> str:
        """Of a process that has closed its socket."""
        if self._drop_child() is None:
            raise InfrastructureError("the processes of the full interpreter have died")
        return "the code ended its process"

    def _what_was_lost(self) -> str:
        return f" (variables that could not be kept: {', '.join(self._lost)})" if self._lost else ""

    def _ready_child(self) -> Child:
        """The process, with the variables of the last action.

        Raises:
            _LostError: it could not be had with these variables; the next one starts without.
        """
        if self._child is not None:
            self._zygote.resume(self._child)
            return self._child
        if self._closed:
            raise RuntimeError("the session is closed")
        self._child = self._start()
        if self._state:
            self._restore(self._child)
        return self._child

    def _start(self) -> Child:
        """A new process that is confined and knows the robot's actions."""
        self._folder = self._folder or self._zygote.make_folder()
        child = self._zygote.fork(self._folder, self._limits.memory_bytes)
        until = time.monotonic() + _START_SECONDS
        begin = {
            "actions": list(self._robot.actions()),
            "seed": self._seed,
            "output_characters": self._limits.output_characters,
        }
        try:
            _, problem = child.pipe.receive({wire.READY: _LITTLE_BYTES}, until)
            child.pipe.send(wire.BEGIN, json.dumps(begin).encode(), until)
        except (EOFError, TimeoutError, Malformed) as error:
            self._zygote.end(child)
            raise InfrastructureError(f"the interpreter did not start: {error!r}") from error
        if problem:
            self._zygote.end(child)
            raise unconfinable(problem.decode("utf-8", "replace"))
        return child

    def _restore(self, child: Child) -> None:
        until = time.monotonic() + _ATTENTION_SECONDS
        try:
            child.pipe.send(wire.LOAD, self._state, until)
            _, answer = child.pipe.receive({wire.LOADED: wire.CALL_BYTES}, until)
            loaded = _Loaded.model_validate_json(answer)
            if loaded.problem is not None:
                raise Malformed(loaded.problem)
        except (EOFError, TimeoutError, Malformed, ValidationError) as error:
            self._drop_child()
            self._state, self._lost = b"", []
            raise _LostError(str(error) or type(error).__name__) from None
        if self._checker is not None:
            self._checker.ran(_binding(loaded.names))

    def _keep_variables(self, child: Child) -> None:
        """Take the variables that the process sends after an action.

        Raises:
            _LostError: it does not send them as it should, and has been ended.
        """
        until = time.monotonic() + _ATTENTION_SECONDS
        sizes = {wire.STATE: wire.STATE_BYTES + _HEAD_BYTES}
        try:
            _, payload = child.pipe.receive(sizes, until)
            head, _, state = payload.partition(b"\n")
            self._lost = _Head.model_validate_json(head).lost
        except (TimeoutError, Malformed, ValidationError):
            self._drop_child()
            self._state, self._lost = b"", []
            raise _LostError from None
        self._state = state

    def _drop_child(self) -> int | None:
        """End the process; its status, as `Zygote.end` returns it."""
        child, self._child = self._child, None
        return None if child is None else self._zygote.end(child)


def _binding(names: list[str]) -> ast.Module:
    """A syntax tree that binds the names."""
    return ast.Module([ast.Expr(ast.Name(name, ast.Store())) for name in names], [])


class _LostError(Exception):
    """The variables of earlier actions are lost."""


class _Action:
    """One running code action."""

    def __init__(self, robot: Controller, limits: Limits) -> None:
        self.output = Output()
        self._limits = limits
        self._caller = Caller(robot, limits, self.output)
        self._pictures = _Pictures()
        self._parts: list[str] = []
        self._characters = 0
        self._sizes = {
            wire.PRINT: _LITTLE_BYTES + 4 * limits.output_characters,
            wire.CALL: wire.CALL_BYTES,
            wire.FILE: wire.FILE_BYTES + _HEAD_BYTES,
            wire.DONE: _LITTLE_BYTES + 6 * limits.output_characters,
        }

    def drive(self, child: Child, code: str) -> None:
        """Run to the end, answering every call.

        Raises:
            BreakOff: the process is left in the middle of the action.
            EOFError: it is gone.
        """
        self._started = time.monotonic()
        self._next_look = self._started + _LOOK_SECONDS
        try:
            child.pipe.send(wire.RUN, code.encode(), self._until)
            while not self._take(child, *self._next(child)):
                pass
        except TimeoutError:
            raise BreakOff(f"the code used up {self._limits.seconds:g} seconds") from None
        except (Malformed, ValueError, TypeError, RecursionError):
            raise BreakOff(_DISTURBED) from None
        finally:
            self.output.stdout = "".join(self._parts) + self._note()
            self.output.attachments = tuple(self._pictures.kept)

    @property
    def _until(self) -> float:
        return self._started + self._caller.seconds + self._limits.seconds

    def _note(self) -> str:
        most = self._limits.output_characters
        return f"\n[output cut at {most} characters]" if self._characters > most else ""

    def _next(self, child: Child) -> tuple[bytes, bytes]:
        """The next frame. Meanwhile the folder is looked at now and then."""
        while True:
            if time.monotonic() >= self._next_look:
                self._look(child)
            try:
                return child.pipe.receive(self._sizes, min(self._until, self._next_look))
            except TimeoutError:
                if time.monotonic() >= self._until:
                    raise

    def _look(self, child: Child) -> None:
        """See whether the code has filled its folder."""
        self._next_look = time.monotonic() + _LOOK_SECONDS
        if folder.is_too_full(child.folder):
            raise BreakOff(
                f"the code left more than {folder.MAX_BYTES} bytes or {folder.MAX_ENTRIES} files "
                "in its folder"
            )

    def _take(self, child: Child, kind: bytes, payload: bytes) -> bool:
        """Deal with a frame; whether it was the last one."""
        match kind:
            case wire.PRINT:
                self._parts.append(self._printed(payload.decode()))
            case wire.CALL:
                child.pipe.send(wire.ANSWER, self._answer(payload), self._until)
            case wire.FILE:
                self._pictures.add(payload)
            case wire.DONE:
                self._look(child)
                self._finish(_Done.model_validate_json(payload))
                return True
        return False

    def _printed(self, text: str) -> str:
        most = self._limits.output_characters
        room = most - self._characters
        self._characters += len(text)
        if not text or self._characters > most + 1:
            raise Malformed("more output than a worker lets through")
        return text[: max(0, room)]

    def _answer(self, payload: bytes) -> bytes:
        call = _Call.model_validate_json(payload)
        args = [decode(value, bounded=True) for value in call.args]
        kwargs = {key: decode(value, bounded=True) for key, value in call.kwargs.items()}
        return _answer_payload(call.name, self._caller.call(call.name, args, kwargs, call.line))

    def _finish(self, done: _Done) -> None:
        if done.out_of_memory:
            raise BreakOff(f"the code used up {self._limits.memory_bytes} bytes of memory")
        self.output.parsed = done.parsed
        if done.error is not None:
            self.output.error = done.error.record()
        elif done.value is not None:
            self.output.value = shortened(done.value, self._limits.output_characters)


def _answer_payload(name: str, answer: Answer) -> bytes:
    error = answer.exception
    if error is None:
        try:
            return json.dumps({"value": encode(answer.value)}).encode()
        except (TypeError, ValueError, RecursionError) as problem:
            raise InfrastructureError(
                f"{name}() returned what code cannot hold: {problem}"
            ) from problem
    only = error.args[0] if len(error.args) == 1 else None
    message = shortened(only if isinstance(only, str) else str(error))
    return json.dumps({"raise": [type(error).__name__, _known(error), message]}).encode()


def _known(error: Exception) -> str:
    """The name of the nearest built-in type of an exception."""
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
            Malformed: there are more than a worker lets through.
        """
        name, _, data = payload.partition(b"\n")
        self._number += 1
        self._size += len(data)
        if self._number > wire.FILES or self._size > wire.FILE_BYTES:
            raise Malformed("more pictures than a worker lets through")
        for signature, media_type in _SIGNATURES.items():
            if data.startswith(signature):
                self.kept.append(Attachment(self._free_name(name), media_type, data))

    def _free_name(self, name: bytes) -> str:
        """A name without surprises that no other picture has."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name.decode("ascii", "replace")).strip(".-")[-60:]
        safe = safe or "picture"
        taken = {attachment.name for attachment in self.kept}
        return safe if safe not in taken else f"{self._number}-{safe}"
