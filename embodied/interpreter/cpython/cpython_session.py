"""The full interpreter: CPython in a confined process, with the libraries that plans import.

A zygote has imported everything and forks a process for each session (`zygote.py`). The programs of
these processes are in `confined/`. Whatever a process says may have been made up by the code that
it runs: here it has a size and a time, it is validated, and what does not fit ends the process.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

from pydantic import Field, ValidationError

from embodied.controller import Controller
from embodied.errors import DataError, InfrastructureError
from embodied.interpreter.awaited_calls import awaited_calls, names_of_actions
from embodied.interpreter.call_dispatcher import ActionAborted
from embodied.interpreter.code_session import CodeSession
from embodied.interpreter.confined import frames
from embodied.interpreter.cpython.execution import (
    LITTLE_BYTES,
    Execution,
    ProcessMessage,
    cut,
    definitions,
)
from embodied.interpreter.cpython.framed_socket import MalformedFrame
from embodied.interpreter.cpython.zygote import Ending, SessionProcess, Zygote, unconfinable
from embodied.interpreter.parsed_code import BoundNames, ParsedCode
from embodied.interpreter.session import Output
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits

_HEAD_BYTES = 16 * 1024
_START_SECONDS = 60.0
"""How long a process may take to be confined. No code of the policy runs in it yet."""
_ATTENTION_SECONDS = 5.0
"""How long a process may take to take or to give variables."""
_LOST = "the code's variables could not be kept; start again without them"
_HEADER = f"embodied full 1 python {sys.version_info.major}.{sys.version_info.minor}\n".encode()


class _Head(ProcessMessage):
    lost: list[Annotated[str, cut(100)]] = Field(max_length=20)


class _Loaded(ProcessMessage):
    problem: Annotated[str, cut(500)] | None = None
    names: list[str] = Field([], max_length=10_000)


class CPythonSession(CodeSession):
    """A confined process of its own for each session; it dies with the session.

    Args:
        robot: whose actions the code may call.
        limits: of one action.
        seed: of the random numbers of Python and NumPy.
        check: as `CodeSession`.
        zygote: starts the process.
    """

    interpreter = "full"

    def __init__(
        self, robot: Controller, limits: Limits, seed: int, check: bool, zygote: Zygote
    ) -> None:
        super().__init__(robot, limits, check)
        self._seed = seed
        self._zygote = zygote
        self._folder = zygote.new_folder()
        self._process: SessionProcess | None = None
        self._state = b""
        self._lost: list[str] = []
        self._closed = False

    def dump(self) -> bytes:
        """Return what of the variables can be pickled, at most 4 MB. Nothing in it is read here."""
        return _HEADER + self._state

    def load(self, state: bytes) -> None:
        """Go on from a dumped state, of the same version of Python."""
        if not state.startswith(_HEADER):
            raise DataError("this is no state of the full interpreter on this version of Python")
        if len(state) > len(_HEADER) + frames.STATE_BYTES:
            raise DataError(f"a state has at most {frames.STATE_BYTES} bytes, this has more")
        before, self._state = self._state, state[len(_HEADER) :]
        self._drop_process()
        try:
            self._zygote.pause(self._ready_process())
        except _LostError as error:
            self._state = before
            raise DataError(f"the state of the full interpreter is damaged: {error}") from None

    def _close(self) -> None:
        self._closed = True
        self._drop_process()
        self._zygote.remove_folder(self._folder)

    def _run(self, code: ParsedCode) -> Output:
        execution = Execution(self._robot, self._limits)
        try:
            process = self._ready_process()
            own = names_of_actions(self._robot, code.names.bound)
            execution.drive(process, code.text, awaited_calls(code.nodes, own))
            self._keep_variables(process)
            self._zygote.pause(process)
        except _LostError:
            execution.output.limit = _LOST
        except EOFError:
            ending = self._drop_process()
            if ending is None:
                message = "the processes of the full interpreter have died"
                raise InfrastructureError(message) from None
            limit = (
                execution.out_of_memory if ending.out_of_memory else "the code ended its process"
            )
            execution.output.limit = limit + self._what_was_lost()
        except ActionAborted as broken:
            self._drop_process()
            execution.output.limit = broken.limit and broken.limit + self._what_was_lost()
        except BaseException:
            self._drop_process()
            raise
        return execution.output

    def _what_was_lost(self) -> str:
        return f" (variables that could not be kept: {', '.join(self._lost)})" if self._lost else ""

    def _ready_process(self) -> SessionProcess:
        """Return the process, with the variables of the last action."""
        if self._process is not None:
            self._zygote.resume(self._process)
            return self._process
        if self._closed:
            raise RuntimeError("the session is closed")
        self._process = self._start()
        if self._state:
            self._restore(self._process)
        return self._process

    def _start(self) -> SessionProcess:
        process = self._zygote.fork(self._folder, self._limits.memory_bytes)
        until = time.monotonic() + _START_SECONDS
        begin = {
            "actions": list(self._robot.actions()),
            "robots": self._robot.robots(),
            "types": definitions(PlanTypes(self._robot.plan_types())),
            "seed": self._seed,
            "output_characters": self._limits.output_characters,
        }
        try:
            _, problem = process.socket.receive({frames.READY: LITTLE_BYTES}, until)
            process.socket.send(frames.BEGIN, json.dumps(begin).encode(), until)
        except (EOFError, TimeoutError, MalformedFrame) as error:
            self._zygote.end(process)
            raise InfrastructureError(f"the interpreter did not start: {error!r}") from error
        if problem:
            self._zygote.end(process)
            raise unconfinable(problem.decode("utf-8", "replace"))
        return process

    def _restore(self, process: SessionProcess) -> None:
        until = time.monotonic() + _ATTENTION_SECONDS
        try:
            process.socket.send(frames.LOAD, self._state, until)
            _, answer = process.socket.receive({frames.LOADED: frames.CALL_BYTES}, until)
            loaded = _Loaded.model_validate_json(answer)
            if loaded.problem is not None:
                raise MalformedFrame(loaded.problem)
        except (EOFError, TimeoutError, MalformedFrame, ValidationError) as error:
            raise self._forget(error) from None
        if self._checker is not None:
            self._checker.ran(BoundNames(frozenset(loaded.names)))

    def _keep_variables(self, process: SessionProcess) -> None:
        until = time.monotonic() + _ATTENTION_SECONDS
        sizes = {frames.STATE: frames.STATE_BYTES + _HEAD_BYTES}
        try:
            _, payload = process.socket.receive(sizes, until)
            head, _, state = payload.partition(b"\n")
            self._lost = _Head.model_validate_json(head).lost
        except (TimeoutError, MalformedFrame, ValidationError) as error:
            raise self._forget(error) from None
        self._state = state

    def _forget(self, error: Exception) -> _LostError:
        """Drop the process and the variables, which it does not take or give as it should."""
        self._drop_process()
        self._state, self._lost = b"", []
        return _LostError(str(error) or type(error).__name__)

    def _drop_process(self) -> Ending | None:
        """End the process, as `Zygote.end` does."""
        process, self._process = self._process, None
        return None if process is None else self._zygote.end(process)


class _LostError(Exception):
    """The variables of earlier actions are lost."""
