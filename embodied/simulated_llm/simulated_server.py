"""The simulated server on a socket."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from embodied.errors import ConfigError
from embodied.llm.tool_calls import sendable_call
from embodied.policy import Reply
from embodied.simulated_llm.answers import Answers
from embodied.simulated_llm.chat_schema import APIError, ChatRequest, completion_body
from embodied.simulated_llm.engine_statistics import Statistics
from embodied.simulated_llm.fault_handlers import (
    FAULT_KINDS,
    FaultContext,
    abort_request,
    reset_connection,
)
from embodied.simulated_llm.faults import FaultSampler
from embodied.simulated_llm.kv_cache import RequestSize, count, cut
from embodied.simulated_llm.simulated_engine import INSTANT, LoopClock, Profile, SimulatedEngine
from embodied.trajectory import ToolCall

_LARGEST_REQUEST = 64 * 1024 * 1024
_BACKLOG = 4096
_SHUTDOWN_SECONDS = 0.1
_RETRY_SECONDS = 0.1
_LABELS = ("engine", "model_name")


class SimulatedServer:
    """A chat-completions server without a model; `async with` starts and stops it.

    Args:
        answers: what it says.
        profile: how long that takes.
        faults: what goes wrong.
        model: the name of the model that it serves.
        host: address to listen at.
        port: of the address; 0: any free one.

    Raises:
        ConfigError: on entering, if the address cannot be listened at.
    """

    def __init__(
        self,
        answers: Answers,
        profile: Profile = INSTANT,
        faults: FaultSampler | None = None,
        *,
        model: str = "simulated",
        host: str = "127.0.0.1",
        port: int = 0,
        blind: bool = False,
    ) -> None:
        self._blind = blind
        self.model = model
        self.profile = profile
        self.faults = faults or FaultSampler()
        self._answers = answers
        self._host = host
        self._port = port
        self._numbers = itertools.count(1)
        self._restarting: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The server's address, for `/metrics` and `/simulation`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def base_url(self) -> str:
        """The API's address, as clients want it."""
        return f"{self.url}/v1"

    def statistics(self) -> Statistics:
        """Compute the figures since the last reset."""
        figures = self._engine.statistics()
        return figures.model_copy(update={"faults": dict(self.faults.injected)})

    def reset_statistics(self) -> None:
        """Start a new window of the statistics."""
        self._engine.reset_statistics()
        self.faults.injected.clear()

    async def __aenter__(self) -> Self:
        self._engine = SimulatedEngine(self.profile, LoopClock(self.profile.time_scale))
        self._runner = web.AppRunner(
            self._application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
        )
        await self._runner.setup()
        try:
            await self._listen()
        except OSError as error:
            await self._runner.cleanup()
            reason = error.strerror or str(error)
            raise ConfigError(f"cannot listen at {self._host}:{self._port}: {reason}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close all connections."""
        if self._restarting is not None:
            self._restarting.cancel()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.router.add_post("/v1/chat/completions", self._completions)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/health", self._health)
        app.router.add_get("/version", self._version)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/simulation", self._simulation)
        app.router.add_post("/simulation/reset", self._simulation_reset)
        return app

    async def _listen(self) -> None:
        self._site = web.TCPSite(self._runner, self._host, self._port, backlog=_BACKLOG)
        await self._site.start()
        self._port = self._runner.addresses[0][1]

    @property
    def _is_down(self) -> bool:
        """Whether it restarts: connections accepted when the restart begins get here still."""
        return self._restarting is not None and not self._restarting.done()

    def _restart(self, seconds: float) -> None:
        if not self._is_down:
            self._restarting = asyncio.create_task(self._down(seconds))

    async def _down(self, seconds: float) -> None:
        await self._site.stop()
        self._engine.restart()
        for connection in self._runner.server.connections if self._runner.server else ():
            reset_connection(connection.transport)
        await asyncio.sleep(seconds)
        while True:
            try:
                return await self._listen()
            except OSError:
                await asyncio.sleep(_RETRY_SECONDS)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self._is_down:
            return abort_request(request)
        sampled = self.faults.sample(body)
        if sampled is None:
            return await self._answer(body)
        fault, variant = sampled
        context = FaultContext(
            request=request,
            model=self.model,
            seconds=fault.duration,
            variant=variant,
            answer=lambda: self._answer(body),
            restart=self._restart,
        )
        return await FAULT_KINDS[fault.name].handle(context)

    async def _answer(self, body: bytes) -> web.Response:
        try:
            return _json(await self._completion(body))
        except APIError as error:
            return _json(error.body, error.status)

    async def _completion(self, body: bytes) -> bytes:
        request = ChatRequest.read(body)
        if request.model != self.model:
            raise APIError.of_model(request.model)
        if self._blind and any(message.pictures for message in request.messages):
            raise APIError(f"{self.model} is not a multimodal model")
        prompt = request.prompt
        most = request.max_completion_tokens or request.max_tokens
        read, limit = count(prompt), self.profile.max_model_len
        if read + (most or 1) > limit:
            raise APIError.of_length(read, most or 1, limit)
        said = _cut_answer(self._answers.answer(request), request, most or limit - read)
        size = RequestSize.of(prompt, said.content + _written(said.tool_calls))
        sequence = await self._engine.run(size)
        number = next(self._numbers)
        cached = sequence.cached_tokens
        return completion_body(number, self.model, said, size, cached)

    async def _models(self, request: web.Request) -> web.Response:
        if self._is_down:
            return abort_request(request)
        card = {"id": self.model, "object": "model", "owned_by": "embodied"}
        limit = {"max_model_len": self.profile.max_model_len}
        return web.json_response({"object": "list", "data": [card | limit]})

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response()

    async def _version(self, request: web.Request) -> web.Response:
        return web.json_response({"version": "simulated"})

    async def _metrics(self, request: web.Request) -> web.Response:
        page = generate_latest(EngineCollector(self._engine, self.model))
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _simulation(self, request: web.Request) -> web.Response:
        return web.json_response(text=self.statistics().model_dump_json())

    async def _simulation_reset(self, request: web.Request) -> web.Response:
        self.reset_statistics()
        return web.Response()


class EngineCollector(Collector):
    """Collects those metrics of vLLM (vllm/v1/metrics/loggers.py) that the simulation has."""

    def __init__(self, engine: SimulatedEngine, model: str) -> None:
        self._engine = engine
        self._label_values = ("0", model)

    def collect(self) -> Iterator[Metric]:
        """Read the engine's figures."""
        engine, totals = self._engine, self._engine.totals
        gauges = {
            "num_requests_running": ("Requests in execution.", engine.running),
            "num_requests_waiting": ("Requests that wait.", engine.waiting),
            "kv_cache_usage_perc": ("1: all in use.", engine.cache.used / engine.cache.capacity),
        }
        counters = {
            "prefix_cache_queries": ("Prompt tokens looked for.", totals.prefix_cache_queries),
            "prefix_cache_hits": ("Prompt tokens found.", totals.prefix_cache_hits),
            "prompt_tokens": ("Prompt tokens.", totals.prompt_tokens),
            "generation_tokens": ("Generated tokens.", totals.generation_tokens),
            "request_success": ("Requests answered.", totals.requests),
        }
        for kind, figures in ((GaugeMetricFamily, gauges), (CounterMetricFamily, counters)):
            for name, (documentation, value) in figures.items():
                metric = kind(f"vllm:{name}", documentation, labels=_LABELS)
                metric.add_metric(self._label_values, value)
                yield metric


def _cut_answer(said: Reply, request: ChatRequest, room: int) -> Reply:
    """Cut an answer at its end, and say why it ends there. Calls that do not fit are lost."""
    stops = [p for stop in request.stops if stop and (p := said.content.find(stop)) >= 0]
    content = said.content[: min(stops, default=len(said.content))]
    kept = cut(content, room)
    if kept != content or count(content + _written(said.tool_calls)) > room:
        return Reply(kept, finish_reason="length")
    reason = "tool_calls" if said.tool_calls else "stop"
    return Reply(content, tool_calls=said.tool_calls, finish_reason=reason)


def _written(calls: Sequence[ToolCall]) -> str:
    return json.dumps([sendable_call(call) for call in calls]) if calls else ""


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
