"""Real engines with a real model, kept running by `Server`."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psutil
import pytest

from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.llm.serving import Server
from embodied.trajectory import Message

pytestmark = pytest.mark.vllm


def _given(name: str, what: str) -> str:
    if value := os.environ.get(name):
        return value
    pytest.skip(f"set {name} to {what}; `make test-vllm` installs all of it (docs/serving.md)")


@pytest.fixture(scope="module")
def vllm() -> Iterator[Server]:
    python = _given("EMBODIED_TEST_VLLM_PYTHON", "an interpreter that has vLLM")
    model = _given("EMBODIED_TEST_MODEL", "a model's folder")
    arguments = ["--enforce-eager", "--max-model-len", "4096"]
    with Server(model, python=python, arguments=arguments) as server:
        yield server


@pytest.fixture(scope="module")
def llamacpp() -> Iterator[Server]:
    python = _given("EMBODIED_TEST_LLAMA_PYTHON", "an interpreter that has llama-cpp-python")
    model = _given("EMBODIED_TEST_GGUF", "a GGUF file")
    with Server(model, engine="llamacpp", python=python) as server:
        yield server


@pytest.fixture(params=["vllm", "llamacpp"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def _client(server: Server) -> LLMClient:
    return LLMClient(LLMConfig(base_url=server.base_url, model=server.model, max_tokens=16))


async def test_it_answers(server: Server) -> None:
    client = _client(server)
    await client.check()
    answer = await client.complete([Message(role="user", content="Say hello.")], seed=1)
    assert answer.content
    assert 0 < answer.usage.completion_tokens <= 16
    assert answer.usage.prompt_tokens > 0


async def test_vllm_tells_what_its_prefix_cache_saved(vllm: Server) -> None:
    client = _client(vllm)
    question = [Message(role="user", content="Say hello. " * 100)]
    await client.complete(question, seed=1)
    assert (await client.complete(question, seed=2)).usage.cached_tokens > 0


async def test_a_request_waits_while_the_server_starts_again(server: Server) -> None:
    client = _client(server)
    processes = _engine(server)
    processes[-1].kill()
    psutil.wait_procs(processes, timeout=60)
    answer = await client.complete([Message(role="user", content="Say hello.")], seed=1)
    assert answer.content
    assert answer.retries
    assert not [process for process in processes if process.is_running()]


def _engine(server: Server) -> list[psutil.Process]:
    """All processes of a server's engine."""
    port = server.base_url.removesuffix("/v1").rpartition(":")[2]
    guards = psutil.Process().children()
    guard = next(process for process in guards if port in process.cmdline())
    return guard.children(recursive=True)
