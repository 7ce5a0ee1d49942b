"""A command that dies with this process, with all that descends from it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from embodied._util import process_supervisor
from embodied._util.closeable import Closeable


class SupervisedProcess(Closeable):
    """A started command, under a supervisor that ends all its processes when this one is gone.

    Args:
        command: what to start.
        output: where it writes, standard error included.
        environment: variables beside those of this process.
        folder: a folder that does not exist yet. The supervisor makes it, as the command's home
            and place for temporary files, and removes it afterwards; None: the command gets none.
        detached: whether the supervisor is to be a grandchild. Ray kills the children of a worker
            that it ends, and with them a supervisor that is one.
    """

    def __init__(
        self,
        command: Sequence[str],
        output: int | IO[bytes],
        environment: Mapping[str, str] = {},
        *,
        folder: Path | None = None,
        detached: bool = False,
    ) -> None:
        self._folder = folder
        self._closed = False
        options = ["--folder", str(folder)] if folder else []
        options += ["--detached"] if detached else []
        self._supervisor = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", process_supervisor.__file__, *options, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=os.environ | dict(environment),
            start_new_session=True,
        )

    @property
    def exit_code(self) -> int | None:
        """How the command ended: 128 + n for signal n; None: it is running."""
        return self._supervisor.poll()

    def close(self) -> None:
        """End the command and wait until nothing of it is left."""
        if self._closed:  # its id may be that of another process by now
            return
        assert self._supervisor.stdin is not None  # noqa: S101 - it is a pipe
        self._supervisor.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(2 * process_supervisor.GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):  # what is left where it was killed
            os.killpg(self._supervisor.pid, signal.SIGKILL)
        self._supervisor.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._closed = True
