"""One life of an engine: a process that dies with this one, and what it wrote."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from embodied.llm.serving import guard
from embodied.llm.serving.engine import Engine

_STANDARD_ERROR = 2
_TAIL_BYTES = 16_000
_TAIL_LINES = 40


class EngineProcess:
    """A started engine, under a guard that ends all its processes when this one is gone.

    Args:
        engine: what to start.
        log: a file that its output is added to; None: standard error.
    """

    def __init__(self, engine: Engine, log: Path | None) -> None:
        self._log = log
        self._log_start = log.stat().st_size if log and log.exists() else 0
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else _STANDARD_ERROR
            self._guard = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", guard.__file__, *engine.command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=os.environ | dict(engine.environment),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._guard.stdin is not None  # noqa: S101 - it is a pipe
        self._guard.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._guard.wait(2 * guard.GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # what is left where the guard was killed
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()

    @property
    def exit_code(self) -> int | None:
        """How it ended: 128 + n for signal n; None: it is running."""
        return self._guard.poll()

    def tail(self) -> str:
        """The last lines that it wrote to the log."""
        if self._log is None:
            return ""
        with self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)
