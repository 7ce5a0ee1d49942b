"""Runs snippets in host processes, watches them from outside, and gives a verdict on each."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import psutil

from embodied.errors import InfrastructureError
from embodied.sandbox.canaries import ENVIRONMENT, Canaries
from embodied.sandbox.corpus import Snippet
from embodied.sandbox.host import Target, command
from embodied.sandbox.trial import GRACE_SECONDS, LIMITS, Observed, Order
from embodied.sandbox.verdict import Finding, Outcome, Problem
from embodied.sandbox.watch import Watch, workers

_START_SECONDS = 120.0
_SAMPLE_SECONDS = 0.03
_END_SECONDS = 5.0


def check_sandbox(
    target: Target,
    snippets: Iterable[Snippet],
    *,
    parallel: int = 2,
    on_finding: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Try snippets on an interpreter.

    Args:
        target: the interpreter.
        snippets: what to try.
        parallel: how many hosts run at a time.
        on_finding: called with each finding, from several threads.

    Returns:
        One finding a snippet, in their order.

    Raises:
        InfrastructureError: the interpreter does not start here.
    """
    todo = list(snippets)
    waiting: queue.SimpleQueue[Snippet] = queue.SimpleQueue()
    for snippet in todo:
        waiting.put(snippet)
    found: dict[str, Finding] = {}

    def work() -> None:
        with Lane(target) as lane:
            while not waiting.empty():
                try:
                    snippet = waiting.get_nowait()
                except queue.Empty:
                    return
                found[snippet.id] = lane.try_snippet(snippet)
                on_finding(found[snippet.id])

    with ThreadPoolExecutor(parallel) as pool:
        for lane in [pool.submit(work) for _ in range(min(parallel, len(todo)))]:
            lane.result()
    return [found[snippet.id] for snippet in todo]


class Lane:
    """Canaries and a host of its own, which is replaced when it was harmed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._canaries = Canaries()
        self._host: Host | None = None

    def try_snippet(self, snippet: Snippet) -> Finding:
        """Run one snippet and judge it.

        Raises:
            InfrastructureError: no host starts.
        """
        host = self._ready_host()
        words = self._canaries.words | {"HOST_PID": str(host.process.pid)}
        order = Order(
            actions=snippet.actions(words),
            state=snippet.forged_state(words),
            dump=snippet.dump,
            check=snippet.check,
        )
        self._canaries.reset()
        before, started = len(workers(host.process)), time.monotonic()
        problems, observed = self._watched(host, order)
        if observed is not None:
            problems += observed.problems
            problems += self._canaries.leaked("\n".join(observed.texts))
            problems += _left_running(host.process, before)
        if problems:
            self._drop_host()
        problems += self._canaries.problems()
        return Finding(
            id=snippet.id,
            kind=snippet.kind,
            problems=problems,
            how=observed.how if observed else "",
            seconds=round(observed.seconds if observed else time.monotonic() - started, 2),
        )

    def _ready_host(self) -> Host:
        if self._host is None:
            self._host = Host(self._target, self._canaries)
        return self._host

    def _watched(self, host: Host, order: Order) -> tuple[list[Problem], Observed | None]:
        """Run an order while watching the host; None: it did not live to tell."""
        host.send(order.model_dump_json())
        answer = host.answer(_START_SECONDS)
        if "ready" not in answer:
            return [Problem(outcome=Outcome.CRASH, what=f"no session: {host.end()}")], None
        watch = Watch(host.process, self._canaries)
        host.send("go")
        actions = len(order.actions) + 4
        answer = host.answer(actions * (LIMITS.seconds + GRACE_SECONDS), watch)
        if "observed" not in answer:
            return [*watch.problems(0), host.end()], None
        problems = watch.problems(answer["peak"])
        problems += [
            Problem(outcome=Outcome.MUTATION, what=f"it left the temporary file {path}")
            for path in watch.new_files()
        ]
        return problems, Observed.model_validate(answer["observed"])

    def _drop_host(self) -> None:
        if self._host is not None:
            self._host.kill()
        self._host = None

    def close(self) -> None:
        """End the host and remove the canaries."""
        self._drop_host()
        self._canaries.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Host:
    """A started host process.

    Raises:
        InfrastructureError: it does not start; says what it wrote.
    """

    def __init__(self, target: Target, canaries: Canaries) -> None:
        self._errors = (canaries.folder / "errors").open("w+")
        self._process = subprocess.Popen(  # noqa: S603
            command(target, canaries.command_line, canaries.memory, canaries.words["FILE"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=canaries.working,
            env=_environment(canaries),
            start_new_session=True,
        )
        self.process = psutil.Process(self._process.pid)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        if "started" not in self.answer(_START_SECONDS):
            self.kill()
            raise InfrastructureError(f"the interpreter does not start: {self._said()}")

    def send(self, line: str) -> None:
        """Give the host a line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError:
            return

    def answer(self, seconds: float, watch: Watch | None = None) -> dict[str, Any]:
        """What the host says next; empty where it says nothing in time, or has died."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=_SAMPLE_SECONDS)
            except queue.Empty:
                if watch is not None:
                    watch.look()
                    if watch.emergency:
                        return {}
                continue
            answer: dict[str, Any] = json.loads(line) if line else {}
            return answer
        return {}

    def end(self) -> Problem:
        """End a host that has not answered, and say what was wrong with it."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()
            return Problem(outcome=Outcome.HANG, what="the host did not answer in time")
        return Problem(
            outcome=Outcome.CRASH, what=f"the host ended with {code}: {self._said()}"
        )

    def kill(self) -> None:
        """End the host and all that descends from it."""
        descendants = workers(self.process)
        self._process.kill()
        self._process.wait()
        for process in descendants:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-500:].strip()


def _environment(canaries: Canaries) -> dict[str, str]:
    return os.environ | {
        ENVIRONMENT: canaries.environment,
        "TMPDIR": str(canaries.temporary),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _left_running(host: psutil.Process, before: int) -> list[Problem]:
    """Processes that outlive their session."""
    deadline = time.monotonic() + _END_SECONDS
    while len(workers(host)) > before:
        if time.monotonic() > deadline:
            names = ", ".join(sorted({process.name() for process in workers(host)}))
            what = f"processes outlive the session: {names}"
            return [Problem(outcome=Outcome.ESCAPE, what=what)]
        time.sleep(_SAMPLE_SECONDS)
    return []
