"""The errors that a user meets. Each says what was wrong, where, and what to do."""

from __future__ import annotations

import traceback
from types import TracebackType


class EmbodiedError(Exception):
    """Base of all errors meant for the user; the command line prints only the message."""


class ConfigError(EmbodiedError):
    """A configuration, a command-line option or a plugin name is wrong."""


class DataError(EmbodiedError):
    """Task data is missing or corrupt."""


class RunError(EmbodiedError):
    """A run folder cannot be used as asked: in use, changed protocol, damaged."""


class UnstorableError(RunError):
    """One trajectory cannot be written in a form that reads back; others can."""


class InfrastructureError(EmbodiedError):
    """Something other than the policy failed: simulator, LLM server, worker.

    An episode that meets it is run again; one that keeps meeting it ends with the outcome
    `infrastructure_error` and is never scored as a failure.
    """

    @classmethod
    def of(cls, what: str, error: BaseException, file: str | None = None) -> InfrastructureError:
        """Say what failed, how, and in which line.

        Args:
            what: what was called, such as `Corridor.reset()`.
            error: caught where it was called; the line is the last one in the called file.
            file: the called file; None: the first one that is not the caller's.
        """
        frames = traceback.extract_tb(error.__traceback__)
        others = (f.filename for f in frames if f.filename != frames[0].filename)
        called = file or next(others, None)
        frame = ([f for f in frames if f.filename == called] or frames)[-1]
        where = f"in {frame.name}, {frame.filename}:{frame.lineno}"
        return cls(f"{what} failed: {error!r:.2000} ({where})")


class ContextOverflow(EmbodiedError):  # noqa: N818 - an end of an episode, not a mistake
    """The conversation and the room for an answer exceed what the model can read."""


class EpisodeEnded(BaseException):
    """Raised by `Controller.send` when the episode accepts no further environment step.

    It unwinds the running action and is never shown to a policy. As a `BaseException` it passes
    through a robot's `except Exception`.
    """


class ErrorBoundary:
    """Turn errors of a simulator or a robot that are raised inside into InfrastructureErrors.

    Errors of this module and interrupts pass. `SystemExit` does not: a plugin ends no run.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, PASSED_ON):
            raise InfrastructureError.of(self._what, error) from error


PASSED_ON = (EmbodiedError, EpisodeEnded, KeyboardInterrupt)
"""What is raised through a plugin and is not the plugin's own failure."""
