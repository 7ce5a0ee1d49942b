"""What is checked."""

from __future__ import annotations

import pkgutil
from typing import Any, Protocol

from pydantic import BaseModel

from embodied.controller import Controller
from embodied.interpreter.session import Session
from embodied.limits import Limits


class Sessions(Protocol):
    """What makes the sessions; `embodied.interpreter.Interpreters` is one."""

    def session(
        self, name: str, robot: Controller, limits: Limits | None = None, *, check: bool = True
    ) -> Session:
        """Make a session of the named interpreter."""

    def close(self) -> None:
        """End all processes."""


class Target(BaseModel):
    """An interpreter to check."""

    name: str
    sessions: str = "embodied.interpreter:Interpreters"
    """`module:callable` that makes the `Sessions`."""
    options: dict[str, Any] = {}
    """Keyword arguments of that callable."""

    def make(self) -> Sessions:
        """Make what makes the sessions of this interpreter."""
        sessions: Sessions = pkgutil.resolve_name(self.sessions)(**self.options)
        return sessions
