"""One snippet against one session, as seen from within the host."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Protocol

from pydantic import BaseModel, ValidationError

from embodied.controller import Controller
from embodied.errors import DataError
from embodied.interpreter.session import Limits, Output, Session
from embodied.sandbox.bait import Guard, changes, make_guard
from embodied.sandbox.fingerprint import differences, fingerprint
from embodied.sandbox.verdict import Outcome, Problem
from embodied.trajectory import AttachmentRecord, Turn

LIMITS = Limits(seconds=1, calls=50, output_characters=10_000)
"""What a snippet may use."""
GRACE_SECONDS = 6.0
"""How long after its time an action may still take to end, on a busy machine."""
RECORD_BYTES = 16 * 1024 * 1024
"""How large the record of an action may be."""
_KEPT = "20260"


class Sessions(Protocol):
    """What makes the sessions; `embodied.interpreter.Interpreters` is one."""

    def session(
        self, name: str, robot: Controller, limits: Limits | None = None, *, check: bool = True
    ) -> Session:
        """A new session of the named interpreter."""

    def close(self) -> None:
        """End all processes."""


class Order(BaseModel):
    """One snippet to try, its words filled in."""

    actions: list[str]
    state: bytes | None = None
    dump: bool = False
    check: bool = False


class Observed(BaseModel):
    """What the host saw of a trial."""

    problems: list[Problem]
    how: str
    seconds: float
    texts: list[str]
    """All that came out, for the secrets to be looked for in it."""


class Trial:
    """Runs one snippet.

    Args:
        name: of the interpreter.
        sessions: where sessions of it come from.
        secret: what the robot keeps.
    """

    def __init__(self, name: str, sessions: Sessions, secret: str) -> None:
        self._name = name
        self._sessions = sessions
        self._robot = make_guard(secret)
        self._problems: list[Problem] = []
        self._outputs: list[Output] = []
        self._texts: list[str] = []
        self._seconds = 0.0

    def run(self, order: Order, ready: Callable[[], None]) -> Observed:
        """Set up a session, report that it is ready, and run the snippet in it."""
        before = fingerprint()
        with self._session(self._robot, order) as session:
            self._run(session, f"keep = {_KEPT}")
            self._outputs.clear()
            ready()
            if order.state is not None:
                self._load(session, order.state)
            for code in order.actions:
                self._run(session, code)
            self._check_session(session)
            if order.dump:
                self._check_dump(session, order)
        self._check_records()
        self._add(Outcome.MUTATION, changes(self._robot))
        self._add(Outcome.MUTATION, differences(before))
        return Observed(
            problems=self._problems, how=self._how(), seconds=self._seconds, texts=self._texts
        )

    def _session(self, robot: Guard, order: Order) -> Session:
        return self._sessions.session(self._name, robot, LIMITS, check=order.check)

    def _run(self, session: Session, code: str) -> Output:
        started = time.perf_counter()
        try:
            output = session.run(code)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            output = Output()
            self._add(Outcome.CRASH, [f"run() raised {error!r:.500}"])
        seconds = time.perf_counter() - started
        self._seconds += seconds
        if seconds > LIMITS.seconds + GRACE_SECONDS:
            self._add(Outcome.HANG, [f"an action took {seconds:.1f} seconds"])
        self._outputs.append(output)
        return output

    def _load(self, session: Session, state: bytes) -> None:
        try:
            session.load(state)
        except DataError as error:
            self._texts.append(str(error))
        except Exception as error:  # noqa: BLE001
            self._add(Outcome.CRASH, [f"load() raised {error!r:.500}"])

    def _check_session(self, session: Session) -> None:
        """Whether the session goes on with its variable, or told that it has lost it."""
        if self._run(session, "keep").value == _KEPT or self._outputs[-1].ended:
            return
        lost = any(output.limit for output in self._outputs)
        if not (lost and self._run(session, "1 + 1").value == "2"):
            what = f"the variable is gone without a word: {_summary(self._outputs[-1])}"
            self._add(Outcome.CRASH, [what])

    def _check_dump(self, session: Session, order: Order) -> None:
        """Whether what the session dumps can do harm to a host that loads it."""
        try:
            state = session.dump()
        except DataError as error:
            self._texts.append(str(error))
            return
        with self._session(make_guard(self._robot.environment.secret), order) as other:
            self._load(other, state)
            self._run(other, "1 + 1")

    def _check_records(self) -> None:
        """Whether what came out is within its limits and can be stored."""
        for output in self._outputs:
            self._texts += list(_texts(output))
            if len(output.stdout) + len(output.value or "") > 3 * LIMITS.output_characters:
                self._add(Outcome.MEMORY, ["more output was kept than the limit allows"])
            if len(output.calls) > LIMITS.calls:
                self._add(Outcome.ESCAPE, [f"{len(output.calls)} calls were made"])
            try:
                size = len(_record(output).model_dump_json())
            except (ValidationError, ValueError, RecursionError) as error:
                self._add(Outcome.CRASH, [f"the record cannot be stored: {error!r:.200}"])
                continue
            if size > RECORD_BYTES:
                self._add(Outcome.MEMORY, [f"the record of an action has {size} bytes"])

    def _add(self, outcome: Outcome, what: list[str]) -> None:
        self._problems += [Problem(outcome=outcome, what=text) for text in what]

    def _how(self) -> str:
        said = [_summary(output) for output in self._outputs]
        return next((text for text in said if text), "harmless result")


def _summary(output: Output) -> str:
    if output.limit is not None:
        return f"limit: {output.limit}"
    if output.error is not None:
        return f"{output.error.type}: {output.error.message.splitlines()[0] if output.error.message else ''}"[:200]
    return ""


def _record(output: Output) -> Turn:
    return Turn(
        message="",
        observation=output.stdout,
        calls=output.calls,
        error=output.error,
        attachments=[AttachmentRecord.model_validate(asdict(a)) for a in output.attachments],
    )


def _texts(output: Output) -> Iterator[str]:
    """All text of an output, wherever it is in it."""
    values: list[object] = [asdict(output)]
    while values:
        match values.pop():
            case str(text):
                yield text
            case bytes(data):
                yield data.decode("latin-1")
            case dict() as mapping:
                values += [*mapping.keys(), *mapping.values()]
            case list() | tuple() as items:
                values += items
            case BaseModel() as model:
                values.append(model.model_dump())
