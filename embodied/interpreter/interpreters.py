"""What the interpreter sessions of one process share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embodied._util.closeable import Closeable
from embodied.controller import Controller
from embodied.errors import ConfigError
from embodied.interpreter.session import Session
from embodied.limits import Limits

if TYPE_CHECKING:
    from embodied.interpreter.cpython.cpython_session import Zygote
    from embodied.interpreter.monty.monty_session import MontySession
    from embodied.interpreter.monty.pool import MontyPool

NAMES: tuple[str, ...] = ("restricted", "full", "auto")


class Interpreters(Closeable):
    """Makes sessions, over workers that they share and that start when they are first needed.

    Args:
        allow_unconfined: where the system cannot confine the full interpreter (anything but Linux),
            run it all the same, with the rights of this process.
    """

    def __init__(self, *, allow_unconfined: bool = False) -> None:
        self._allow_unconfined = allow_unconfined
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
        """A new session; see `make_interpreter`."""
        limits = limits or Limits()
        match name:
            case "restricted":
                return self._restricted(robot, limits, seed, check=check)
            case "full":
                return self._full(robot, limits, seed, check=check)
            case "auto":
                return self._auto(robot, limits, seed, check=check)
        raise ConfigError(f"there is no interpreter {name!r}; there are: {', '.join(NAMES)}")

    def close(self) -> None:
        """End all workers. Sessions cannot run after it."""
        for shared in (self._pool, self._zygote):
            if shared is not None:
                shared.close()
        self._pool = self._zygote = None

    def _restricted(
        self, robot: Controller, limits: Limits, seed: int, *, check: bool
    ) -> MontySession:
        from embodied.interpreter.monty.monty_session import MontySession
        from embodied.interpreter.monty.pool import MontyPool

        self._pool = self._pool or MontyPool()
        return MontySession(robot, limits, seed, check=check, pool=self._pool)

    def _full(self, robot: Controller, limits: Limits, seed: int, *, check: bool) -> Session:
        from embodied.interpreter.cpython.cpython_session import CPythonSession, Zygote

        self._zygote = self._zygote or Zygote(allow_unconfined=self._allow_unconfined)
        return CPythonSession(robot, limits, seed, check=check, zygote=self._zygote)

    def _auto(self, robot: Controller, limits: Limits, seed: int, *, check: bool) -> Session:
        from embodied.interpreter.auto import AutoSession

        return AutoSession(
            robot,
            limits,
            check=check,
            restricted=self._restricted(robot, limits, seed, check=False),
            make_full=lambda: self._full(robot, limits, seed, check=False),
        )
