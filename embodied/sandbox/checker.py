"""Runs snippets in host processes, watches them from outside, and gives a verdict on each."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import psutil

from embodied._util.closeable import Closeable
from embodied.sandbox.canaries import Canaries
from embodied.sandbox.corpus import Snippet
from embodied.sandbox.host_process import HostProcess
from embodied.sandbox.resource_monitor import ResourceMonitor, open_files, workers
from embodied.sandbox.snippet_run import GRACE_SECONDS, LIMITS, Observed
from embodied.sandbox.target import Target
from embodied.sandbox.verdict import Finding, Problem, Verdict

_READY_SECONDS = 30.0
_LOOK_SECONDS = 0.03
_END_SECONDS = 5.0
_MORE_FILES = 16


class Checker(Closeable):
    """Tries snippets on an interpreter.

    Args:
        target: the interpreter.
        parallel: how many hosts run at a time.
    """

    def __init__(self, target: Target, parallel: int = 2) -> None:
        self._lanes = [_Lane(target) for _ in range(parallel)]

    def check(
        self,
        snippets: Iterable[Snippet],
        on_finding: Callable[[Finding], None] = lambda finding: None,
    ) -> list[Finding]:
        """Try snippets.

        Args:
            snippets: what to try.
            on_finding: called with each finding, from several threads.

        Returns:
            One finding a snippet, in their order.

        Raises:
            InfrastructureError: the interpreter does not start here.
        """
        lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
        for lane in self._lanes:
            lanes.put(lane)

        def find(snippet: Snippet) -> Finding:
            lane = lanes.get()
            try:
                finding = lane.try_snippet(snippet)
            finally:
                lanes.put(lane)
            on_finding(finding)
            return finding

        pool = ThreadPoolExecutor(len(self._lanes))
        try:
            return list(pool.map(find, snippets))
        finally:
            pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        """End the hosts and remove what was planted."""
        for lane in self._lanes:
            lane.close()


class _Lane:
    """Canaries and a host of its own, which is replaced when it was harmed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._canaries: Canaries | None = None
        self._host: HostProcess | None = None

    def try_snippet(self, snippet: Snippet) -> Finding:
        canaries, host = self._ready()
        filled = snippet.filled(canaries.words | {"HOST_PID": str(host.process.pid)})
        canaries.reset()
        before, files = len(workers(host.process)), open_files(host.process)
        started = time.monotonic()
        problems, observed = _watched(host, filled, canaries)
        if observed is not None:
            problems += observed.problems
            problems += canaries.leaked("\n".join(observed.texts))
            problems += _left_running(host.process, before)
            problems += _left_open(host.process, files)
        problems += canaries.problems()
        if problems:
            self.close()
        return Finding(
            id=snippet.id,
            kind=snippet.kind,
            problems=problems,
            how=observed.how if observed else "",
            seconds=round(observed.seconds if observed else time.monotonic() - started, 2),
        )

    def _ready(self) -> tuple[Canaries, HostProcess]:
        if self._canaries is None:
            self._canaries = Canaries()
        if self._host is None:
            self._host = HostProcess(self._target, self._canaries)
        return self._canaries, self._host

    def close(self) -> None:
        if self._host is not None:
            self._host.kill()
        if self._canaries is not None:
            self._canaries.close()
        self._host = self._canaries = None


def _watched(
    host: HostProcess, snippet: Snippet, canaries: Canaries
) -> tuple[list[Problem], Observed | None]:
    """Have a snippet tried while watching the host; None: it did not live to tell."""
    host.send(snippet.model_dump_json())
    if host.answer(_READY_SECONDS) is None:
        return [host.end()], None
    monitor = ResourceMonitor(host.process, canaries)
    host.send("go")
    actions = len(snippet.code) + 4
    answer = host.answer(actions * (LIMITS.seconds + GRACE_SECONDS), monitor)
    if answer is None or answer.observed is None:
        return monitor.problems() or [host.end()], None
    problems = monitor.problems()
    problems += [
        Problem(outcome=Verdict.MUTATION, what=f"it left the temporary file {path}")
        for path in monitor.new_files()
    ]
    return problems, answer.observed


def _left_running(host: psutil.Process, before: int) -> list[Problem]:
    """List processes that outlive their session."""
    deadline = time.monotonic() + _END_SECONDS
    while len(workers(host)) > before:
        if time.monotonic() > deadline:
            names = ", ".join(sorted({process.name() for process in workers(host)}))
            what = f"processes outlive the session: {names}"
            return [Problem(outcome=Verdict.ESCAPE, what=what)]
        time.sleep(_LOOK_SECONDS)
    return []


def _left_open(host: psutil.Process, before: int) -> list[Problem]:
    """Files and sockets that the host does not close."""
    number = open_files(host) - before
    if number <= _MORE_FILES:
        return []
    return [Problem(outcome=Verdict.MEMORY, what=f"{number} files are left open in the host")]
