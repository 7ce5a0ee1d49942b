"""What a process holds: child processes, threads, open files, files in the temporary folder."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psutil

from embodied.testing.failures import CheckFailed

_PATIENCE_SECONDS = 5.0
"""How long processes and threads may take to end."""
_RULE = "After close() nothing is left: no process, thread, open file or temporary file."


def _held(folder: Path) -> dict[object, str]:
    """Find what this process holds, each thing with its description."""
    gc.collect()
    this = psutil.Process()
    things: dict[object, str] = {}
    for child in this.children(recursive=True):
        things[child] = f"the process {child.pid} ({_name(child)})"
    for thread in threading.enumerate():
        things[thread] = f"the thread {thread.name}"
    for file in this.open_files():
        things[file.path, file.fd] = f"the open file {file.path}"
    for path in folder.iterdir():
        things[path] = f"{path.name} in the temporary folder"
    return things


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return "ended"


@contextmanager
def assert_no_leaks() -> Iterator[None]:
    """See that what is done inside leaves nothing behind. It gets a temporary folder of its own.

    Raises:
        CheckFailed: something is left.
    """
    with (
        tempfile.TemporaryDirectory(prefix="embodied-check-") as name,
        patch.dict(os.environ, TMPDIR=name),
        patch.object(tempfile, "tempdir", name),
    ):
        before = _held(Path(name))
        yield
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while left := [text for held, text in _held(Path(name)).items() if held not in before]:
            if time.monotonic() > deadline:
                raise CheckFailed(_RULE, f"it left {', '.join(left)}")
            time.sleep(0.05)
