"""Real engines with a real model, kept running by `ModelServer`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psutil
import pytest

from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.serving import ModelServer
from embodied.trajectory import Message

pytestmark = pytest.mark.vllm


def _given(name: str, what: str) -> str:
    if value := os.environ.get(name):
        return value
    pytest.skip(f"set {name} to {what} (docs/serving.md)")


@pytest.fixture(scope="module")
def vllm() -> Iterator[ModelServer]:
    python = _given(
        "EMBODIED_TEST_VLLM_PYTHON", "an interpreter with vLLM, as `make test-vllm` does"
    )
    model = _given("EMBODIED_TEST_MODEL", "a model's folder, as `make test-vllm` does")
    arguments = ["--enforce-eager", "--max-model-len", "4096"]
    with ModelServer(model, python=python, arguments=arguments) as server:
        yield server


@pytest.fixture(scope="module")
def llamacpp() -> Iterator[ModelServer]:
    python = _given(
        "EMBODIED_TEST_LLAMA_PYTHON", "one where `pip install llama-cpp-python` was run"
    )
    model = _given("EMBODIED_TEST_GGUF", "a GGUF file, as `make test-vllm` does")
    with ModelServer(model, engine="llamacpp", python=python) as server:
        yield server


@pytest.fixture(params=["vllm", "llamacpp"])
def server(request: pytest.FixtureRequest) -> ModelServer:
    found: ModelServer = request.getfixturevalue(request.param)
    return found


@asynccontextmanager
async def _client(server: ModelServer) -> AsyncIterator[LLMClient]:
    config = LLMConfig(base_url=server.base_url, model=server.model, max_tokens=16)
    client = LLMClient(config)
    try:
        yield client
    finally:
        await client.close()


async def test_it_answers(server: ModelServer) -> None:
    async with _client(server) as client:
        await client.check()
        answer = await client.complete([Message(role="user", content="Say hello.")], seed=1)
    assert answer.content
    assert 0 < answer.usage.completion_tokens <= 16
    assert answer.usage.prompt_tokens > 0


async def test_vllm_tells_what_its_prefix_cache_saved(vllm: ModelServer) -> None:
    question = [Message(role="user", content="Say hello. " * 100)]
    async with _client(vllm) as client:
        await client.complete(question, seed=1)
        again = await client.complete(question, seed=2)
    assert again.usage.cached_tokens > 0


async def test_a_request_waits_while_the_server_starts_again(server: ModelServer) -> None:
    processes = _engine(server)
    processes[-1].kill()
    psutil.wait_procs(processes, timeout=60)
    async with _client(server) as client:
        answer = await client.complete([Message(role="user", content="Say hello.")], seed=1)
    assert answer.content
    assert answer.retries
    assert not [process for process in processes if process.is_running()]


def _engine(server: ModelServer) -> list[psutil.Process]:
    """All processes of a server's engine."""
    port = server.base_url.removesuffix("/v1").rpartition(":")[2]
    supervisors = psutil.Process().children()
    supervisor = next(process for process in supervisors if port in process.cmdline())
    return supervisor.children(recursive=True)
