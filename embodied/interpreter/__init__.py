"""The interpreters that run code actions."""

from __future__ import annotations

from embodied.controller import Controller
from embodied.errors import ConfigError
from embodied.interpreter.session import Limits, Output, Session

__all__ = ["Limits", "Output", "Session", "make_interpreter"]


def make_interpreter(
    name: str, robot: Controller, limits: Limits | None = None, seed: int = 0
) -> Session:
    """A session of the named interpreter on a robot.

    Args:
        name: `restricted`.
        robot: the controller whose actions the code may call.
        limits: of one action; None: the defaults.
        seed: start of the `random` module inside the interpreter.

    Raises:
        ConfigError: there is no such interpreter.
    """
    from embodied.interpreter.restricted import RestrictedSession

    if name != "restricted":
        raise ConfigError(f"there is no interpreter {name!r}; there are: restricted")
    return RestrictedSession(robot, limits or Limits(), seed)
