"""The errors that a user meets. Each says what was wrong, where, and what to do."""

from __future__ import annotations


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


class ContextOverflow(EmbodiedError):  # noqa: N818 - an end of an episode, not a mistake
    """The conversation and the room for an answer exceed what the model can read."""


class EpisodeEnded(BaseException):
    """Raised by `Controller.send` when the episode accepts no further environment step.

    It unwinds the running action and is never shown to a policy. As a `BaseException` it passes
    through a robot's `except Exception`.
    """
