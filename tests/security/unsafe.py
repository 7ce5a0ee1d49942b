"""An interpreter that holds nothing, for the checker to find out."""

from __future__ import annotations

import ast
import contextlib
import io
import pickle
from typing import Any

from embodied.controller import Controller
from embodied.interpreter import Output, Session
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord


class UnsafeSessions:
    """Makes sessions that run code in this very process."""

    def session(
        self, name: str, robot: Controller, limits: Limits | None = None, *, check: bool = True
    ) -> Session:
        return UnsafeSession(robot)

    def close(self) -> None:
        pass


class UnsafeSession(Session):
    """`exec`, with the robot's own methods as names."""

    def __init__(self, robot: Controller) -> None:
        self._names: dict[str, Any] = {name: getattr(robot, name) for name in robot.actions()}
        self._actions = set(self._names)

    def run(self, code: str) -> Output:
        output, printed = Output(), io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                output.value = self._value(code)
            except Exception as error:
                output.error = ErrorRecord(type=type(error).__name__, message=str(error))
        output.stdout = printed.getvalue()
        return output

    def _value(self, code: str) -> str | None:
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "action", "exec"), self._names)
        if not isinstance(last, ast.Expr):
            return None
        value = eval(compile(ast.Expression(last.value), "action", "eval"), self._names)
        return None if value is None else repr(value)

    def dump(self) -> bytes:
        kept = {k: v for k, v in self._names.items() if k not in self._actions and k[0] != "_"}
        kept = {k: v for k, v in kept.items() if not isinstance(v, type)}
        return pickle.dumps(kept)

    def load(self, state: bytes) -> None:
        self._names |= pickle.loads(state)

    def _close(self) -> None:
        pass
