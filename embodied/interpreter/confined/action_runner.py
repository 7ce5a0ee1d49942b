"""The process of one session: runs its actions, and calls the robot through the host.

Code shares this process and may change anything in it. Nothing here protects the host: that is the
business of the confinement and of the host's own checks.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import io
import json
import linecache
import os
import random
import socket
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable
from functools import partial
from types import CodeType
from typing import Any

from . import error_report, frames
from .begun_calls import PREFIX, BegunCall
from .loops import Policy, run
from .pictures import Pictures
from .printing import Printer
from .robot_types import RobotTypes
from .saved_variables import SavedVariables
from .values import clean, decode, encode

_RESERVE_BYTES = 1024 * 1024
"""Freed when memory is used up, so that this can still be said."""


class ActionRunner:
    """Obeys the host over a socket.

    Args:
        host: the socket.
    """

    def __init__(self, host: socket.socket) -> None:
        self._socket = host
        self._sources: dict[str, str] = {}
        self._running = False
        self._pictures = Pictures()
        self._begun: dict[int, BegunCall] = {}
        """Calls that run, by their numbers in the action."""
        self._begins = 0
        self._reserve: bytes | None = bytes(_RESERVE_BYTES)
        frames.write_frame(host, frames.READY, b"")
        settings = self._receive(frames.BEGIN)
        self._printer = Printer(settings["output_characters"], self._print)
        self._most = int(settings["output_characters"])
        self._types = RobotTypes(settings["types"], self._call)
        self._actions = {name: self._action(name) for name in settings["actions"]}
        beginning = {PREFIX + name: self._beginning(name) for name in settings["actions"]}
        names: dict[str, Any] = dict(self._actions)
        names |= {
            robot: type(robot, (), {n: staticmethod(names[own]) for n, own in actions.items()})()
            for robot, actions in settings["robots"].items()
        }
        names |= self._types.classes
        main = types.ModuleType("__main__")
        _arrange(self._printer, settings["seed"])
        asyncio.set_event_loop_policy(Policy(self._wait))
        main.__dict__.update(names, __builtins__=_with(names | beginning))
        sys.modules["__main__"] = main
        self._names = main.__dict__
        self._variables = SavedVariables(self._names, names)

    def serve(self) -> None:
        """Run actions until the host closes the socket."""
        while True:
            kind, payload = frames.read_frame(self._socket)
            if kind == frames.RUN:
                self._send_json(frames.DONE, self._run(**json.loads(payload)))
                self._send_state()
            elif kind == frames.LOAD:
                self._send_json(frames.LOADED, self._load(payload))
            else:
                return

    def _receive(self, wanted: bytes) -> Any:
        kind, payload = frames.read_frame(self._socket)
        if kind != wanted:
            raise EOFError
        return json.loads(payload)

    def _send_json(self, kind: bytes, data: object) -> None:
        frames.write_frame(self._socket, kind, _json(data))

    def _print(self, text: str) -> None:
        frames.write_frame(self._socket, frames.PRINT, text.encode())

    def _action(self, name: str) -> Callable[..., Any]:
        def function(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        function.__name__ = function.__qualname__ = name
        function.__doc__ = "An action of the robot."
        return function

    def _beginning(self, name: str) -> Callable[..., BegunCall]:
        def function(*args: Any, **kwargs: Any) -> BegunCall:
            return self._begin(name, args, kwargs)

        function.__name__ = function.__qualname__ = name
        return function

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._ask(name, args, kwargs, None)
        return self._result(self._receive(frames.ANSWER))

    def _begin(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> BegunCall:
        self._ask(name, args, kwargs, self._begins)
        call = self._begun[self._begins] = BegunCall(name)
        self._begins += 1
        return call

    def _wait(self) -> bool:
        """Wait until one more of the calls that have begun has ended; False: there is none."""
        if not self._begun:
            return False
        frames.write_frame(self._socket, frames.WAIT, b"")
        answer = self._receive(frames.ANSWER)
        self._begun.pop(answer["number"]).settle(lambda: self._result(answer))
        return True

    def _ask(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], number: int | None
    ) -> None:
        """Have a call made, or begun under a number."""
        if not self._running:
            raise RuntimeError("the robot can be called only while an action runs")
        call = {"name": name, "line": self._line(), "number": number}
        payload = _json(call | self._arguments(name, args, kwargs))
        if len(payload) > frames.CALL_BYTES:
            raise ValueError(f"{name}(): the arguments are larger than {frames.CALL_BYTES} bytes")
        frames.write_frame(self._socket, frames.CALL, payload)

    def _result(self, answer: dict[str, Any]) -> Any:
        """Return what a call returned; raise what it raised."""
        if "raise" in answer:
            raise _exception(*answer["raise"])
        return decode(answer["value"], made=self._types.make)

    def _arguments(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        encoded = partial(encode, bounded=True, plain=self._types.plain)
        try:
            return {
                "args": [encoded(value) for value in args],
                "kwargs": {clean(key): encoded(value) for key, value in kwargs.items()},
            }
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"{name}(): {error}; pass text, numbers, None, or lists, tuples, sets and "
                "dictionaries of them"
            ) from None

    def _line(self) -> int | None:
        """Where the running call stands in the source of an action."""
        stack = traceback.walk_stack(sys._getframe(3))
        return next((n for frame, n in stack if frame.f_code.co_filename in self._sources), None)

    def _run(self, code: str, awaited: list[tuple[int, int, str]]) -> dict[str, Any]:
        file = f"<action {len(self._sources) + 1}>"
        try:
            begun = {(line, end): n for line, end, n in awaited if not self._is_hidden(n)}
            parts = _compiled(code, file, begun)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return {"parsed": False, "error": error_report.of_form(error)}
        self._remember({file: code})
        self._printer.start()
        self._running = True
        self._begun.clear()
        self._begins = 0
        try:
            return self._outcome(parts)
        finally:
            self._running = False
            self._printer.stop()

    def _is_hidden(self, action: str) -> bool:
        """Whether code has given the name of an action to something else."""
        own = self._actions[action]
        return self._names.get(action, own) is not own

    def _remember(self, sources: dict[str, str]) -> None:
        """Keep sources by their file names, for the lines of calls, errors and warnings."""
        self._sources |= sources
        for file, code in sources.items():
            linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)

    def _outcome(self, parts: list[CodeType]) -> dict[str, Any]:
        outcome: dict[str, Any] = {}
        try:
            with asyncio.Runner() as runner:
                value = _run_parts(parts, self._names, runner)
                if value is not None:
                    outcome["value"] = error_report.described(value, self._most)
        except MemoryError:
            self._reserve = None
            outcome["out_of_memory"] = True
        except BaseException as error:
            outcome["error"] = error_report.of_run(error, self._sources)
        self._leave_pictures()
        return outcome

    def _leave_pictures(self) -> None:
        try:
            pictures, notes = self._pictures.collect()
        except Exception as error:
            pictures, notes = [], [f"[pictures are lost: {error}]"]
        for name, data in pictures:
            frames.write_frame(self._socket, frames.FILE, clean(name).encode() + b"\n" + data)
        for note in notes:
            self._printer.write(f"{note}\n")

    def _send_state(self) -> None:
        state, lost = self._variables.dump(self._sources)
        head = json.dumps({"lost": [clean(name)[:100] for name in lost[:20]]})
        frames.write_frame(self._socket, frames.STATE, head.encode() + b"\n" + state)

    def _load(self, state: bytes) -> dict[str, Any]:
        try:
            self._remember(self._variables.load(state))
        except BaseException as error:
            return {"problem": f"{type(error).__name__}: {error}"[:500]}
        return {"names": [name for name in self._names if isinstance(name, str)][:10_000]}


def _json(data: object) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()


def _arrange(printer: Printer, seed: int) -> None:
    """Make the process what code should find: no environment, no input, the episode's seed."""
    os.environ.clear()
    sys.argv = [""]
    sys.path.append("")
    sys.stdin = io.StringIO()
    for stream in ("stdout", "stderr", "__stdout__", "__stderr__"):
        setattr(sys, stream, printer)
    builtins.input = _input
    setattr(time, "sleep", _sleep)  # noqa: B010 - for the type checker
    setattr(os, "cpu_count", lambda: 1)  # noqa: B010 - likewise; there are no threads
    setattr(asyncio, "run", run)  # noqa: B010 - likewise
    random.seed(seed)
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed(seed % 2**32)


def _with(names: dict[str, Any]) -> types.ModuleType:
    """Make the built-in names of code, with the robot's: one that code hides and deletes is back.

    Libraries keep Python's own.
    """
    module = types.ModuleType("builtins")
    vars(module).update(vars(builtins) | names)
    return module


def _input(prompt: object = "", /) -> str:
    """Nobody answers: as CPython does at the end of its input."""
    sys.stdout.write(str(prompt))
    raise EOFError("EOF when reading a line")


def _sleep(seconds: float, /) -> None:
    """Nothing changes while code sleeps, so it need not."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")


def _beginning(function: ast.expr, awaited: dict[tuple[int, int], str]) -> ast.expr:
    """Name what begins a call in place of what makes it, where it is awaited."""
    action = awaited.get((function.end_lineno or 0, function.end_col_offset or 0))
    return (
        ast.copy_location(ast.Name(PREFIX + action, ast.Load()), function) if action else function
    )


def _run_parts(parts: list[CodeType], names: dict[str, Any], runner: asyncio.Runner) -> Any:
    """Run parts of code and return the value of the last one. Where one of them awaits at its top,
    all run in the event loop.
    """
    if any(map(_awaits, parts)):
        return runner.run(_await_parts(parts, names))
    return [eval(part, names) for part in parts][-1]  # noqa: S307 - what this process is for


async def _await_parts(parts: list[CodeType], names: dict[str, Any]) -> Any:
    for part in parts:
        value = eval(part, names)  # noqa: S307 - likewise
        value = await value if _awaits(part) else value
    return value


def _awaits(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _compiled(code: str, file: str, awaited: dict[tuple[int, int], str]) -> list[CodeType]:
    """Compile all statements, the last one apart where it is an expression.

    Args:
        code: the code.
        file: its name.
        awaited: the actions whose calls it awaits, by where the parts that name them end.
    """
    compiled = partial(compile, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(code, file)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                node.func = _beginning(node.func, awaited)
        whole = compiled(tree, file, "exec")
        last = tree.body.pop() if tree.body else None
        if not isinstance(last, ast.Expr):
            return [whole]
        expression = ast.Expression(last.value)
        return [compiled(tree, file, "exec"), compiled(expression, file, "eval")]


def _exception(name: str, known: str, message: str) -> Exception:
    """Make an exception of the robot one that code can catch; `known`: its built-in type."""
    base = getattr(builtins, known)
    kind = base if name == known else type(name, (base,), {"__module__": "__main__"})
    try:
        return kind(message)  # type: ignore[no-any-return]
    except TypeError:
        return RuntimeError(message)
