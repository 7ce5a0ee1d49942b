"""What a server says of its load, and what is made of what it should not say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from embodied.llm import metrics_poller as poller_module
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.llm.metrics_poller import MetricsPoller, read_metrics
from embodied.llm.server_metrics import ServerMetrics, ServerTotals
from embodied.simulated_llm import FixedAnswers, Profile
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.trajectory import Message

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a/b {c}"} 3.0
vllm:num_requests_running{engine="1",model_name="a/b {c}"} 2.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a/b {c}"} 1.0
vllm:num_requests_waiting{engine="1",model_name="a/b {c}"} 0.0
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 7.0
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="a/b {c}"} 1.5e+06
vllm:prefix_cache_hits_total{engine="0",model_name="a/b {c}"} 500.0
vllm:prefix_cache_hits_created{engine="0",model_name="a/b {c}"} 1.7e+09
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="a/b {c}"} 1000.0
vllm:prompt_tokens_total{engine="1",model_name="a/b {c}"} 2000.0
vllm:generation_tokens_total{engine="0",model_name="a/b {c}"} 30.0
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf"} 4.0
"""

LLAMA_CPP = """\
# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 9467
llamacpp:tokens_predicted_total 167
llamacpp:requests_processing 2
llamacpp:requests_deferred 46
"""


def test_vllms_engines_are_added_up() -> None:
    assert read_metrics(VLLM) == ServerMetrics(5, 1, 3000, 30, 1.5e6, 500)


def test_llama_cpp_says_nothing_of_its_cache() -> None:
    assert read_metrics(LLAMA_CPP) == ServerMetrics(2, 46, 9467, 167)


def changed(value: str) -> str:
    """A page with another number of running sequences."""
    return VLLM.replace("} 3.0", "} " + value)


BAD = {
    "nothing": "",
    "something else": "<html>Not found</html>",
    "half": VLLM[: VLLM.index("# TYPE vllm:prompt")],
    "not a number": changed("NaN"),
    "infinite": changed("+Inf"),
    "negative": changed("-1"),
    "impossible": changed("1e300"),
    "a word": changed("many"),
    "broken labels": VLLM.replace('engine="0"', 'engine="0'),
    "a long line": VLLM.replace("a/b {c}", '\\"' * 100_000),
    "a long page": "\n" * 2_000_001 + VLLM,
    "many engines": VLLM + 'vllm:num_requests_running{engine="2"} 1\n' * 1001,
}


@pytest.mark.parametrize("page", BAD.values(), ids=BAD.keys())
def test_pages_without_a_load(page: str) -> None:
    with pytest.raises(ValueError):
        read_metrics(page)


@given(st.text("{}\",=\\ \t#e+-.01NaInf_\nl\x00'"))
def test_no_line_breaks_the_reader(text: str) -> None:
    try:
        load = read_metrics(VLLM.replace("} 3.0", text))
    except ValueError:
        return
    assert 0 <= load.running < float("inf")


def test_totals_by_hand() -> None:
    totals = ServerTotals()
    totals.add(ServerMetrics(0, 0, 100, 10, 100, 0), ServerMetrics(4, 2, 300, 20, 300, 90), 2.0)
    totals.add(ServerMetrics(4, 2, 300, 20, 300, 90), ServerMetrics(2, 0, 350, 25, 350, 100), 1.0)
    assert totals == ServerTotals(
        observed_seconds=3.0,
        busy_seconds=2.0,
        running_seconds=7.0,
        waiting_seconds=3.0,
        prompt_tokens=250,
        completion_tokens=15,
        prefix_queries=250,
        prefix_hits=100,
    )


def test_a_counter_that_fell_counts_from_zero() -> None:
    totals = ServerTotals()
    totals.add(
        ServerMetrics(1, 0, 1000, 100, 1000, 900), ServerMetrics(1, 0, 1200, 7, 1200, 5), 0.0
    )
    assert (totals.restarts, totals.observed_seconds) == (1, 0.0)
    assert (totals.prompt_tokens, totals.completion_tokens) == (1200, 7)
    assert (totals.prefix_queries, totals.prefix_hits) == (1200, 5)


# --- against servers -----------------------------------------------------------------------------


def config(base_url: str, **settings: Any) -> LLMConfig:
    return LLMConfig(base_url=base_url, model="simulated", **settings)


async def ask(base_url: str, times: int) -> None:
    """Some requests at once, with a common beginning."""
    client = LLMClient(config(base_url))
    texts = ["Tell me. " * 50 + str(number) for number in range(times)]
    await asyncio.gather(
        *(client.complete([Message(role="user", content=text)], seed=0) for text in texts)
    )
    await client.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_totals_are_what_the_server_counted() -> None:
    async with SimulatedServer(FixedAnswers("Hi."), Profile(decode_rate=20)) as server:
        await ask(server.base_url, 3)
        server.reset_statistics()
        async with MetricsPoller(config(server.base_url), every=0.02) as poller:
            assert poller.latest is not None
            await ask(server.base_url, 8)
        figures, totals = server.statistics(), poller.totals
    assert figures.requests == 8
    assert totals.prompt_tokens == figures.prompt_tokens
    assert totals.completion_tokens == figures.generation_tokens
    assert totals.prefix_queries == figures.prefix_cache_queries
    assert totals.prefix_hits == figures.prefix_cache_hits > 0
    assert totals.restarts == 0
    assert 0 < totals.busy_seconds < totals.observed_seconds
    assert totals.busy_seconds < totals.running_seconds <= 8 * totals.busy_seconds


async def test_a_server_that_is_restarted() -> None:
    profile = Profile(decode_rate=1000)
    async with SimulatedServer(FixedAnswers("Hi."), profile) as server:
        port = int(server.url.rpartition(":")[2])
        async with MetricsPoller(config(server.base_url), every=0.01) as poller:
            await ask(server.base_url, 5)
            first = server.statistics()
            await until(lambda: poller.totals.completion_tokens == first.generation_tokens)
            await server.stop()
            await until(lambda: poller.latest is None)
            async with SimulatedServer(FixedAnswers("Hi."), profile, port=port) as again:
                await ask(again.base_url, 2)
                second = again.statistics()
                tokens = first.generation_tokens + second.generation_tokens
                await until(lambda: poller.totals.completion_tokens == tokens)
    assert poller.totals.restarts == 1
    assert poller.totals.prompt_tokens == first.prompt_tokens + second.prompt_tokens


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def metrics_server(handler: Handler) -> AsyncIterator[str]:
    """A server that says what it likes; yields the address of its API."""
    app = web.Application()
    app.router.add_get("/metrics", handler)
    app.router.add_get("/elsewhere", fine)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response(text=VLLM)


async def redirect(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/elsewhere")


async def missing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


async def slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return await fine(request)


async def garbage(request: web.Request) -> web.StreamResponse:
    return web.Response(body=bytes(range(256)) * 1000)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(VLLM.encode() * 100)


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\n")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("handler", [redirect, missing, slow, garbage, endless, dripping])
async def test_a_server_without_figures_does_no_harm(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_READING_SECONDS", 0.5)
    async with (
        metrics_server(handler) as base_url,
        asyncio.timeout(20),
        MetricsPoller(config(base_url), every=0.01) as poller,
    ):
        await asyncio.sleep(0.05)
    assert poller.latest is None
    assert poller.totals == ServerTotals()


async def test_nobody_there() -> None:
    async with metrics_server(fine) as base_url:
        pass
    async with MetricsPoller(config(base_url)) as poller:
        assert poller.latest is None


async def test_the_key_is_sent_as_for_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    async def note(request: web.Request) -> web.StreamResponse:
        sent.append(request.headers.get("Authorization"))
        return await fine(request)

    monkeypatch.setenv("OTHER_API_KEY", "other")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    async with metrics_server(note) as base_url:
        for name in ("OTHER_API_KEY", "UNSET_API_KEY"):
            async with MetricsPoller(config(base_url, api_key_environment=name)) as poller:
                assert poller.latest == read_metrics(VLLM)
    assert sent == ["Bearer other"] * 2 + [None] * 2
