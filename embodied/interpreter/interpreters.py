"""What the interpreter sessions of one process share."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from embodied._util.closeable import Closeable
from embodied.controller import Controller
from embodied.errors import ConfigError
from embodied.interpreter.session import Session
from embodied.limits import Limits

if TYPE_CHECKING:
    from embodied.interpreter.cpython.zygote import Zygote
    from embodied.interpreter.monty.monty_session import MontySession
    from embodied.interpreter.monty.pool import MontyPool

NAMES: tuple[str, ...] = ("restricted", "full", "auto")


class Interpreters(Closeable):
    """Makes sessions, over processes that they share and that start when they are first needed.

    Threads may share it.

    Args:
        allow_unconfined: where the system cannot confine the full interpreter (anything but Linux),
            run it all the same, with the rights of this process.
        actions: that may wait for their robots at a time; None: robots only compute.
    """

    def __init__(self, *, allow_unconfined: bool = False, actions: int | None = None) -> None:
        self._actions = actions
        self._allow_unconfined = allow_unconfined
        self._lock = Lock()
        self._pool: MontyPool | None = None
        self._zygote: Zygote | None = None

    def session(
        self,
        name: str,
        robot: Controller,
        limits: Limits | None = None,
        seed: int = 0,
        *,
        check: bool = True,
    ) -> Session:
        """Make a session; see `make_interpreter`."""
        limits = limits or Limits()
        match name:
            case "restricted":
                return self._restricted(robot, limits, seed, check)
            case "full":
                return self._full(robot, limits, seed, check)
            case "auto":
                from embodied.interpreter.auto import AutoSession

                restricted = self._restricted(robot, limits, seed, check=False)
                make_full = partial(self._full, robot, limits, seed, check=False)
                return AutoSession(robot, limits, check, restricted, make_full)
        raise ConfigError(f"there is no interpreter {name!r}; there are: {', '.join(NAMES)}")

    def close(self) -> None:
        """End all processes. Sessions cannot run after it."""
        with self._lock:
            pool, self._pool = self._pool, None
            zygote, self._zygote = self._zygote, None
        for shared in (pool, zygote):
            if shared is not None:
                shared.close()

    def _restricted(
        self, robot: Controller, limits: Limits, seed: int, check: bool
    ) -> MontySession:
        from embodied.interpreter.monty.monty_session import MontySession
        from embodied.interpreter.monty.pool import MontyPool

        with self._lock:
            pool = self._pool = self._pool or MontyPool(self._actions)
        return MontySession(robot, limits, seed, check, pool)

    def _full(self, robot: Controller, limits: Limits, seed: int, check: bool) -> Session:
        from embodied.interpreter.cpython.cpython_session import CPythonSession
        from embodied.interpreter.cpython.zygote import Zygote

        with self._lock:
            zygote = self._zygote or Zygote(allow_unconfined=self._allow_unconfined)
            self._zygote = zygote
        return CPythonSession(robot, limits, seed, check, zygote)
