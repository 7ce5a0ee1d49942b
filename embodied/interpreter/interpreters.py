"""What the interpreter sessions of one process share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embodied._util.closeable import Closeable
from embodied.controller import Controller
from embodied.errors import ConfigError
from embodied.interpreter.session import Session
from embodied.limits import Limits

if TYPE_CHECKING:
    from embodied.interpreter.cpython.full import Zygote
    from embodied.interpreter.monty.restricted import MontyWorkers

NAMES: tuple[str, ...] = ("restricted", "full", "auto")


class Interpreters(Closeable):
    """Makes sessions, over workers that they share and that start when they are first needed.

    Args:
        allow_unconfined: where the system cannot confine the full interpreter (anything but Linux),
            run it all the same, with the rights of this process.
    """

    def __init__(self, *, allow_unconfined: bool = False) -> None:
        self._allow_unconfined = allow_unconfined
        self._workers: MontyWorkers | None = None
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
        for shared in (self._workers, self._zygote):
            if shared is not None:
                shared.close()
        self._workers = self._zygote = None

    def _restricted(self, robot: Controller, limits: Limits, seed: int, *, check: bool) -> Session:
        from embodied.interpreter.monty.restricted import MontyWorkers, RestrictedSession

        self._workers = self._workers or MontyWorkers()
        return RestrictedSession(robot, limits, seed, check=check, workers=self._workers)

    def _full(self, robot: Controller, limits: Limits, seed: int, *, check: bool) -> Session:
        from embodied.interpreter.cpython.full import FullSession, Zygote

        self._zygote = self._zygote or Zygote(allow_unconfined=self._allow_unconfined)
        return FullSession(robot, limits, seed, check=check, zygote=self._zygote)

    def _auto(self, robot: Controller, limits: Limits, seed: int, *, check: bool) -> Session:
        from embodied.interpreter.auto import AutoSession

        def make(name: str) -> Session:
            return self.session(name, robot, limits, seed, check=False)

        return AutoSession(robot, limits, check=check, make=make)
