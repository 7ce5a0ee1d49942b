"""The Monty worker processes that the sessions of one process share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from embodied.errors import InfrastructureError
from embodied.interpreter.monty.worker import Worker
from embodied.limits import Limits

_PATIENCE_SECONDS = 600.0
"""How long an action waits for a free process before that counts as a failure."""
_MOST_PROCESSES = 64
_SESSIONS_PER_PROCESS = 1000
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
        self.closed = False
        """Whether no process can be borrowed any more."""
        self._most = max(4, 2 * (os.cpu_count() or 1), min(actions or 0, _MOST_PROCESSES))
        self._lent = 0
        self._idle: list[Worker] = []
        self._changed = Condition()

    @contextmanager
    def borrow(self, limits: Limits, seed: int) -> Iterator[Worker]:
        """Lend a process with an empty session.

        Raises:
            InfrastructureError: no process became free, or it did not start.
            RuntimeError: the pool is closed.
        """
        worker = self._take()
        try:
            worker = worker or Worker()
            worker.begin(limits.seconds, limits.memory_bytes, seed)
            yield worker
        finally:
            self._give_back(worker)

    def close(self) -> None:
        """End the processes; calling it again does nothing."""
        with self._changed:
            self.closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for worker in idle:
            worker.kill()

    def _take(self) -> Worker | None:
        """Take the right to use one process; returns one that is idle."""
        with self._changed:
            free = self._changed.wait_for(
                lambda: self.closed or self._lent < self._most, _PATIENCE_SECONDS
            )
            if self.closed:
                raise RuntimeError("the interpreter is closed")
            if not free:
                raise InfrastructureError("no interpreter process became free")
            self._lent += 1
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                worker.kill()
            return None

    def _give_back(self, worker: Worker | None) -> None:
        if worker is not None and not worker.closed:
            worker.end()
        with self._changed:
            self._lent -= 1
            self._changed.notify()
            if worker is None:
                return
            if not (worker.closed or self.closed or worker.sessions >= _SESSIONS_PER_PROCESS):
                self._idle.append(worker)
                return
        worker.kill()
