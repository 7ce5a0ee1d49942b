"""What stands for standard output and standard error in a session's process."""

from __future__ import annotations

import io
from collections.abc import Callable

from .values import clean


class Printer(io.TextIOBase):
    """Hands printed text on at once, and drops what is beyond a limit.

    Args:
        limit: characters of one action; one more is handed on, to show that there were more.
        send: takes the text.
    """

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, limit: int, send: Callable[[str], None]) -> None:
        self._limit = limit
        self._send = send
        self._left = 0

    def start(self) -> None:
        """Begin a new action."""
        self._left = self._limit + 1

    def stop(self) -> None:
        """End the action; what is printed from now on is dropped."""
        self._left = 0

    def write(self, text: str) -> int:
        """Take text, as a text file does."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        kept = text[: max(0, self._left)]
        self._left -= len(kept)
        if kept:
            self._send(clean(kept))
        return len(text)

    def writable(self) -> bool:
        """Return True, as it is."""
        return True
