"""An environment with its robot, and where the calls into them are made."""

from __future__ import annotations

import logging
from concurrent.futures import Executor

from filelock import FileLock

from embodied._util.threads import call_though_busy
from embodied.controller import Controller
from embodied.environment import Environment

CALL_SECONDS = 5.0
"""How long a call that is left in an environment may go on until it is closed all the same."""

_LOG = logging.getLogger(__name__)


class EnvSlot:
    """An environment with its robot, used by one episode at a time.

    Args:
        environment: made where `home` makes its calls.
        robot: over that environment, and made there too.
        home: makes all calls into them, one after another.
        lock: held on a real robot until it is closed.
    """

    def __init__(
        self,
        environment: Environment,
        robot: Controller,
        home: Executor,
        lock: FileLock | None = None,
    ) -> None:
        self.environment = environment
        self.robot = robot
        self.home = home
        self._lock = lock
        self._closed = False

    async def close(self) -> None:
        """Stop the robot and close the environment, best when no call is left in it.

        A cancelled episode leaves its call behind: threads cannot be cancelled.
        """
        self.robot.brakes.break_off()
        await self.robot.brakes.come_to_rest(self.home)
        await call_though_busy(self.home, self._close, CALL_SECONDS)
        self.home.shutdown()

    def close_at_once(self) -> None:
        """Do the same from this thread, when the process ends before anything else was done."""
        self.robot.brakes.break_off()
        self.robot.brakes.halt()
        self._close()

    def _close(self) -> None:
        """Close the environment, once; log what goes wrong."""
        if self._closed:
            return
        self._closed = True
        try:
            self.environment.close()
        except (Exception, SystemExit) as error:
            _LOG.warning("an environment cannot be closed: %r", error)
        if self._lock is not None:
            self._lock.release()
