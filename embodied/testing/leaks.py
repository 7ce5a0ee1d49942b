"""What a process holds: child processes, threads, open files, files in the temporary folder."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from embodied.testing.failures import CheckFailed

_PATIENCE_SECONDS = 5.0
"""How long processes and threads may take to end."""
_RULE = "After close() nothing is left: no process, thread, open file or temporary file."


@dataclass(frozen=True)
class _Held:
    """Each thing with its description."""

    things: dict[object, str]

    @classmethod
    def now(cls, folder: Path) -> _Held:
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
        return cls(things)


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
    with tempfile.TemporaryDirectory(prefix="embodied-check-") as name, _temporary_folder(name):
        before = _Held.now(Path(name))
        yield
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while left := _left(before, Path(name)):
            if time.monotonic() > deadline:
                raise CheckFailed(_RULE, f"it left {', '.join(left)}")
            time.sleep(0.05)


def _left(before: _Held, folder: Path) -> list[str]:
    gc.collect()
    now = _Held.now(folder)
    return [text for thing, text in now.things.items() if thing not in before.things]


@contextmanager
def _temporary_folder(name: str) -> Iterator[None]:
    """Make this process, and those that it starts, use another temporary folder."""
    variable, known = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"] = tempfile.tempdir = name
    try:
        yield
    finally:
        tempfile.tempdir = known
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable
