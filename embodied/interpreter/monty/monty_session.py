"""The restricted interpreter: pydantic-monty, driven call by call.

Code runs in a Monty worker process that has no files, no network and no environment; every
controller call suspends it and is answered here. Between its actions a session is some kilobytes
of state and holds no process. An action that must be broken off leaves that state as it was.
"""

from __future__ import annotations

import ast
from keyword import iskeyword

from embodied.controller import Controller
from embodied.errors import DataError, InfrastructureError
from embodied.interpreter.awaited_calls import awaited_calls, names_of_actions
from embodied.interpreter.call_dispatcher import ActionAborted
from embodied.interpreter.code_session import CodeSession
from embodied.interpreter.monty import polyfills, wire
from embodied.interpreter.monty.enumerations import code as enumerations_code
from embodied.interpreter.monty.enumerations import member_names
from embodied.interpreter.monty.error_variables import look_up
from embodied.interpreter.monty.execution import Execution
from embodied.interpreter.monty.pool import MontyPool
from embodied.interpreter.monty.rewrite import Rewritten, UnsupportedError, rewrite
from embodied.interpreter.monty.state import State, StateCodec
from embodied.interpreter.monty.subset import callbacks, pixels
from embodied.interpreter.monty.worker import CodeFailed, Worker, WorkerDied
from embodied.interpreter.parsed_code import BoundNames, ParsedCode
from embodied.interpreter.session import Output
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits

_LARGE = 32
"""What part of the memory a state may take that is surely small enough."""


class MontySession(CodeSession):
    """Borrows a Monty worker process for each action."""

    interpreter = "restricted"

    def __init__(
        self, robot: Controller, limits: Limits, seed: int, check: bool, pool: MontyPool
    ) -> None:
        super().__init__(robot, limits, check)
        self._seed = seed
        self._pool: MontyPool | None = pool
        self._types = PlanTypes(robot.plan_types())
        self._codec = StateCodec(tuple(robot.actions()), limits.seconds, limits.memory_bytes)
        self.state = State()
        """What its actions have left; an action gives it another, and changes none."""

    def dump(self) -> bytes:
        """Pack the state: some kilobytes, and what the variables take."""
        return self._codec.pack(self.state)

    def load(self, state: bytes) -> None:
        """Go on from a dumped state, under the limits under which it was made."""
        loaded = self._codec.unpack(state)
        if loaded.monty:
            with self._open().borrow(self._limits, self._seed) as worker:
                try:
                    worker.load(loaded.monty)
                except (CodeFailed, WorkerDied, MemoryError) as error:
                    raise DataError(f"the state is damaged: {error}") from None
        self.state = loaded
        if self._checker is not None:
            self._checker.ran(BoundNames(loaded.names, loaded.dynamic))

    def literals(self, characters: int) -> dict[str, str | None]:
        """Write the variables as Python, without running any code of the policy.

        Args:
            characters: of all texts together.

        Returns:
            By name; None where a variable is neither plain data nor of one of the robot's types,
            or where there is no room for it.
        """
        found: dict[str, str | None] = {}
        if not self.state.monty:
            return found
        display = polyfills.sources(["display"], self.state.files)
        names = [n for n in sorted(self.state.names) if n.isidentifier() and not iskeyword(n)]
        with self._open().borrow(self._limits, self._seed) as worker:
            worker.load(self.state.monty)
            try:
                worker.run("\n".join(display.values()))
                for name in names:
                    text = _literal(worker, name, self._types)
                    characters -= len(text or "")
                    if text != "":
                        found[name] = text if characters >= 0 else None
            except (CodeFailed, WorkerDied, MemoryError):
                return dict.fromkeys(names) | found
        return found

    def _close(self) -> None:
        self._pool = None

    def _open(self) -> MontyPool:
        if self._pool is None or self._pool.closed:
            raise RuntimeError("the session is closed")
        return self._pool

    def _run(self, code: ParsedCode) -> Output:
        known = code.names | BoundNames(self.state.names, self.state.dynamic)
        actions, types = self._robot.actions().keys(), self._types
        robots = self._robot.robots()
        own = {name for names in robots.values() for name in names}
        bound = known.bound | actions | types.named.keys() | robots.keys()
        try:
            awaited = awaited_calls(code.nodes, names_of_actions(self._robot, known.bound))
            certain, fields = actions - known.bound, types.fields | own
            rewritten = rewrite(code, bound, certain, fields, awaited, show=True)
            waiting = actions | types.named.keys() | own
            reaching = callbacks.reaching(code.nodes, self.state.reaching | waiting)
            callbacks.check(code.nodes, reaching)
            if types.has_pictures:
                pixels.check(code.nodes)
        except UnsupportedError as refused:
            return Output(error=refused.record, parsed=False, unsupported=refused.lacking)
        execution = Execution(
            self._robot, self._types, self._limits, rewritten, code.tree, known.bound
        )
        pool = self._open()
        try:
            with pool.borrow(self._limits, self._seed) as worker:
                state = self._drive(execution, worker, rewritten, code)
            self._keep(pool, state.model_copy(update={"reaching": reaching}))
        except ActionAborted as aborted:
            execution.output.limit = aborted.limit
        except (CodeFailed, RuntimeError, OverflowError, TypeError, ValueError) as error:
            raise InfrastructureError(f"the interpreter failed: {error!r}") from error
        except (MemoryError, WorkerDied):
            most = self._limits.memory_bytes
            execution.output.limit = f"the variables are too large to be kept in {most} bytes"
        return execution.output

    def _drive(
        self,
        execution: Execution,
        worker: Worker,
        rewritten: Rewritten,
        code: ParsedCode,
    ) -> State:
        """Run an action to its end and return the state after it."""
        ready = self._prepare(worker, rewritten)
        execution.drive(worker, ready)
        source = rewritten.source.text if _leaves_code(code) else None
        state = ready.model_copy(
            update={
                "monty": worker.dump(),
                "sources": (*ready.sources, source),
                "names": execution.names,
                "dynamic": self.state.dynamic or code.names.dynamic,
            }
        )
        error = execution.output.error
        if error is not None and error.line is not None and execution.failed_here:
            error.variables = look_up(worker, code.tree, error.line, state)
        return state

    def _keep(self, pool: MontyPool, state: State) -> None:
        """Go on from a state, if it leaves the next action half of the memory.

        What Monty needs to load a state is not known before: a large one is tried.
        """
        memory = self._limits.memory_bytes
        if len(state.monty) > memory // _LARGE:
            half = self._limits.model_copy(update={"memory_bytes": memory // 2})
            with pool.borrow(half, self._seed) as worker:
                worker.load(state.monty)
                worker.dump()
        self.state = state

    def _prepare(self, worker: Worker, rewritten: Rewritten) -> State:
        """Load the state and what the code needs; return what there is then, without its dump."""
        state, functions = self.state, tuple[str, ...]()
        enumerations = self._types.of_form("enum")
        new = polyfills.sources(rewritten.needs, state.files)
        fed = list(new.values())
        if rewritten.shows:
            fed.append(polyfills.shown(self._limits.output_characters + 1))
        if state.monty:
            worker.load(state.monty)
        else:
            fed.insert(0, polyfills.first_code())
            fed += [enumerations_code(enumerations)] if enumerations else []
            functions = tuple(self._robot.actions())
        if not fed:
            return state
        try:
            completed = worker.run("\n".join(fed), functions)
        except CodeFailed:
            raise ActionAborted("the code replaced what rewritten code stands on") from None
        update = {"sources": (*state.sources, None), "files": state.files.union(new)}
        if enumerations and not state.monty:
            update["members"] = wire.read_members(completed, member_names(enumerations))
        return state.model_copy(update=update)


def _leaves_code(code: ParsedCode) -> bool:
    """Whether code leaves something behind that can run later."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.GeneratorExp | ast.Attribute
    return any(isinstance(node, kinds) for node in code.nodes)


def _literal(worker: Worker, name: str, types: PlanTypes) -> str | None:
    """Write a variable as Python; None for what cannot be written, empty where there is none."""
    fields = {known.name: list(known.fields) for known in types.of_form("record", "tuple")}
    fields |= {known.name: ["value"] for known in types.of_form("enum")}
    literal, text = polyfills.global_name("display.literal"), polyfills.global_name("text")
    call = f"{literal}({name}, {fields!r})"
    code = f"try:\n    {text} = {call}\nexcept NameError:\n    {text} = ''\n{text}"
    try:
        found = worker.run(code).value()
    except (CodeFailed, ValueError, TypeError):
        return None
    return found if isinstance(found, str) else None
