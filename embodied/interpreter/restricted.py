"""The restricted interpreter: pydantic-monty, driven call by call.

Code runs in a Monty worker process that has no files, no network and no environment; every
controller call suspends it and is answered here. Before each action the session is dumped (a few
kilobytes), so that an action that must be broken off leaves the variables as they were before it.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from typing import Any

import pydantic_monty as monty

from embodied.controller import Controller
from embodied.errors import EmbodiedError, InfrastructureError
from embodied.interpreter.calls import BreakOff, Caller
from embodied.interpreter.check import unknown_name
from embodied.interpreter.code import CodeSession
from embodied.interpreter.session import Limits, Output
from embodied.plain import described, shortened
from embodied.trajectory import ErrorRecord

MODULES = (
    "asyncio, base64, collections, copy, csv, dataclasses, datetime, decimal, enum, functools, "
    "hashlib, itertools, json, math, operator, os, pathlib, random, re, string, sys, time, typing"
)
"""What code may import."""


class MontyWorkers:
    """The Monty worker processes that the sessions of one process share."""

    def close(self) -> None:
        """End the worker processes."""


class RestrictedSession(CodeSession):
    """A Monty worker process of its own for each session; it dies with the session."""

    def __init__(
        self,
        robot: Controller,
        limits: Limits,
        seed: int = 0,
        *,
        check: bool = True,
        workers: MontyWorkers,
    ) -> None:
        super().__init__(robot, limits, check=check)
        self._seed = seed
        self._sources: dict[str, str] = {}
        self._state: bytes | None = None
        self._pool: monty.Monty | None = monty.Monty(max_processes=1)
        self._pool.__enter__()
        self._worker: monty.MontySession | None = None

    def dump(self) -> bytes:
        """A few kilobytes."""
        raise NotImplementedError

    def load(self, state: bytes) -> None:
        """Go on from a dumped state."""
        raise NotImplementedError

    def _close(self) -> None:
        self._drop_worker()
        if self._pool is not None:
            self._pool.__exit__(None, None, None)
            self._pool = None

    def _run(self, code: str, tree: ast.Module) -> Output:
        worker = self._ready_worker()
        self._state = worker.dump()
        action = _Action(self._robot, self._limits, self._sources, code)
        try:
            action.drive(worker)
        except BreakOff as broken:
            action.output.limit = broken.limit
            self._break_off()
        except (RecursionError, OverflowError, TypeError, ValueError) as error:
            action.output.limit = f"the code made a value that cannot be handled: {error}"
            self._break_off()
        except EmbodiedError:
            self._break_off()
            raise
        except (monty.MontyError, RuntimeError) as error:
            self._break_off()
            raise InfrastructureError(f"the interpreter failed: {error!r}") from error
        return action.output

    def _break_off(self) -> None:
        """Leave the running action; the next one starts from the state before it."""
        self._sources.popitem()
        self._drop_worker()

    def _ready_worker(self) -> monty.MontySession:
        if self._worker is not None:
            return self._worker
        if self._pool is None:
            raise RuntimeError("the session is closed")
        worker = self._pool.checkout(
            limits={
                "max_memory": self._limits.memory_bytes,
                "max_feed_duration_secs": self._limits.seconds,
                "max_suspensions": 2**31 - 1,
            },
            os_policy={"sleep": "zero", "random_start": {"seed": self._seed}},
            assert_message_annotations=False,
        )
        try:
            worker.__enter__()
            if self._state is None:
                self._bind_actions(worker)
            else:
                worker.load_session(self._state)
        except (monty.MontyError, OSError, RuntimeError) as error:
            raise InfrastructureError(f"the interpreter did not start: {error}") from error
        self._worker = worker
        return worker

    def _bind_actions(self, worker: monty.MontySession) -> None:
        """Make the actions names of the session, so that they win over builtins such as `slice`."""
        functions = {name: _function(name) for name in self._robot.actions()}
        self._sources["<python-input-0>"] = "None"
        worker.feed_run("None", inputs=functions)

    def _drop_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        try:
            worker.__exit__(None, None, None)
        except (monty.MontyError, RuntimeError):
            return


class _Action:
    """One running code action."""

    def __init__(
        self, robot: Controller, limits: Limits, sources: dict[str, str], code: str
    ) -> None:
        self.output = Output()
        self._robot = robot
        self._limits = limits
        self._sources = sources
        self._code = code
        self._caller = Caller(robot, limits, self.output)
        self._started = time.monotonic()
        self._raised: dict[str, str] = {}
        self._printed = _Printed(limits.output_characters)

    def drive(self, worker: monty.MontySession) -> None:
        """Run to the end, answering every suspension.

        Raises:
            BreakOff: the worker is left in the middle of the action.
        """
        self._sources[f"<python-input-{len(self._sources)}>"] = self._code
        try:
            snapshot = worker.feed_start(self._code, print_callback=self._printed)
            while not isinstance(snapshot, monty.MontyComplete):
                snapshot = self._answer(snapshot)
            self.output.value = _shown(snapshot, self._limits.output_characters)
        except monty.MontyCrashedError as error:
            what = f"{self._limits.seconds:g} seconds" if error.timed_out else "its memory"
            raise BreakOff(f"the code used up {what}") from None
        except (monty.MontyRuntimeError, monty.MontySyntaxError) as error:
            self._report(error)
        finally:
            self.output.stdout = self._printed.text

    def _report(self, error: monty.MontyRuntimeError | monty.MontySyntaxError) -> None:
        exception, frames = error.exception(), error.traceback()
        if isinstance(exception, TimeoutError) and not frames:
            raise BreakOff(f"the code used up {self._limits.seconds:g} seconds")
        if isinstance(exception, MemoryError) and "limit exceeded" in str(exception):
            raise BreakOff(f"the code used up {self._limits.memory_bytes} bytes of memory")
        self.output.parsed = not all(frame.function_name is None for frame in frames)
        message, name = shortened(error.display("msg")), type(exception).__name__
        if type(exception) is Exception:
            name = self._raised.get(message, name)
        inside = [frame for frame in frames if frame.filename in self._sources]
        self.output.error = ErrorRecord(
            type=name,
            message=message,
            line=inside[-1].line if inside else None,
        )

    def _answer(self, snapshot: Any) -> Any:
        if time.monotonic() - self._started - self._caller.seconds > self._limits.seconds:
            raise BreakOff(f"the code used up {self._limits.seconds:g} seconds")
        if isinstance(snapshot, monty.NameLookupSnapshot):
            return snapshot.resume()
        if not isinstance(snapshot, monty.FunctionSnapshot):
            raise BreakOff("the code waits for something that never comes (async)")
        if snapshot.is_os_function:
            return self._operating_system(snapshot)
        return self._call(snapshot)

    def _operating_system(self, snapshot: monty.FunctionSnapshot) -> Any:
        if snapshot.function_name != "import":
            return snapshot.resume_not_handled()
        module = str(snapshot.args[0]) if snapshot.args else "module"
        message = f"No module named {module!r}. There are: {MODULES}"
        return snapshot.resume({"exception": ModuleNotFoundError(message)})

    def _call(self, snapshot: monty.FunctionSnapshot) -> Any:
        name = str(snapshot.function_name)
        if name == "input":
            return self._input(snapshot)
        if name not in self._robot.actions():
            return snapshot.resume(
                {"exception": NameError(unknown_name(name, self._robot.actions()))}
            )
        line = self._line(snapshot.position)
        made = self._caller.call(name, snapshot.args, snapshot.kwargs, line)
        answer: Any = {"return_value": made.value}
        if made.exception is not None:
            answer = self._exception(made.exception)
        try:
            return snapshot.resume(answer)
        except monty.MontyRuntimeError as error:
            if error.traceback() or not isinstance(error.exception(), TypeError | ValueError):
                raise
            raise InfrastructureError(
                f"{name}() returned what code cannot hold: {error}"
            ) from error

    def _input(self, snapshot: monty.FunctionSnapshot) -> Any:
        """Nobody answers: as CPython does at the end of its input."""
        self._printed("stdout", "".join(str(value) for value in snapshot.args))
        return snapshot.resume(self._exception(EOFError("EOF when reading a line")))

    def _exception(self, exception: Exception) -> monty.ExternalException:
        """An exception for the code; Monty knows most built-in types and calls others Exception."""
        self._raised[str(exception)] = type(exception).__name__
        return {"exception": exception}

    def _line(self, position: monty.SourceRange) -> int | None:
        source = self._sources.get(position.filename)
        return None if source is None else source.encode()[: position.start].count(b"\n") + 1


class _Printed:
    """Collects printed text up to a limit and drops the rest, with a note."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[str] = []
        self._length = 0

    def __call__(self, stream: str, text: str) -> None:
        self._kept.append(text[: max(0, self._limit - self._length)])
        self._length += len(text)

    @property
    def text(self) -> str:
        note = f"\n[output cut at {self._limit} characters]" if self._length > self._limit else ""
        return "".join(self._kept) + note


def _function(name: str) -> Callable[..., None]:
    def function(*args: Any, **kwargs: Any) -> None:
        """Stands for a controller action; the interpreter sends its calls to the host by name."""

    function.__name__ = name
    return function


def _shown(complete: monty.MontyComplete, limit: int) -> str | None:
    try:
        value = complete.output
    except (RecursionError, ValueError, MemoryError):
        return "(a value too large to show)"
    return None if value is None else described(value, limit)
