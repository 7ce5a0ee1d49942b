"""What all interpreters of Python do before code runs: read it, bound it, check its calls."""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from typing import ClassVar

from embodied.controller import Controller
from embodied.interpreter.parsed_code import ParsedCode
from embodied.interpreter.session import Output, Session
from embodied.interpreter.static_check import StaticChecker
from embodied.interpreter.typed_values import PlanTypes
from embodied.limits import Limits
from embodied.trajectory import ErrorRecord

_NOT_CALLABLE = re.compile("object is not callable$")


class CodeSession(Session):
    """Runs Python.

    Args:
        robot: whose actions the code may call.
        limits: of one action.
        check: whether calls that cannot succeed and names that do not exist are refused before
            anything of the code runs.
    """

    interpreter: ClassVar[str | None] = None
    """Names what runs the code, where it is always the same."""

    def __init__(self, robot: Controller, limits: Limits, check: bool) -> None:
        self._robot = robot
        self._limits = limits
        types = PlanTypes(robot.plan_types()).named.keys()
        robots = robot.robots()
        checker = StaticChecker(robot.actions(), robot.checks_arguments, types, robots)
        self._checker = checker if check else None

    def run(self, code: str) -> Output:
        """Run one code action."""
        if len(code) > self._limits.code_characters:
            most = self._limits.code_characters
            return Output(limit=f"the code is longer than {most} characters")
        try:
            parsed = ParsedCode.parse(code)
            error = self._checker.problem(parsed) if self._checker else None
        except (SyntaxError, RecursionError, MemoryError) as raised:
            error = _error_of_form(raised)
        if error is not None:
            return Output(error=error, parsed=False)
        names = parsed.names
        output = self.run_parsed(parsed)
        if self._checker is not None:
            self._checker.ran(names)
        return output

    def run_parsed(self, code: ParsedCode) -> Output:
        """Run code that was read and found to be in order."""
        output = self._run(code)
        if output.parsed:
            output.interpreter = output.interpreter or self.interpreter
        if output.error is not None and _NOT_CALLABLE.search(output.error.message):
            output.error.message += self._hidden(code, output.error.line)
        return output

    def _hidden(self, code: ParsedCode, line: int | None) -> str:
        """Name the actions that a line calls where their names stand for something else."""
        calls = (node for node in code.nodes if isinstance(node, ast.Call) and node.lineno == line)
        called = (node.func.id for node in calls if isinstance(node.func, ast.Name))
        names = [name for name in dict.fromkeys(called) if name in self._robot.actions()]
        advice = "; {0} is a variable now and hides the robot's function: `del {0}` brings it back"
        return "".join(map(advice.format, names))

    @abstractmethod
    def _run(self, code: ParsedCode) -> Output:
        """Run code; it may change the syntax tree."""


class PrintedText:
    """Collects printed text up to a limit of characters and drops the rest, with a note."""

    def __init__(self, limit: int) -> None:
        self.length = 0
        """Characters printed so far."""
        self._limit = limit
        self._kept: list[str] = []

    def add(self, text: str) -> None:
        """Take more text."""
        if self.length < self._limit:
            self._kept.append(text[: self._limit - self.length])
        self.length += len(text)

    def __str__(self) -> str:
        note = f"\n[output cut at {self._limit} characters]" if self.length > self._limit else ""
        return "".join(self._kept) + note


def _error_of_form(error: BaseException) -> ErrorRecord:
    if not isinstance(error, SyntaxError):
        return ErrorRecord(type=type(error).__name__, message=str(error) or "the code is too deep")
    return ErrorRecord(
        type=type(error).__name__,
        message=error.msg or "invalid syntax",
        line=error.lineno or None,
        column=error.offset or None,
    )
