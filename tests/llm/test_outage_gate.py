"""The outage gate: when it closes, who waits, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from embodied.errors import InfrastructureError
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.llm.error_mapper import RetryableError
from embodied.llm.outage_gate import OutageGate
from embodied.simulated_llm import Fault, FaultSampler, FixedAnswers
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.trajectory import Message
from tests.llm.fake_time import FakeTime

GONE = RetryableError("connection refused", "start it", gone=True)


class Server:
    """A fake server: its probes fail so many times. It counts those at the same time."""

    def __init__(self, failing: float) -> None:
        self.failing = failing
        self.probes = self.at_once = self.most_at_once = 0
        self.time = FakeTime()

    async def probe(self) -> RetryableError | None:
        self.probes += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return GONE if self.probes <= self.failing else None

    def gate(self, failures: int = 3, patience: float = 600.0) -> OutageGate:
        return OutageGate(
            "http://a/v1",
            self.probe,
            failures=failures,
            patience=patience,
            sleep=self.time.sleep,
            clock=self.time,
        )


def fail(gate: OutageGate, times: int) -> None:
    for _ in range(times):
        gate.on_failure()


async def test_failures_must_come_in_a_row() -> None:
    server = Server(failing=1)
    gate = server.gate()
    for _ in range(5):
        fail(gate, 2)
        gate.on_success()
    assert not await gate.wait()
    assert server.probes == 0


async def test_a_server_that_answers_a_probe_was_not_gone() -> None:
    server = Server(failing=0)
    gate = server.gate()
    fail(gate, 3)
    assert not await gate.wait()
    assert (server.probes, server.time.now) == (1, 0.0)


async def test_all_wait_and_one_probes() -> None:
    server = Server(failing=5)
    gate = server.gate()
    fail(gate, 100)
    assert await asyncio.gather(*(gate.wait() for _ in range(1000))) == [True] * 1000
    assert (server.probes, server.most_at_once) == (6, 1)
    assert not await gate.wait(), "it is open again"


async def test_who_probes_may_be_cancelled() -> None:
    server = Server(failing=20)
    gate = server.gate()
    fail(gate, 3)
    first, second = (asyncio.create_task(gate.wait()) for _ in range(2))
    for _ in range(5):
        await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert first.cancelled()


async def test_patience_ends_for_all_at_once_and_does_not_start_anew() -> None:
    server = Server(failing=float("inf"))
    gate = server.gate(patience=60.0)
    fail(gate, 3)
    waits = await asyncio.gather(*(gate.wait() for _ in range(50)), return_exceptions=True)
    assert {type(one) for one in waits} == {InfrastructureError}
    assert str(waits[0]) == "http://a/v1 was gone for 60 s: connection refused; start it"
    assert server.time.now == pytest.approx(60.0)
    fail(gate, 3)
    with pytest.raises(InfrastructureError, match="was gone for 60 s"):
        await gate.wait()
    assert server.time.now == pytest.approx(60.0)


async def test_an_answer_renews_the_patience() -> None:
    server = Server(failing=10)
    gate = server.gate(patience=90.0)
    fail(gate, 3)
    assert await gate.wait()
    gate.on_success()
    server.failing, server.probes = 10, 0
    fail(gate, 3)
    assert await gate.wait()


# --- with the client -----------------------------------------------------------------------------


class At(FaultSampler):
    """A fault at certain requests, counted from 1."""

    def __init__(self, fault: str, *requests: int) -> None:
        super().__init__()
        self._fault = Fault.parse(fault)
        self._requests = requests
        self.number = 0

    def sample(self, content: bytes) -> tuple[Fault, int] | None:
        self.number += 1
        return (self._fault, 0) if self.number in self._requests else None


@pytest.fixture
async def open_clients() -> AsyncIterator[list[LLMClient]]:
    clients: list[LLMClient] = []
    yield clients
    for client in clients:
        await client.close()


async def ask_many(client: LLMClient, number: int) -> Sequence[tuple[str, ...]]:
    """What each of so many requests at the same time met before its answer."""
    asked = [
        client.complete([Message(role="user", content=f"{n}")], seed=None) for n in range(number)
    ]
    return [answered.retries for answered in await asyncio.gather(*asked)]


@pytest.mark.parametrize("retries", [0, 4])
async def test_a_restart_fails_nobody(open_clients: list[LLMClient], retries: int) -> None:
    async with SimulatedServer(FixedAnswers("x"), faults=At("restart=1:1", 40)) as server:
        client = LLMClient(LLMConfig(base_url=server.base_url, model="simulated", retries=retries))
        open_clients.append(client)
        met = await ask_many(client, 200)
    causes = {cause for retries_ in met for cause in retries_}
    assert causes
    words = ("connection", "closing transport")
    assert all(any(word in cause for word in words) for cause in causes), causes


async def test_the_last_attempt_may_meet_a_restart(open_clients: list[LLMClient]) -> None:
    """Between two restarts, another request is answered: there are no failures in a row."""
    faults = At("restart=1:0.1", 1, 3)
    async with SimulatedServer(FixedAnswers("x"), faults=faults) as server:
        client = LLMClient(LLMConfig(base_url=server.base_url, model="simulated", retries=1))
        open_clients.append(client)
        first = asyncio.create_task(ask_many(client, 1))
        while not faults.number:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.15)
        assert await ask_many(client, 1) == [()]
        assert len((await first)[0]) == 2


async def test_a_server_that_stays_away_is_named(open_clients: list[LLMClient]) -> None:
    async with SimulatedServer(FixedAnswers("x")) as server:
        config = LLMConfig(base_url=server.base_url, model="simulated", outage_seconds=0.2)
        client = LLMClient(config)
        open_clients.append(client)
        await ask_many(client, 3)
    with pytest.raises(
        InfrastructureError, match=r"was gone for .*embodied serve --model simulated"
    ):
        await ask_many(client, 3)
