"""Polls the metrics of an LLM server about once a second."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from embodied.llm.config import LLMConfig
from embodied.llm.http_client import HTTPClient, RequestError, read_key
from embodied.llm.server_metrics import ServerMetrics, ServerTotals

_VLLM = {
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
    "vllm:prompt_tokens_total": "prompt_tokens",
    "vllm:generation_tokens_total": "completion_tokens",
    "vllm:prefix_cache_queries_total": "prefix_queries",
    "vllm:prefix_cache_hits_total": "prefix_hits",
}
"""Source: https://docs.vllm.ai/en/stable/usage/metrics/."""
_LLAMA_CPP = {
    "llamacpp:requests_processing": "running",
    "llamacpp:requests_deferred": "waiting",
    "llamacpp:prompt_tokens_total": "prompt_tokens",
    "llamacpp:tokens_predicted_total": "completion_tokens",
}
"""Its prompt tokens are those that its cache lacked. Source: the README of llama.cpp's server."""

_NEEDED = {"running", "waiting", "prompt_tokens", "completion_tokens"}

_READING_SECONDS = 5.0
_MAX_PAGE_CHARACTERS = 2_000_000
_SAMPLES = 1000
_SAMPLE = re.compile(rf"^(?:{'|'.join([*_VLLM, *_LLAMA_CPP])})[ {{].{{1,1000}}$", re.MULTILINE)
"""A line with one of the figures. A longer one could keep the parser busy for minutes."""
_LARGEST = 2.0**53
_MAX_PAUSE = 16


def read_metrics(page: str) -> ServerMetrics:
    """Read a page in Prometheus' text format. The figures of several engines are added up.

    Raises:
        ValueError: it lacks the figures, or they cannot be.
    """
    sums = _sums(page)
    for names in (_VLLM, _LLAMA_CPP):
        figures = {field: sums[name] for name, field in names.items() if name in sums}
        if figures.keys() >= _NEEDED:
            return ServerMetrics(**figures)
    raise ValueError("a page without the load of a server")


def _sums(page: str) -> dict[str, float]:
    if len(page) > _MAX_PAGE_CHARACTERS:
        raise ValueError(f"a page of more than {_MAX_PAGE_CHARACTERS} characters")
    lines = _SAMPLE.findall(page)
    if len(lines) > _SAMPLES:
        raise ValueError(f"more than {_SAMPLES} figures")
    try:
        families = list(text_string_to_metric_families("\n".join([*lines, ""])))
    except IndexError:
        raise ValueError("a line that cannot be read") from None
    sums: dict[str, float] = {}
    for family in families:
        for name, _, value, *_ in family.samples:
            if not 0 <= value <= _LARGEST:
                raise ValueError(f"{name} is {value}")
            sums[name] = sums.get(name, 0.0) + value
    return sums


class MetricsPoller:
    """Polls a server's `/metrics` while an `async with` block lasts.

    The first reading is made on entering, the last one on leaving. A server that gives no figures
    is polled ever less often.

    Args:
        config: the server.
        every: seconds from one reading to the next.

    Raises:
        ConfigError: the key or the proxy settings in the environment cannot be used.
    """

    def __init__(self, config: LLMConfig, *, every: float = 1.0) -> None:
        self.latest: ServerMetrics | None = None
        """The last reading; None: it failed."""
        self.totals = ServerTotals()
        """The sum of the readings so far."""
        self._url = config.base_url.removesuffix("/v1") + "/metrics"
        self._http = HTTPClient(config, read_key(config.api_key_environment))
        self._every = every
        self._before: tuple[float, ServerMetrics] | None = None

    async def __aenter__(self) -> Self:
        await self._read()
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)
        if kind is None:
            await self._read()
        await self._http.close()

    async def _poll(self) -> None:
        pause = 1
        while True:
            await asyncio.sleep(pause * self._every)
            await self._read()
            pause = min(2 * pause, _MAX_PAUSE) if self.latest is None else 1

    async def _read(self) -> None:
        observed = self.latest is not None
        self.latest = await self._fetch()
        now = time.monotonic()
        if self.latest is None:
            return
        if self._before is not None:
            then, before = self._before
            self.totals.add(before, self.latest, now - then if observed else 0.0)
        self._before = now, self.latest

    async def _fetch(self) -> ServerMetrics | None:
        try:
            async with asyncio.timeout(_READING_SECONDS):
                page = await self._http.get(self._url)
            return read_metrics(page)
        except (RequestError, TimeoutError, ValueError):
            return None
