"""Who approves calls: a setting, a rule of the user's, or the person who is asked."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import get_args

from embodied._util.threads import OwnThread
from embodied.approval import Approver, PendingCall
from embodied.config.schema import ApprovalVerdict
from embodied.controller import Controller
from embodied.errors import ConfigError, ErrorBoundary
from embodied.plugins.plugin_file import is_file, load_file
from embodied.trajectory import ApprovalRecord

Rule = Callable[[PendingCall], str]
"""A user's own: returns `allow`, `ask` or `deny`; a reason may follow, as in `deny: too far`."""

_READ_BYTES = 65_536
_NOBODY = (
    "somebody is to approve what a robot does, and standard input has ended; run it in a terminal. "
    "Calls are approved without anybody by --runner.approval allow, deny or path/to/file.py:rule"
)


@dataclass(frozen=True)
class Question:
    """A call that a person is to approve."""

    number: int
    """Of this worker's questions."""
    text: str


def load_rule(setting: str) -> Rule | None:
    """Load the rule that `runner.approval` names; None where it is `ask`, `allow` or `deny`.

    Raises:
        ConfigError: there is no such rule.
    """
    if not is_file(setting):
        return None
    file, name = load_file(setting, "rule")
    rule: Rule = file.get(name, "rule")
    if not callable(rule):
        raise ConfigError(f"{name} in {file.path} is no rule; it must be a function of one call")
    return rule


def needs_approval(setting: str, robot: Controller | type[Controller]) -> bool:
    """Tell whether calls of a robot may be held."""
    return is_file(setting) or any(spec.confirm for spec in robot.actions().values())


def make_approver(
    setting: str, ask: Callable[[PendingCall], ApprovalRecord | Future[ApprovalRecord]]
) -> Approver:
    """Make what judges a robot's calls.

    Args:
        setting: `runner.approval`.
        ask: asks a person.

    Raises:
        ConfigError: there is no such rule.
    """
    rule = load_rule(setting)

    def judge(call: PendingCall) -> ApprovalRecord | Future[ApprovalRecord] | None:
        verdict, reason, by = setting, "", setting
        if rule is not None:
            verdict, reason = _verdict(setting, rule, call)
            by = "rule"
        elif not call.confirm:
            return None
        if verdict == "ask":
            return ask(call)
        if verdict == "allow" and not call.confirm:
            return None
        return ApprovalRecord(approved=verdict == "allow", by=by, reason=reason)

    return judge


def _verdict(name: str, rule: Rule, call: PendingCall) -> tuple[str, str]:
    with ErrorBoundary(f"the rule {name}"):
        said = rule(call)
    verdict, _, reason = said.partition(":") if isinstance(said, str) else ("", "", "")
    if verdict.strip() not in get_args(ApprovalVerdict):
        raise ConfigError(
            f"the rule {name} returned {said!r:.80} for {call.name}(); it must return 'allow', "
            "'ask' or 'deny', which a reason may follow: 'deny: too far'"
        )
    return verdict.strip(), reason.strip()


class Questions:
    """Those of one worker's robots, which a person elsewhere answers.

    Args:
        loop: where the questions are fetched.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._numbers = itertools.count()
        self._asked: asyncio.Queue[Question] = asyncio.Queue()
        self._open: dict[int, Future[ApprovalRecord]] = {}

    def ask(self, call: PendingCall, episode: str) -> Future[ApprovalRecord]:
        """Ask about a call of an episode; any thread may."""
        question = Question(next(self._numbers), f"{episode}: {call}")
        answer: Future[ApprovalRecord] = Future()
        self._open[question.number] = answer
        self._loop.call_soon_threadsafe(self._asked.put_nowait, question)
        return answer

    async def next(self) -> Question:
        """Wait for a question that is still open."""
        while True:
            question = await self._asked.get()
            if self._open[question.number].done():  # its episode was broken off
                del self._open[question.number]
                continue
            return question

    def answer(self, number: int, approval: ApprovalRecord) -> None:
        """Answer a question."""
        waiting = self._open.pop(number)
        if waiting.set_running_or_notify_cancel():
            waiting.set_result(approval)


class Terminal:
    """Asks the person at the terminal, one question at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._keyboard: OwnThread | None = None
        self._read = b""

    async def approve(self, question: str) -> ApprovalRecord:
        """Have somebody approve a call: `y` does; anything else refuses it, and is the reason.

        Raises:
            ConfigError: standard input has ended.
        """
        async with self._turn:
            print(f"{question}\napprove? [y, n, or why not] ", end="", file=sys.stderr, flush=True)
            self._keyboard = self._keyboard or OwnThread("keyboard")
            line = await asyncio.wrap_future(self._keyboard.submit(self._line))
        said = line.strip()
        approved = said.lower() in ("y", "yes")
        reason = "" if approved or said.lower() in ("", "n", "no") else said
        return ApprovalRecord(approved=approved, by="terminal", reason=reason)

    def _line(self) -> str:
        """Read a line, not by `sys.stdin`: the process may end meanwhile, and would wait for it."""
        while b"\n" not in self._read:
            try:
                more = os.read(sys.stdin.fileno(), _READ_BYTES)
            except (AttributeError, OSError):  # there is none
                more = b""
            if not more:
                raise ConfigError(_NOBODY)
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace")
