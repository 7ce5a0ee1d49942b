"""The simulated server's API, as vLLM's clients know it."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from embodied.errors import ConfigError, ContextOverflow
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.simulated_llm import INSTANT, FixedAnswers, Profile
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.trajectory import Message

HELLO = {"model": "simulated", "messages": [{"role": "user", "content": "Hello."}]}


class Session:
    """Talks to a server without doubting it."""

    def __init__(self, server: SimulatedServer, http: aiohttp.ClientSession) -> None:
        self.server = server
        self._http = http

    async def get(self, path: str) -> tuple[int, str]:
        async with self._http.get(self.server.url + path) as answer:
            return answer.status, await answer.text()

    async def post(self, body: Any, path: str = "/v1/chat/completions") -> tuple[int, Any]:
        async with self._http.post(self.server.url + path, json=body) as answer:
            return answer.status, await answer.json() if path.startswith("/v1") else None

    async def say(self, **body: Any) -> Any:
        """The first choice of an answer."""
        status, answer = await self.post(HELLO | body)
        assert status == 200, answer
        return answer["choices"][0]


@asynccontextmanager
async def session(text: str = "Hi.", **settings: Any) -> AsyncIterator[Session]:
    async with (
        SimulatedServer(FixedAnswers(text), **settings) as server,
        aiohttp.ClientSession() as http,
    ):
        yield Session(server, http)


# --- answers -------------------------------------------------------------------------------------


async def test_an_answer_has_the_shape_of_vllms() -> None:
    async with session("Hello, human.") as talk:
        status, answer = await talk.post(HELLO)
    assert status == 200
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "simulated"
    (choice,) = answer["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello, human."}
    assert choice["finish_reason"] == "stop"
    prompt = "<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"
    tokens = -(-len(prompt) // 4)
    assert answer["usage"] == {
        "prompt_tokens": tokens,
        "completion_tokens": 4,
        "total_tokens": tokens + 4,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_a_conversation_finds_its_beginning_in_the_cache() -> None:
    async with session("I answer. " * 20) as talk:
        messages = [{"role": "user", "content": "Tell me. " * 50}]
        _, first = await talk.post(HELLO | {"messages": messages})
        messages += [
            first["choices"][0]["message"],
            {"role": "user", "content": [{"type": "text", "text": "Go on."}]},
        ]
        _, second = await talk.post(HELLO | {"messages": messages})
    before = first["usage"]["total_tokens"]
    cached = second["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert before - 17 <= cached <= before
    assert cached % 16 == 0


@pytest.mark.parametrize(
    ("limit", "said", "reason"),
    [
        ({}, "one two three", "stop"),
        ({"max_tokens": 2}, "one two ", "length"),
        ({"max_completion_tokens": 1, "max_tokens": 2}, "one ", "length"),
        ({"max_tokens": 100}, "one two three", "stop"),
        ({"stop": " two"}, "one", "stop"),
        ({"stop": ["x", " three", "two"]}, "one ", "stop"),
        ({"stop": [""]}, "one two three", "stop"),
    ],
)
async def test_an_answer_ends(limit: dict[str, Any], said: str, reason: str) -> None:
    async with session("one two three") as talk:
        choice = await talk.say(**limit)
    assert (choice["message"]["content"], choice["finish_reason"]) == (said, reason)


async def test_an_answer_ends_with_the_context() -> None:
    profile = Profile(max_model_len=100, kv_tokens=1000, time_scale=1000)
    async with session("x" * 1000, profile=profile) as talk:
        _, answer = await talk.post(HELLO)
    assert answer["usage"]["total_tokens"] == 100
    assert answer["choices"][0]["finish_reason"] == "length"


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"messages": []}, "messages: List should have at least 1 item"),
        ({"messages": [{"content": "x"}]}, "messages.0.role: Field required"),
        ({"max_tokens": 0}, "max_tokens: Input should be greater than 0"),
        ({"stream": True}, "does not stream"),
        ({"n": 2}, "gives one answer"),
    ],
)
async def test_a_bad_request_is_told_so(change: dict[str, Any], said: str) -> None:
    async with session() as talk:
        status, answer = await talk.post(HELLO | change)
        assert talk.server.statistics().requests == 0
    assert (status, answer["error"]["code"], answer["error"]["type"]) == (
        400,
        400,
        "BadRequestError",
    )
    assert said in answer["error"]["message"]


async def test_another_model_is_not_there() -> None:
    async with session() as talk:
        status, answer = await talk.post(HELLO | {"model": "big"})
    assert status == 404
    assert answer["error"] == {
        "message": "The model `big` does not exist.",
        "type": "NotFoundError",
        "param": "model",
        "code": 404,
    }


async def test_the_client_understands_the_refusals() -> None:
    profile = Profile(max_model_len=100, kv_tokens=100)
    async with session(profile=profile) as talk:

        async def complete(text: str, **settings: Any) -> None:
            config = {"base_url": talk.server.base_url, "model": "simulated", "max_tokens": 50}
            client = LLMClient(LLMConfig(**config | settings))
            try:
                await client.complete([Message(role="user", content=text)], seed=None)
            finally:
                await client.close()

        with pytest.raises(ContextOverflow, match=r"requested 50 output .* contains 63 input"):
            await complete("x" * 200)
        with pytest.raises(ConfigError, match="the whole context of 'simulated' is 100 tokens"):
            await complete("x", max_tokens=200)
        with pytest.raises(ConfigError, match="serves: simulated; not 'big'"):
            await complete("x", model="big")


# --- what it says of itself ----------------------------------------------------------------------


async def test_the_client_finds_its_model() -> None:
    async with session(model="org/tiny") as talk:
        client = LLMClient(LLMConfig(base_url=talk.server.base_url, model="org/tiny"))
        await client.check()
        await client.close()


async def test_health_and_version() -> None:
    async with session() as talk:
        assert await talk.get("/health") == (200, "")
        assert await talk.get("/version") == (200, '{"version": "simulated"}')


async def test_metrics_have_the_names_of_vllms() -> None:
    async with session("four", model='a"b') as talk:
        await talk.say(model='a"b')
        _, text = await talk.get("/metrics")
        prompt = talk.server.statistics().prompt_tokens
    values = dict(re.findall(r'^vllm:(\w+)\{engine="0",model_name="a\\"b"\} ([\d.]+)$', text, re.M))
    assert {name: float(value) for name, value in values.items()} == {
        "num_requests_running": 0,
        "num_requests_waiting": 0,
        "kv_cache_usage_perc": 0,
        "prefix_cache_queries_total": prompt,
        "prefix_cache_hits_total": 0,
        "prompt_tokens_total": prompt,
        "generation_tokens_total": 1,
        "request_success_total": 1,
    }


async def test_statistics_can_be_read_and_reset() -> None:
    async with session("four", profile=INSTANT) as talk:
        for _ in range(3):
            await talk.say()
        _, text = await talk.get("/simulation")
        assert '"requests":3' in text
        await talk.post(None, "/simulation/reset")
        assert talk.server.statistics().requests == 0
        await talk.say()
        assert talk.server.statistics().requests == 1
        assert "vllm:request_success_total" in (await talk.get("/metrics"))[1]
        assert " 4.0" in (await talk.get("/metrics"))[1], "the totals of Prometheus only grow"


async def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen at 127.0.0.1:{port}: "):
            async with SimulatedServer(FixedAnswers("x"), port=port):
                pytest.fail("it listens")
