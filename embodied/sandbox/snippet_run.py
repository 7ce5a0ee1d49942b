"""One snippet against one session, as seen from within the host."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from embodied.errors import DataError
from embodied.interpreter.session import Output, Session
from embodied.limits import Limits
from embodied.sandbox.canary_robot import CanaryRobot, bypasses, changes, make_robot
from embodied.sandbox.corpus import Snippet
from embodied.sandbox.fingerprint import differences, fingerprint
from embodied.sandbox.target import Sessions
from embodied.sandbox.verdict import Problem, Verdict
from embodied.trajectory import AttachmentRecord, Turn

LIMITS = Limits(seconds=1, calls=50, output_characters=10_000)
"""What a snippet may use."""
GRACE_SECONDS = 8.0
"""How long after its time an action may still take to end, on a busy machine."""
RECORD_BYTES = 4 * 1024 * 1024
"""How large the record of an action may be, without the files that it left."""
HOST_BYTES = 64 * 1024 * 1024
"""How much the host may grow during an action."""
HOST_SECONDS = 1.0
"""How much longer than the action's limit the host may work for it."""
_KEPT = "20260"


def forget_peak() -> int:
    """Let the kernel count the peak of this process's memory anew (proc(5), clear_refs)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Peak of this process's memory in bytes, 0 where it is not known."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        line = next(line for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) * 1024


class Observed(BaseModel):
    """What the host saw of a run."""

    problems: list[Problem]
    how: str
    seconds: float
    texts: list[str]
    """All that came out, for the secrets to be looked for in it."""


class HostReply(BaseModel):
    """What a host says to the checker."""

    state: Literal["started", "ready", "done"]
    observed: Observed | None = None


class SnippetRun:
    """Runs one snippet.

    Args:
        name: of the interpreter.
        sessions: where sessions of it come from.
        secret: what the robot keeps.
    """

    def __init__(self, name: str, sessions: Sessions, secret: str) -> None:
        self._name = name
        self._sessions = sessions
        self._robot = make_robot(secret)
        self._problems: list[Problem] = []
        self._outputs: list[Output] = []
        self._texts: list[str] = []
        self._seconds = 0.0
        self._replaced = False

    def run(self, snippet: Snippet, ready: Callable[[], None]) -> Observed:
        """Set up a session, report that it is ready, and run a filled snippet in it."""
        before = fingerprint()
        with self._session(self._robot, snippet) as session:
            self._run(session, f"keep = {_KEPT}")
            self._outputs.clear()
            ready()
            if snippet.state is not None:
                self._forge(session, snippet.state.encode("latin-1"))
            for code in snippet.code:
                self._run(session, code)
            self._check_session(session)
            state = self._dump(session) if snippet.dump else None
        if state is not None:
            self._check_state(state, snippet)
        self._check_records()
        self._add(Verdict.MUTATION, changes(self._robot))
        self._add(Verdict.BYPASS, bypasses(self._robot))
        self._add(Verdict.MUTATION, differences(before))
        how = next(filter(None, map(_summary, self._outputs)), "harmless result")
        return Observed(problems=self._problems, how=how, seconds=self._seconds, texts=self._texts)

    def _session(self, robot: CanaryRobot, snippet: Snippet) -> Session:
        return self._sessions.session(self._name, robot, LIMITS, check=snippet.check)

    def _run(self, session: Session, code: str) -> Output:
        before, worked, started = forget_peak(), time.process_time(), time.perf_counter()
        try:
            output = session.run(code)
        except Exception as error:
            output = Output()
            self._add(Verdict.CRASH, [f"run() raised {error!r:.500}"])
        seconds = time.perf_counter() - started
        self._seconds += seconds
        self._check_host(peak() - before, time.process_time() - worked)
        if seconds > LIMITS.seconds + GRACE_SECONDS:
            self._add(Verdict.HANG, [f"an action took {seconds:.1f} seconds"])
        self._outputs.append(output)
        return output

    def _check_host(self, grown: int, worked: float) -> None:
        """Whether an action cost the host no more than it may."""
        if grown > HOST_BYTES:
            what = f"the host took {grown >> 20} MB more, {HOST_BYTES >> 20} are allowed"
            self._add(Verdict.MEMORY, [what])
        if worked > LIMITS.seconds + HOST_SECONDS:
            self._add(Verdict.HANG, [f"the host worked for {worked:.1f} seconds"])

    def _forge(self, session: Session, state: bytes) -> None:
        """Load a forged state, as it is and behind the first line of a genuine one."""
        genuine = self._dump(session) or b""
        self._load(session, state)
        self._load(session, genuine.partition(b"\n")[0] + b"\n" + state)

    def _load(self, session: Session, state: bytes) -> None:
        try:
            session.load(state)
            self._replaced = True
        except DataError as error:
            self._texts.append(str(error))
        except Exception as error:
            self._add(Verdict.CRASH, [f"load() raised {error!r:.500}"])

    def _check_session(self, session: Session) -> None:
        """Whether the session goes on with its variable, or told that it has lost it."""
        if self._run(session, "keep").value == _KEPT:
            return
        announced = self._replaced or any(output.limit for output in self._outputs)
        last = self._run(session, "1 + 1")
        if not announced or (last.value != "2" and last.limit is None):
            what = f"the variable is gone without a word: {_summary(last)}"
            self._add(Verdict.CRASH, [what])

    def _dump(self, session: Session) -> bytes | None:
        try:
            return session.dump()
        except DataError as error:
            self._texts.append(str(error))
        except Exception as error:
            self._add(Verdict.CRASH, [f"dump() raised {error!r:.500}"])
        return None

    def _check_state(self, state: bytes, snippet: Snippet) -> None:
        """Whether what a session dumped can do harm to a host that loads it."""
        with self._session(make_robot(self._robot.environment.secret), snippet) as other:
            self._load(other, state)
            self._run(other, "1 + 1")

    def _check_records(self) -> None:
        """Whether what came out is within its limits and can be stored."""
        for output in self._outputs:
            self._texts += list(_texts(output))
            if len(output.stdout) + len(output.value or "") > 3 * LIMITS.output_characters:
                self._add(Verdict.MEMORY, ["more output was kept than the limit allows"])
            if len(output.calls) > LIMITS.calls:
                self._add(Verdict.BYPASS, [f"{len(output.calls)} calls were made"])
            try:
                size = len(_record(output).model_dump_json(exclude={"attachments"}).encode())
                Turn.model_validate_json(_record(output).model_dump_json())
            except (ValidationError, ValueError, RecursionError) as error:
                self._add(Verdict.RECORD, [f"the record cannot be stored: {error!r:.200}"])
                continue
            if size > RECORD_BYTES:
                self._add(Verdict.RECORD, [f"the record of an action has {size} bytes"])

    def _add(self, verdict: Verdict, what: list[str]) -> None:
        self._problems += [Problem(outcome=verdict, what=text) for text in what]


def _summary(output: Output) -> str:
    if output.limit is not None:
        return f"limit: {output.limit}"
    if output.error is not None:
        return f"{output.error.type}: {output.error.message[:200]}".partition("\n")[0]
    return ""


def _record(output: Output) -> Turn:
    return Turn(
        message="",
        observation=output.stdout,
        calls=output.calls,
        error=output.error,
        attachments=[
            AttachmentRecord(name=a.name, media_type=a.media_type, data=b64encode(a.data))
            for a in output.attachments
        ],
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
