"""The Monty worker processes that the sessions of one process share."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import pydantic_monty as monty

from embodied.errors import InfrastructureError
from embodied.limits import Limits

_PATIENCE_SECONDS = 600.0
"""How long an action waits for a free process before that counts as a failure."""
_TRACING = "opentelemetry"
"""A package that Monty tries to import at each suspension. Where it is not installed, `None` in
`sys.modules` spares Python the search for it: the import fails as before."""
_MOST_PROCESSES = 64
_ACTIONS_PER_PROCESS = 1000
"""After these, a process is replaced by a fresh one."""


class MontyPool:
    """A pool of processes; each action borrows one, from its beginning to its end.

    At most four, or two for each core, run at a time; each starts when there is none free. An
    action that finds all of them taken waits, so a robot must not run further actions of such
    sessions inside its own methods. A process forgets everything when it is given back.

    Args:
        actions: that may wait for their robots at a time: there are processes for so many, up to
            64; None: robots only compute.
    """

    def __init__(self, actions: int | None = None) -> None:
        self._most = max(4, 2 * (os.cpu_count() or 1), min(actions or 0, _MOST_PROCESSES))
        self._pool: monty.Monty | None = None
        self.closed = False
        """Whether no process can be borrowed any more."""
        self._lock = threading.Lock()

    @contextmanager
    def borrow(self, limits: Limits, seed: int) -> Iterator[monty.MontySession]:
        """Lend an empty Monty session in a process of the pool.

        Raises:
            InfrastructureError: no process became free, or it did not start.
            RuntimeError: the pool is closed.
        """
        session = self._running().checkout(
            limits={
                "max_memory": limits.memory_bytes,
                "max_feed_duration_secs": limits.seconds,
                "max_suspensions": 2**31 - 1,
            },
            os_policy={"sleep": "zero", "random_start": {"seed": seed}},
            assert_message_annotations=False,
        )
        try:
            session.__enter__()
        except (monty.MontyError, OSError, RuntimeError) as error:
            raise InfrastructureError(f"the interpreter did not start: {error}") from error
        try:
            yield session
        finally:
            with suppress(monty.MontyError, RuntimeError):
                session.__exit__(None, None, None)

    def close(self) -> None:
        """End the processes; calling it again does nothing."""
        with self._lock:
            pool, self._pool, self.closed = self._pool, None, True
        if pool is not None:
            pool.__exit__(None, None, None)

    def _running(self) -> monty.Monty:
        with self._lock:
            if self.closed:
                raise RuntimeError("the interpreter is closed")
            if self._pool is None:
                if _TRACING not in sys.modules and find_spec(_TRACING) is None:
                    sys.modules[_TRACING] = None  # type: ignore[assignment]
                pool = monty.Monty(
                    min_processes=0,
                    max_processes=self._most,
                    checkout_timeout=_PATIENCE_SECONDS,
                    max_checkouts_per_worker=_ACTIONS_PER_PROCESS,
                )
                pool.__enter__()
                self._pool = pool
            return self._pool
