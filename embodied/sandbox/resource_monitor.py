"""The host's processes, as seen from outside: how many, and how much memory they hold."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import psutil

from embodied.sandbox.canaries import Canaries
from embodied.sandbox.snippet_run import HOST_BYTES, LIMITS
from embodied.sandbox.verdict import Problem, Verdict

WORKER_BYTES = 3 * LIMITS.memory_bytes
"""How much all other processes may grow together."""
DISK_BYTES = 2 * LIMITS.memory_bytes
_EXTRA_PROCESSES = 2
"""A worker may be replaced by another one before it has ended, and started by a third."""


class ResourceMonitor:
    """Peaks of what the descendants of a host take, from a moment when they are idle.

    Args:
        host: its process.
        canaries: whose temporary folder it uses.
    """

    def __init__(self, host: psutil.Process, canaries: Canaries) -> None:
        self._host = host
        self._canaries = canaries
        self._first_host = _anonymous(host)
        self._first_processes = len(workers(host))
        self._first_bytes = sum(map(_anonymous, workers(host)))
        self._files = set(canaries.temporary_files())
        self._host_bytes = self._processes = self._bytes = self._disk = 0

    def look(self) -> None:
        """Take another sample."""
        found = workers(self._host)
        self._processes = max(self._processes, len(found) - self._first_processes)
        self._bytes = max(self._bytes, sum(map(_anonymous, found)) - self._first_bytes)
        self._host_bytes = max(self._host_bytes, _anonymous(self._host) - self._first_host)
        self._disk = max(self._disk, sum(self._canaries.temporary_files().values()))

    def problems(self) -> list[Problem]:
        """List what was more than it may be."""
        found = []
        for what, used, most in (
            ("the host took", self._host_bytes, HOST_BYTES),
            ("processes of the interpreter took", self._bytes, WORKER_BYTES),
            ("temporary files took", self._disk, DISK_BYTES),
        ):
            if used > most:
                text = f"{what} {used >> 20} MB more, {most >> 20} are allowed"
                found.append(Problem(outcome=Verdict.MEMORY, what=text))
        if self._processes > _EXTRA_PROCESSES:
            text = f"{self._processes} more processes ran"
            found.append(Problem(outcome=Verdict.ESCAPE, what=text))
        return found

    def new_files(self) -> list[str]:
        """Temporary files that are there now and were not at first."""
        return sorted(set(self._canaries.temporary_files()) - self._files)


def workers(host: psutil.Process) -> list[psutil.Process]:
    """List the living descendants of a host."""
    try:
        return [p for p in host.children(recursive=True) if _is_alive(p)]
    except psutil.Error:
        return []


def open_files(process: psutil.Process) -> int:
    """How many files a process has open; 0 where the system does not say."""
    try:
        return int(process.num_fds()) if hasattr(process, "num_fds") else 0
    except psutil.Error:
        return 0


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _anonymous(process: psutil.Process) -> int:
    """Memory in bytes that no file backs; all resident memory where the system does not say."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        with contextlib.suppress(psutil.Error):
            return int(process.memory_info().rss)
        return 0
    found = re.findall(r"^Rss(?:Anon|Shmem):\s*(\d+)", status, re.MULTILINE)
    return sum(map(int, found)) * 1024
