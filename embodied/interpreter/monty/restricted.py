"""The restricted interpreter: pydantic-monty, driven call by call.

Code runs in a Monty worker process that has no files, no network and no environment; every
controller call suspends it and is answered here. Between its actions a session is some kilobytes
of state and holds no process. An action that must be broken off leaves that state as it was.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pydantic_monty as monty

from embodied.controller import Controller
from embodied.errors import DataError, InfrastructureError
from embodied.interpreter.bound_names import Names
from embodied.interpreter.calls import BreakOff
from embodied.interpreter.code import CodeSession
from embodied.interpreter.monty import polyfills
from embodied.interpreter.monty.execution import MEASURED, MODULES, Action
from embodied.interpreter.monty.pool import MontyWorkers
from embodied.interpreter.monty.rewrite import Crossings, Lowered, RefusedError, lower
from embodied.interpreter.monty.state import Maker, State
from embodied.interpreter.monty.variables import look_up
from embodied.interpreter.parsed import Code
from embodied.interpreter.session import Output
from embodied.limits import Limits

__all__ = ["MODULES", "MontyWorkers", "RestrictedSession"]

_LARGE = 32
"""What part of the memory a state may take that is surely small enough."""


class RestrictedSession(CodeSession):
    """Borrows a Monty worker process for each action."""

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
        self._workers: MontyWorkers | None = workers
        self._maker = Maker(tuple(robot.actions()), limits.seconds, limits.memory_bytes)
        self._state = State()

    def dump(self) -> bytes:
        """Some kilobytes, and what the variables take."""
        return self._maker.pack(self._state)

    def load(self, state: bytes) -> None:
        """Go on from a dumped state, under the limits under which it was made."""
        loaded = self._maker.unpack(state)
        if loaded.monty:
            with self._open().borrow(self._limits, self._seed) as worker:
                try:
                    worker.load_session(loaded.monty)
                except (monty.MontyError, RuntimeError) as error:
                    raise DataError(f"the state is damaged: {error}") from None
        self._state = loaded
        if self._checker is not None:
            self._checker.ran(Names(loaded.names, loaded.dynamic))

    def _close(self) -> None:
        self._workers = None

    def _open(self) -> MontyWorkers:
        if self._workers is None or self._workers.closed:
            raise RuntimeError("the session is closed")
        return self._workers

    def _run(self, code: Code) -> Output:
        known = code.names | Names(self._state.names, self._state.dynamic)
        bound = known.bound | self._robot.actions().keys()
        try:
            lowered = lower(code, bound, self._state.definitions, self._crossings(known))
        except RefusedError as refused:
            return Output(error=refused.record, parsed=False)
        action = Action(self._robot, self._limits, lowered.source, code.tree, known.bound)
        workers = self._open()
        try:
            with workers.borrow(self._limits, self._seed) as worker:
                state = self._drive(action, worker, lowered, code)
            self._keep(workers, state)
        except BreakOff as broken:
            action.output.limit = broken.limit
        except (RecursionError, OverflowError, TypeError, ValueError) as error:
            action.output.limit = f"the code made a value that cannot be handled: {error}"
        except (monty.MontyError, RuntimeError) as error:
            if not _is_of_memory(error):
                raise InfrastructureError(f"the interpreter failed: {error!r}") from error
            most = self._limits.memory_bytes
            action.output.limit = f"the variables are too large to be kept in {most} bytes"
        return action.output

    def _crossings(self, known: Names) -> Crossings:
        actions = frozenset() if known.dynamic else self._robot.actions().keys() - known.bound
        return Crossings(self._state.guards, actions, self._limits.output_characters)

    def _drive(
        self, action: Action, worker: monty.MontySession, lowered: Lowered, code: Code
    ) -> State:
        """Run an action; the state after it.

        Raises:
            BreakOff: it does not come to its end.
        """
        sources, definitions = self._prepare(worker, lowered)
        action.drive(worker, sources)
        state = State(
            monty=worker.dump(),
            sources=(*sources, lowered.source.text if _leaves_code(code) else None),
            names=action.names,
            dynamic=self._state.dynamic or code.names.dynamic,
            definitions=definitions,
            guards=self._state.guards,
        )
        error = action.output.error
        if error is not None and error.line is not None and action.failed_here:
            error.variables = look_up(
                worker, code.tree, error.line, action.names, definitions, self._state.guards
            )
        return state

    def _keep(self, workers: MontyWorkers, state: State) -> None:
        """Go on from a state, if it leaves the next action half of the memory.

        What Monty needs to load a state is not known before: a large one is tried.
        """
        memory = self._limits.memory_bytes
        if len(state.monty) > memory // _LARGE:
            half = self._limits.model_copy(update={"memory_bytes": memory // 2})
            with workers.borrow(half, self._seed) as worker:
                worker.load_session(state.monty)
                worker.dump()
        self._state = state

    def _prepare(
        self, worker: monty.MontySession, lowered: Lowered
    ) -> tuple[tuple[str | None, ...], frozenset[str]]:
        """Load the state and what the code needs; all that has been fed, and all definitions."""
        state = self._state
        sources = list(state.sources)
        if state.monty:
            worker.load_session(state.monty)
        else:
            guards, actions = state.guards, self._robot.actions()
            functions = {guards.call(name): _function(name) for name in actions}
            parts = polyfills.beginning(), guards.code(), guards.wrapping(actions)
            worker.feed_run("\n".join(parts), inputs=functions)
            sources.append(None)
        new = polyfills.definitions(lowered.needs, state.definitions)
        if new:
            worker.feed_run("\n".join(new.values()))
            sources.append(None)
        return tuple(sources), state.definitions | new.keys()


def _is_of_memory(error: monty.MontyError | RuntimeError) -> bool:
    return isinstance(error, monty.MontyError) and isinstance(error.exception(), MemoryError)


def _leaves_code(code: Code) -> bool:
    """Whether code leaves something behind that can run later."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp | ast.Attribute
    return any(isinstance(node, kinds) for node in code.nodes)


def _function(name: str) -> Callable[..., None]:
    def function(*args: Any, **kwargs: Any) -> None:
        """Stands for a controller action; the interpreter sends its calls to the host by name."""

    function.__name__ = f"{name}{MEASURED}"
    return function
