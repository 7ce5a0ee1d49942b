"""The interpreters that run code actions."""

from __future__ import annotations

from embodied.controller import Controller
from embodied.interpreter.interpreters import Interpreters
from embodied.interpreter.session import Output, Session
from embodied.limits import InterpreterName, Limits

__all__ = [
    "InterpreterName",
    "Interpreters",
    "Limits",
    "Output",
    "Session",
    "make_interpreter",
]


def make_interpreter(
    name: str,
    robot: Controller,
    limits: Limits | None = None,
    seed: int = 0,
    *,
    check: bool = True,
    allow_unconfined: bool = False,
) -> Session:
    """Make a session of the named interpreter on a robot, with processes of its own.

    Many sessions of one process share their workers through `Interpreters`.

    Args:
        name: `restricted`, `full`, or `auto`: restricted until the code needs what only full has.
        robot: the controller whose actions the code may call.
        limits: of one action; None: the defaults.
        seed: start of the `random` module inside the interpreter.
        check: refuse calls that cannot succeed before anything of an action runs.
        allow_unconfined: run the full interpreter even where the system cannot confine it.

    Raises:
        ConfigError: there is no such interpreter, or it cannot run here.
    """
    shared = Interpreters(allow_unconfined=allow_unconfined)
    session = shared.session(name, robot, limits, seed, check=check)
    session.own(shared)
    return session
