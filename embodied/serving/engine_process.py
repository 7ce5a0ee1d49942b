"""One life of an engine, and what it wrote."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from embodied._util.closeable import Closeable
from embodied._util.supervised_process import SupervisedProcess
from embodied.serving.engine_command import EngineCommand

_STANDARD_ERROR = 2
_TAIL_BYTES = 16_000
_TAIL_LINES = 40


class EngineProcess(Closeable):
    """A started engine, all processes of which end with this one.

    Args:
        engine: what to start.
        log: a file that its output is added to; None: standard error.
    """

    def __init__(self, engine: EngineCommand, log: Path | None) -> None:
        self._log = log
        self._log_start = log.stat().st_size if log and log.exists() else 0
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else _STANDARD_ERROR
            self._process = SupervisedProcess(engine.command, output, engine.environment)

    def close(self) -> None:
        """End the engine and all its processes."""
        self._process.close()

    @property
    def exit_code(self) -> int | None:
        """How it ended: 128 + n for signal n; None: it is running."""
        return self._process.exit_code

    def tail(self) -> str:
        """Read the last lines that it wrote to the log."""
        if self._log is None:
            return ""
        with self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)
