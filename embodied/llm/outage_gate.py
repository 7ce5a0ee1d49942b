"""Holds back all requests of a client while its server is gone: episodes wait, they do not fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from embodied.errors import InfrastructureError
from embodied.llm.backoff import backoff
from embodied.llm.error_mapper import RetryableError

_LOG = logging.getLogger(__name__)


@dataclass
class _Outage:
    over: bool = False
    confirmed: bool = False
    """Whether the server was really gone: the first probe failed."""
    given_up: str | None = None
    """Why nobody waits any longer, in words."""


class OutageGate:
    """Closes after failures in a row, like a circuit breaker, until a probe of the server succeeds.

    Args:
        where: the server, as messages call it.
        probe: asks the server for something cheap; None: it is there. One probe runs at a time.
        failures: so many in a row, of all requests together, close the gate.
        patience: longest wait for the server, in seconds.
        sleep: waits between probes, in seconds.
        clock: seconds since any moment.
    """

    def __init__(
        self,
        where: str,
        probe: Callable[[], Awaitable[RetryableError | None]],
        *,
        failures: int,
        patience: float,
        sleep: Callable[[float], Awaitable[object]],
        clock: Callable[[], float],
    ) -> None:
        self._where = where
        self._probe = probe
        self._max_failures = failures
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._failures = 0
        self._gone_since: float | None = None
        self._outage: _Outage | None = None
        self._probing = asyncio.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether all requests must wait."""
        return self._outage is not None

    def on_success(self) -> None:
        """Note that a request was answered."""
        self._failures = 0
        self._gone_since = None

    def on_failure(self) -> None:
        """Note that a request met what it would meet if the server were gone."""
        self._failures += 1
        if self._failures >= self._max_failures:
            self.suspect_outage()

    def suspect_outage(self) -> None:
        """Close until a probe has been answered."""
        self._outage = self._outage or _Outage()

    async def wait(self) -> bool:
        """Wait until requests may be sent; return whether the server was gone until now.

        Raises:
            InfrastructureError: it was gone for longer than the patience lasts. This counts from
                its first failed probe to its next answer to a request.
        """
        outage = self._outage
        if outage is None:
            return False
        async with self._probing:
            if not outage.over:
                await self._until_back(outage)
        if outage.given_up is not None:
            raise InfrastructureError(outage.given_up)
        return outage.confirmed

    async def _until_back(self, outage: _Outage) -> None:
        probes = 0
        while (failure := await self._probe()) is not None:
            probes += 1
            if not outage.confirmed:
                outage.confirmed = True
                _LOG.warning("%s is gone, all requests wait for it: %s", self._where, failure)
            if self._gone_since is None:
                self._gone_since = self._clock()
            seconds = self._clock() - self._gone_since
            if seconds >= self._patience:
                outage.given_up = f"{self._where} was gone for {seconds:.0f} s: {failure}"
                break
            await self._sleep(min(backoff(probes), self._patience - seconds))
        if outage.confirmed and outage.given_up is None:
            _LOG.warning("%s is back", self._where)
        outage.over, self._outage, self._failures = True, None, 0
