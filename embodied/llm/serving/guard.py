"""Runs a command and ends it, with all that descends from it, when its own standard input ends.

That happens whenever the process at the other end is gone, however it died. A script by itself,
on the standard library and psutil, so that it is small and quick to start.
"""

from __future__ import annotations

import ctypes
import select
import signal
import subprocess
import sys

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_POLL_SECONDS = 0.1
GRACE_SECONDS = 10.0
"""What the command gets to end by itself, after SIGTERM."""


def main() -> int:
    """Run the command of the command line; returns its exit code, 128 + n for signal n."""
    _adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603
    try:
        while command.poll() is None:
            if _input_has_ended():
                _end(command)
    finally:
        _kill_descendants()
    code = command.wait()
    return code if code >= 0 else 128 - code


def _adopt_orphans() -> None:
    """Make processes whose parent dies children of this one, so that they are found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _input_has_ended() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], _POLL_SECONDS)
    return bool(readable)


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


if __name__ == "__main__":
    sys.exit(main())
