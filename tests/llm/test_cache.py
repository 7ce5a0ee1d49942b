"""Kept answers: which are, for whom, and what a damaged or foreign file does."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from embodied.errors import ConfigError
from embodied.llm.cache import CompletionCache
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.simulated_llm import FixedAnswers
from embodied.simulated_llm.simulated_server import SimulatedServer
from embodied.trajectory import Message

URL = "http://a/v1"
ASK = [Message(role="user", content="Begin.")]


def request(**changes: Any) -> dict[str, Any]:
    return {
        "model": "m",
        "messages": [{"role": "user", "content": "é"}],
        "temperature": 0,
    } | changes


def write(path: Path, process: int) -> None:
    cache = CompletionCache(path, URL)
    for number in range(50):
        cache.put(request(process=process, number=number), f"{process} {number}")
    cache.close()


def test_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=write, args=(path, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    cache = CompletionCache(path, URL)
    assert cache.get(request(process=2, number=49)) == "2 49"
    assert cache.get(request(process=0, number=0)) == "0 0"
    cache.close()


def test_only_the_same_request_to_the_same_server_has_the_answer(tmp_path: Path) -> None:
    here, there = (CompletionCache(tmp_path / "answers.db", url) for url in (URL, "http://b/v1"))
    here.put(request(), "body")
    assert here.get(dict(reversed(request().items()))) == "body"
    others = [request(model="n"), request(messages=[]), request(seed=1), request(stop=["x"])]
    assert [here.get(other) for other in others] == [None] * 4
    assert there.get(request()) is None
    here.close()
    there.close()


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"temperature": 0}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": 0.7}, False),
        ({"temperature": 0.7, "seed": 3}, True),
    ],
)
def test_samples_without_a_seed_are_not_kept(
    tmp_path: Path, changes: dict[str, Any], kept: bool
) -> None:
    cache = CompletionCache(tmp_path / "answers.db", URL)
    cache.put(request(**changes), "body")
    assert (cache.get(request(**changes)) == "body") == kept
    cache.close()


@pytest.mark.parametrize("content", [b"hello", b"SQLite format 3\0" + b"x" * 5000, b"\0" * 4096])
def test_a_file_of_anything_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers.db"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="name another file"):
        CompletionCache(path, URL)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mail.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE mails (text)")
    content = path.read_bytes()
    with pytest.raises(ConfigError, match="another program's database"):
        CompletionCache(path, URL)
    assert path.read_bytes() == content
    with pytest.raises(ConfigError, match=r"llm\.cache: "):
        CompletionCache(tmp_path, URL)


def spoil(path: Path, value: object) -> None:
    with sqlite3.connect(path) as file:
        file.execute("UPDATE answers SET body = ?", (value,))
    file.close()


async def test_a_repeated_run_asks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    async with SimulatedServer(FixedAnswers("I begin.")) as server:

        async def ask(seed: int | None = None, **settings: Any) -> bool:
            """Whether the answer was kept."""
            own = {"base_url": server.base_url, "model": "simulated", "cache": path} | settings
            client = LLMClient(LLMConfig(**own))
            answered = await client.complete(ASK, seed=seed)
            await client.close()
            assert answered.usage.prompt_tokens > 0
            return answered.cached

        assert [await ask(), await ask()] == [False, True]
        warm = {"temperature": 1.0}
        assert [await ask(**warm), await ask(**warm)] == [False, False]
        assert [await ask(1, **warm), await ask(1, **warm), await ask(2, **warm)] == [
            False,
            True,
            False,
        ]
        cut = {"max_tokens": 1}
        assert [await ask(**cut), await ask(**cut)] == [False, False]
        assert not await ask(cache=None)
        for value in ("{}", '{"choices": [', b"\xff", 7, None):
            spoil(path, value)
            assert [await ask(), await ask()] == [False, True]
