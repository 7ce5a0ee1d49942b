"""Faults of the simulated LLM: which requests meet them, and what the real client makes of them."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from embodied.errors import ConfigError, EmbodiedError, InfrastructureError
from embodied.llm.chat_api import Completion
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.simulated_llm import Fault, FaultSampler, FixedAnswers, Profile
from embodied.simulated_llm.fault_handlers import FAULT_KINDS, FaultContext, FaultKind
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.trajectory import Message

ASK = [Message(role="user", content="Begin.")]
ANSWER = "I begin. " * 30


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here speaks TLS; reading all certificates for each client takes most of the time."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)


class First(FaultSampler):
    """The fault in one of its forms, for the first requests only."""

    def __init__(self, fault: Fault, variant: int, times: int) -> None:
        super().__init__([fault])
        self._sampled = (fault, variant)
        self._left = times

    def sample(self, content: bytes) -> tuple[Fault, int] | None:
        self._left -= 1
        return self._sampled if self._left >= 0 else None


@asynccontextmanager
async def client(server: SimulatedServer, **settings: Any) -> AsyncIterator[LLMClient]:
    """A client that waits no longer between attempts than for the server to come back."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0.2)

    waits: list[float] = []
    config = {"base_url": server.base_url, "model": "simulated", "retries": 4} | settings
    client = LLMClient(LLMConfig(**config), sleep=sleep, clock=lambda: sum(waits))
    client.waits = waits  # type: ignore[attr-defined]
    try:
        yield client
    finally:
        await client.close()


async def meet(fault: str, variant: int = 0, times: int = 1, **settings: Any) -> Completion:
    """The client's answer where the first requests meet a fault."""
    faults = First(Fault.parse(fault), variant, times)
    async with (
        SimulatedServer(FixedAnswers(ANSWER), faults=faults) as server,
        client(server, **settings) as asking,
    ):
        return await asking.complete(ASK, seed=None)


# --- what the client makes of them ---------------------------------------------------------------

MET = [
    ("429=1:7", 0, "HTTP 429: Rate limit reached."),
    ("500=1", 0, "HTTP 500: EngineCore encountered an issue."),
    ("503=1:7", 0, "HTTP 503: The server is overloaded."),
    ("reset=1", 0, "connection reset by peer"),
    ("reset=1", 1, "the answer broke off"),
    ("stall=1:600", 0, "no whole answer within 1 s"),
    ("drip=1:1", 0, "no whole answer within 1 s"),
    ("truncated=1", 0, "Invalid JSON: EOF"),
    ("empty=1", 0, "Invalid JSON: EOF"),
    ("empty=1", 1, "at least 1 item"),
    ("empty=1", 2, "without content that does not say why"),
    ("endless=1", 0, "an answer of more than 10 MB"),
    ("wrong-model=1", 0, "HTTP 404: "),
]
RESTART = ("restart=1:0.1", 0, "connection reset by peer")


@pytest.mark.parametrize(("fault", "variant", "cause"), [*MET, RESTART])
async def test_a_fault_that_passes_is_forgiven(fault: str, variant: int, cause: str) -> None:
    slow = fault.startswith(("stall", "drip"))
    completion = await meet(fault, variant, answer_seconds=1.0 if slow else 60.0)
    assert completion.content == ANSWER
    assert cause in completion.retries[0]


@pytest.mark.parametrize(("fault", "variant", "cause"), MET[1:])
async def test_a_fault_that_stays_is_an_infrastructure_error(
    fault: str, variant: int, cause: str
) -> None:
    seconds = 1.0 if fault.startswith(("stall", "drip")) else 60.0
    with pytest.raises(InfrastructureError, match="in 2 attempts: "):
        await meet(fault, variant, times=9, answer_seconds=seconds, retries=1)


async def test_a_rate_limit_costs_no_attempt() -> None:
    assert len((await meet("429=1:7", times=9, retries=0)).retries) == 9


async def test_a_stall_may_be_sat_out() -> None:
    assert (await meet("stall=1:0.2")).retries == ()


async def test_a_drip_may_be_sat_out() -> None:
    assert (await meet("drip=1:0")).content == ANSWER


async def test_the_name_of_the_answering_model_does_not_matter() -> None:
    completion = await meet("other-model=1")
    assert (completion.content, completion.retries) == (ANSWER, ())


async def test_retry_after_is_asked_for() -> None:
    for status in ("429", "503"):
        faults = First(Fault.parse(f"{status}=1:7"), 0, 1)
        async with (
            SimulatedServer(FixedAnswers("x"), faults=faults) as server,
            client(server) as asking,
        ):
            await asking.complete(ASK, seed=None)
            assert asking.waits == [7.0]  # type: ignore[attr-defined]


async def test_a_restart_breaks_off_what_was_under_way_and_forgets() -> None:
    faults = First(Fault.parse("restart=1:0.1"), 0, 0)
    async with (
        SimulatedServer(FixedAnswers(ANSWER), Profile(time_scale=100), faults) as server,
        client(server) as asking,
    ):
        first = await asking.complete([Message(role="user", content="y" * 1000)], seed=None)
        faults._left = 2
        running, breaking = await asyncio.gather(
            asking.complete([Message(role="user", content="y" * 1000)], seed=None),
            asking.complete(ASK, seed=None),
        )
        assert first.retries == ()
        assert running.retries
        assert breaking.retries
        await asking.complete([Message(role="user", content="z" * 1000)], seed=None)
        figures = server.statistics()
    assert figures.running == 0
    assert figures.prefix_cache_hits == 0


async def test_a_client_that_leaves_gives_back_its_place() -> None:
    slow = Profile(decode_rate=0.001, max_sequences=1)
    async with (
        SimulatedServer(FixedAnswers(ANSWER), slow) as server,
        client(server, answer_seconds=0.3, retries=0) as asking,
    ):
        with pytest.raises(EmbodiedError):
            await asking.complete(ASK, seed=None)
        while server.statistics().running:
            await asyncio.sleep(0.01)
        assert server.statistics().aborted == 1


# --- which requests meet them --------------------------------------------------------------------


def sample_all(faults: FaultSampler, contents: list[bytes]) -> dict[bytes, list[str | None]]:
    met: dict[bytes, list[str | None]] = {}
    for content in contents:
        sampled = faults.sample(content)
        met.setdefault(content, []).append(sampled[0].name if sampled else None)
    return met


CONTENTS = [b"%d" % (number % 500) for number in range(2000)]
RATES = [Fault(name="500", rate=0.2), Fault(name="reset", rate=0.1)]


def test_the_order_of_requests_does_not_matter() -> None:
    forwards, backwards = (
        sample_all(FaultSampler(RATES, 1), CONTENTS),
        sample_all(FaultSampler(RATES, 1), CONTENTS[::-1]),
    )
    assert forwards == backwards
    assert forwards != sample_all(FaultSampler(RATES, 2), CONTENTS)


def test_each_fault_has_its_rate_and_a_request_may_succeed_in_the_end() -> None:
    met = sample_all(FaultSampler(RATES), CONTENTS)
    names = Counter(name for several in met.values() for name in several)
    assert names["500"] == pytest.approx(400, abs=80)
    assert names["reset"] == pytest.approx(200, abs=60)
    failed = [several for several in met.values() if several[0]]
    assert sum(any(name is None for name in several) for several in failed) > 0.9 * len(failed)


def test_faults_are_counted() -> None:
    faults = FaultSampler([Fault(name="500", rate=1)])
    sample_all(faults, CONTENTS)
    assert faults.injected == {"500": 2000}


def test_without_faults_nothing_is_sampled() -> None:
    assert FaultSampler().sample(b"x") is None
    assert FaultSampler([Fault(name="500", rate=0)]).sample(b"x") is None


async def test_a_run_with_the_same_seed_meets_the_same_faults() -> None:
    async def causes(seed: int) -> list[tuple[str, ...]]:
        rates = [Fault.parse("500=0.3"), Fault.parse("truncated=0.2"), Fault.parse("empty=0.2")]
        async with (
            SimulatedServer(FixedAnswers("x"), faults=FaultSampler(rates, seed)) as server,
            client(server, retries=20) as asking,
        ):
            asked = [[Message(role="user", content=f"{number}")] for number in range(12)]
            done = await asyncio.gather(*(asking.complete(each, seed=None) for each in asked))
        return [tuple(cause[:60] for cause in completion.retries) for completion in done]

    first = await causes(5)
    assert any(first)
    assert await causes(5) == first
    assert await causes(6) != first


# --- naming them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("505=0.1", "there is no fault '505'; there are: 429, 500"),
        ("500", "must be NAME=RATE"),
        ("500=2", "must be NAME=RATE"),
        ("500=nan", "must be NAME=RATE"),
        ("429=0.1:x", "must be NAME=RATE"),
        ("429=0.1:-1", "must be NAME=RATE"),
        ("500=0.1:3", "500 takes no seconds; write 500=0.1"),
    ],
)
def test_a_fault_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Fault.parse(text)


def test_a_fault_has_a_duration() -> None:
    assert Fault.parse("429=0.5").duration == 1
    assert Fault.parse("429=0.5:0").duration == 0
    assert Fault.parse("500=0.5").duration == 0


def test_rates_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="must not exceed 1"):
        FaultSampler([Fault(name="500", rate=0.6), Fault(name="503", rate=0.6)])
    with pytest.raises(ConfigError, match="'500' is given twice"):
        FaultSampler([Fault(name="500", rate=0.1), Fault(name="500", rate=0.1)])
    with pytest.raises(ValidationError):
        Fault.model_validate({"name": "505", "rate": 0.1})


async def test_a_fault_is_added_by_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    async def teapot(context: FaultContext) -> web.Response:
        """Answer HTTP 418 for SECONDS."""
        return web.Response(status=418, text=f"{context.seconds:g} s")

    monkeypatch.setitem(FAULT_KINDS, "teapot", FaultKind(teapot, 2.0))
    assert FAULT_KINDS["teapot"].description == "Answer HTTP 418 for SECONDS (2)"
    with pytest.raises(InfrastructureError, match=r"HTTP 418\): 7 s"):
        await meet("teapot=1:7")


def test_every_fault_is_tried_here() -> None:
    tried = {fault.partition("=")[0] for fault, _, _ in [*MET, RESTART]}
    assert tried | {"other-model"} == set(FAULT_KINDS)
