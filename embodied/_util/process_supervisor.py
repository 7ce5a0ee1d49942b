"""Runs a command and ends it, with all that descends from it, when its own standard input ends.

That happens whenever the process at the other end is gone, however it died. This is a program of
its own, on the standard library and psutil, so that it is small and quick to start;
`embodied._util.supervised_process` starts it.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
"""What the command gets to end by itself, after SIGTERM."""


def main() -> int:
    """Run the command of the command line; return its exit code, 128 + n for signal n."""
    options = _options()
    _adopt_orphans()
    if options.detached and (supervisor := os.fork()):
        return _await_supervisor(supervisor, options.folder)
    _adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with _home(options.folder) as environment:
        return _supervise(options.command, environment)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="home and TMPDIR of the command; a new one")
    parser.add_argument("--detached", action="store_true", help="supervise from a child process")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


@contextlib.contextmanager
def _home(folder: Path | None) -> Iterator[dict[str, str]]:
    """Make a folder for the time of the command; yield the environment that leads there."""
    if folder is None:
        yield dict(os.environ)
        return
    folder.mkdir(mode=0o700)
    try:
        yield os.environ | {"HOME": str(folder), "TMPDIR": str(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await_supervisor(supervisor: int, folder: Path | None) -> int:
    """Wait for the supervisor, and clean up in its place where it was killed."""
    code = os.waitstatus_to_exitcode(os.waitpid(supervisor, 0)[1])
    _kill_descendants()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    return _exit_code(code)


def _supervise(words: list[str], environment: dict[str, str]) -> int:
    command = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=environment)  # noqa: S603
    try:
        while command.poll() is None:
            ended, _, _ = select.select([sys.stdin], [], [], _POLL_SECONDS)
            if ended:
                _end(command)
    finally:
        _kill_descendants()
    return _exit_code(command.wait())


def _adopt_orphans() -> None:
    """Make processes whose parent dies children of this one, so that they are found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end(command: subprocess.Popen[bytes]) -> None:
    command.terminate()
    try:
        command.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()


def _kill_descendants() -> None:
    while left := psutil.Process().children(recursive=True):
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=_POLL_SECONDS)


def _exit_code(code: int) -> int:
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
