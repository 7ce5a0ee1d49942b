"""What memory a session's process has taken, however it did that."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Watches the resident memory that is a process's own, not shared with the zygote.

    Counting it takes the kernel milliseconds. What the process can have gained at most since the
    last count, by its page faults and its anonymous memory, is at hand at once.

    Args:
        process: its number. It has just been forked.
        most: bytes.
    """

    def __init__(self, process: int, most: int) -> None:
        self._folder = Path("/proc", str(process))
        self._most = most
        self._counted = 0
        self._first = self._last = self._figures()

    def is_over(self) -> bool:
        """Whether the process has more than it may; one that is gone has not."""
        with suppress(OSError):
            figures = self._figures()
            faults, anonymous = (new - old for new, old in zip(figures, self._last, strict=True))
            if self._counted + faults * _PAGE + max(0, anonymous) > self._most:
                self._counted, self._last = self._count(figures), figures
        return self._counted > self._most

    def _figures(self) -> tuple[int, int]:
        """How many page faults it had, and how many bytes of anonymous memory it has."""
        faults = (self._folder / "stat").read_text().rpartition(")")[2].split()[7]
        resident, shared = (self._folder / "statm").read_text().split()[1:3]
        return int(faults), (int(resident) - int(shared)) * _PAGE

    def _count(self, figures: tuple[int, int]) -> int:
        try:
            lines = (self._folder / "smaps_rollup").read_text().splitlines()
        except PermissionError:  # without a capability, of a process of another user
            return figures[1] - self._first[1]
        fields = (line.split() for line in lines)
        own = ("Private_Clean:", "Private_Dirty:", "Swap:")
        return sum(int(field[1]) for field in fields if field[0] in own) * 1024
