"""What a run measures of itself, and what its report makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.cli.run import play_run
from embodied.config.schema import RunConfig
from embodied.errors import RunError
from embodied.plugins.registry import environment_class
from embodied.report import Report
from embodied.runner import meter as module
from embodied.runner.assignment import Result
from embodied.runner.batch import run_batch
from embodied.runner.meter import InvocationMeter, measuring
from embodied.runner.plan import resolve
from embodied.simulated_llm import ServerProcess
from embodied.store import RunInvocation, RunReader, RunStore, StoredEpisode
from tests.report.runs import episode


class Clock:
    """Time that only a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_invocation_by_hand() -> None:
    clock = Clock()
    meter = InvocationMeter(clock=clock)
    with meter.worker(), meter.worker():
        clock.now = 1.0
        with meter.episode():
            clock.now = 3.0
            with meter.episode():
                clock.now = 4.0
        meter.add(Result(500, episode=StoredEpisode.of(episode(1, turns=3))))
        meter.add(Result(900, error="broken", retry=True))
    with meter.worker():
        clock.now = 10.0
    measured = meter.invocation()
    assert (measured.wall_seconds, measured.in_flight_seconds) == (10.0, 4.0)
    assert (measured.episodes, measured.turns) == (1, 3)
    assert (measured.workers, measured.replaced_workers, measured.worker_bytes) == (2, 1, 900)
    assert measured.server is None


async def test_figures_are_saved_now_and_then_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.01)
    kept: list[RunInvocation] = []
    with pytest.raises(ZeroDivisionError):
        async with measuring((), kept.append) as meter:
            await asyncio.sleep(0.05)
            assert not kept, "there was no worker yet"
            with meter.worker():
                await asyncio.sleep(0.05)
                before = len(kept)
                assert before
                meter.add(Result(1, episode=StoredEpisode.of(episode(1))))
                1 / 0  # noqa: B018
    assert len(kept) == before + 1
    assert kept[-1].episodes == 1


async def test_an_invocation_that_cannot_be_saved_fails_no_run() -> None:
    def fail(invocation: RunInvocation) -> None:
        raise RunError("the disk is full")

    async with measuring((), fail) as meter:
        with meter.worker():
            pass


# --- whole runs ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 6, 7)
    return folder


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    with ServerProcess("--prefill-rate", "inf", "--decode-rate", "1000") as server:
        yield server


def make_config(games: Path, out: Path, **settings: Any) -> RunConfig:
    fields = {
        "environment": {"name": "alfworld", "options": {"data": str(games)}},
        "split": "train",
        "runner": {"kind": "local"},
        "out": out,
        **settings,
    }
    return RunConfig.model_validate(fields)


def by_llm(server: ServerProcess) -> dict[str, Any]:
    return {
        "policy": {"name": "llm"},
        "llm": {"model": "simulated", "base_url": server.base_url},
    }


def printed(out: Path, *words: str) -> str:
    return CliRunner().invoke(app, ["report", str(out), *words]).output


def test_two_invocations_add_up_to_what_the_server_counted(
    games: Path, tmp_path: Path, server: ServerProcess
) -> None:
    run = resolve(make_config(games, tmp_path / "run", **by_llm(server)))
    config = run.config
    for _ in range(2):
        with RunStore.create(config.out, run.protocol, config.model_dump(mode="json")) as store:
            todo = run.unfinished(store.finished())[:3]
            asyncio.run(run_batch(run, todo, store.append, store.save))
    first, second = RunReader(config.out).invocations()
    figures = server.statistics()

    report = Report.model_validate_json(printed(config.out, "--json"))
    said = report.throughput
    assert (said.invocations, said.episodes) == (2, 6)
    assert said.wall_seconds == pytest.approx(first.wall_seconds + second.wall_seconds)
    assert said.turns_per_second == pytest.approx(report.turns.total / said.wall_seconds)
    assert said.episodes_per_hour == pytest.approx(6 * 3600 / said.wall_seconds)
    assert said.mean_in_flight is not None
    assert 0 < said.mean_in_flight <= 3
    assert said.server is not None
    assert said.server.prompt_tokens == figures.prompt_tokens == report.tokens.prompt.total
    assert said.server.completion_tokens == figures.generation_tokens
    assert said.server.prefix_cache_hit_rate == pytest.approx(
        figures.prefix_cache_hits / figures.prefix_cache_queries
    )
    assert said.server.observed_seconds <= said.wall_seconds
    assert said.workers is not None
    assert (said.workers.used, said.workers.replaced) == (1, 0)
    assert said.workers.largest_bytes > 10_000_000


def test_without_a_server_there_are_no_figures_of_one(games: Path, tmp_path: Path) -> None:
    play_run(make_config(games, tmp_path / "run"))
    text = printed(tmp_path / "run")
    assert "Throughput: " in text
    assert "  per turn: policy " in text
    assert "  server: " not in text
    assert json.loads(printed(tmp_path / "run", "--json"))["throughput"]["server"] is None
