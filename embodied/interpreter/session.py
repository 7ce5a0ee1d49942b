"""The contract of all interpreters: run actions against a controller, within limits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

from embodied._util.closeable import Closeable
from embodied.environment import Attachment
from embodied.trajectory import CallRecord, ErrorRecord


@dataclass
class Output:
    """What running one action brought about."""

    stdout: str = ""
    value: str | None = None
    """`repr` of the last expression, where the code ends with one that is not None."""
    error: ErrorRecord | None = None
    parsed: bool = True
    """False: the error is one of form or was found by the check before, and nothing has run."""
    unsupported: bool = False
    """The error is due to the interpreter, which lacks a part of Python."""
    calls: list[CallRecord] = field(default_factory=list)
    interpreter: str | None = None
    """What ran the code: `restricted` or `full`; None where nothing has run."""
    limit: str | None = None
    """The limit that stopped the action, in words for the policy."""
    ended: bool = False
    """The episode ended inside the action; the rest of it was not run."""
    texts: list[str] = field(default_factory=list)
    """What each call returned, where the action is a list of calls."""
    attachments: tuple[Attachment, ...] = ()
    """Files that the action left, such as figures that it drew."""


class Session(Closeable):
    """Runs the actions of one episode; variables live on from one to the next."""

    _owned: Closeable | None = None

    @abstractmethod
    def run(self, code: str) -> Output:
        """Run one action. Errors of the action and limits are part of the output.

        Raises:
            InfrastructureError: the simulator or the interpreter itself failed.
        """

    @abstractmethod
    def dump(self) -> bytes:
        """Dump the variables, for `load` of a session of the same kind on the same robot."""

    @abstractmethod
    def load(self, state: bytes) -> None:
        """Go on from the variables that `dump` returned. The state is not trusted.

        Raises:
            DataError: it is no state of such a session.
        """

    def own(self, shared: Closeable) -> None:
        """Close something with this session, as it serves no other."""
        self._owned = shared

    def close(self) -> None:
        """End the session and its processes; calling it again does nothing."""
        self._close()
        if self._owned is not None:
            self._owned.close()

    @abstractmethod
    def _close(self) -> None:
        """End what is this session's; calling it again does nothing."""
