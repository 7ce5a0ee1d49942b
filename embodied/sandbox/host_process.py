"""The checker's end of a host: starts it, speaks with it, and ends it."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import psutil
from pydantic import ValidationError

from embodied.errors import InfrastructureError
from embodied.sandbox.canaries import ENVIRONMENT, Canaries
from embodied.sandbox.resource_monitor import ResourceMonitor, workers
from embodied.sandbox.snippet_run import HostReply
from embodied.sandbox.target import Target
from embodied.sandbox.verdict import Problem, Verdict

_START_SECONDS = 120.0
_END_SECONDS = 5.0
_SAMPLE_SECONDS = 0.03


class HostProcess:
    """A started host, with the secrets of some canaries.

    Raises:
        InfrastructureError: it does not start; says what it wrote.
    """

    def __init__(self, target: Target, canaries: Canaries) -> None:
        self._errors = (canaries.folder / "errors").open("w+")
        self._process = subprocess.Popen(  # noqa: S603
            [
                *(sys.executable, "-m", "embodied.sandbox.host", target.model_dump_json()),
                *("--secret", canaries.command_line),
                *("--memory", canaries.memory[::-1]),
                *("--file", canaries.words["FILE"]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=canaries.working,
            env=os.environ
            | {
                ENVIRONMENT: canaries.environment,
                "TMPDIR": str(canaries.temporary),
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
            start_new_session=True,
        )
        self.process = psutil.Process(self._process.pid)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        if self.answer(_START_SECONDS) is None:
            said = self._said()
            self.kill()
            raise InfrastructureError(f"the interpreter does not start: {said}")

    def send(self, line: str) -> None:
        """Give the host a line."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(OSError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def answer(self, seconds: float, monitor: ResourceMonitor | None = None) -> HostReply | None:
        """Wait for what the host says; None where it is late, dies, or takes too much."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=_SAMPLE_SECONDS)
            except queue.Empty:
                if monitor is not None:
                    monitor.look()
                    if monitor.problems():
                        return None
                continue
            try:
                return HostReply.model_validate_json(line)
            except ValidationError:  # code has taken the host over
                return None
        return None

    def end(self) -> Problem:
        """End a host that has not answered, and say what was wrong with it."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.kill()
            return Problem(outcome=Verdict.HANG, what="the host did not answer in time")
        what = f"the host ended with {code}: {self._said()}"
        self.kill()
        return Problem(outcome=Verdict.CRASH, what=what)

    def kill(self) -> None:
        """End the host and all that descends from it."""
        deadline = time.monotonic() + _END_SECONDS
        may_have_ended = contextlib.suppress(psutil.NoSuchProcess)
        with may_have_ended:
            self.process.suspend()
        while (left := workers(self.process)) and time.monotonic() < deadline:
            for process in left:
                with may_have_ended:
                    process.kill()
            time.sleep(_SAMPLE_SECONDS)
        with contextlib.suppress(ProcessLookupError, AttributeError):  # no groups on Windows
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - likewise
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-500:].strip()
