"""How much a command says on standard error, beside its result on standard output."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_LOGGER = logging.getLogger("embodied")


def say_more(wanted: bool) -> None:
    """Show what the framework logs, and the traceback of every error."""
    if wanted:
        logging.basicConfig(format="%(asctime)s %(name)s: %(message)s")
        _LOGGER.setLevel(logging.DEBUG)


def say_less(wanted: bool) -> None:
    """Show neither progress nor warnings: only the result and errors."""
    if wanted:
        _LOGGER.setLevel(logging.ERROR)


def is_verbose() -> bool:
    """Whether everything is shown."""
    return _LOGGER.isEnabledFor(logging.DEBUG)


def shows_progress() -> bool:
    """Whether progress is shown: unless less is asked for."""
    return _LOGGER.isEnabledFor(logging.WARNING)


def progress_console() -> Console:
    """Return the console for progress, on standard error."""
    from rich.console import Console

    return Console(stderr=True, quiet=not shows_progress())


class _LastingFile(io.FileIO):
    """A file that takes what is written when nobody reads it any more."""

    def write(self, data: Any, /) -> int:
        """Write, if that is possible."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def keep_standard_error() -> None:
    """Let a command go on when the terminal or the reader of its standard error is gone."""
    file = io.BufferedWriter(_LastingFile(sys.stderr.fileno(), "w", closefd=False))
    sys.stderr = io.TextIOWrapper(file, sys.stderr.encoding, sys.stderr.errors, line_buffering=True)


def open_missing_streams() -> None:
    """Give a process that was started with closed standard streams open ones that lead nowhere.

    Otherwise the next file that it opens would take their place, and get what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: PTH123, SIM115 - it stays open to the end
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
