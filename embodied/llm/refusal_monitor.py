"""Tells refusals that every request of a run would meet from those of one conversation."""

from __future__ import annotations

from embodied._util.causes import cause_of

FIRST = 3
"""Refusals in the same words, of a server that has answered nothing yet, after which no request is
expected to be answered."""
LATER = 20
"""The same, since the last answer."""


class RefusalMonitor:
    """Counts the refusals of a server between its answers."""

    def __init__(self) -> None:
        self._answered = False
        self._words = ""
        self._count = 0

    def on_answer(self) -> None:
        """Note that a request was answered."""
        self._answered = True
        self._count = 0

    def on_refusal(self, message: str) -> bool:
        """Note a refusal; return whether all requests meet it."""
        words = cause_of(message)
        self._count = self._count + 1 if words == self._words else 1
        self._words = words
        return self._count >= (LATER if self._answered else FIRST)
