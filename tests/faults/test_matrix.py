"""Whatever goes wrong around a batch, it ends with the episodes of a run in which nothing did.

Each case plays the same episodes against the simulated LLM, and compares them with such a run. What
was sent again must stand in the report, cause by cause, as often as the server made it fail.
Run it with `make test-faults`; EMBODIED_FAULT_EPISODES (120) is the size of each run.
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from embodied.plugins.registry import environment_class
from embodied.simulated_llm import ServerProcess
from tests.faults.runs import (
    Results,
    finished,
    report,
    results,
    running,
    succeed,
    wait_for,
    workers,
)

pytestmark = pytest.mark.faults

TASKS = 10
SAMPLES = max(1, int(os.environ.get("EMBODIED_FAULT_EPISODES", "120")) // TASKS)
EPISODES = TASKS * SAMPLES
FAST = ("--prefill-rate", "inf", "--decode-rate", "inf")
SLOW = ("--prefill-rate", "inf", "--decode-rate", "150")
"""So that there is time for something to happen during a run."""
ON_RAY = ("--runner.kind", "ray", "--runner.episodes_per_worker", "4", "--runner.retries", "8")
SECONDS = 4
"""Longest wait for an answer, where answers stall."""

GONE = {"connection"}
LATE = {f"no whole answer within {SECONDS} s"}
UNREADABLE = {"an answer that cannot be read"}
EMPTY = UNREADABLE | {"an answer without content that does not say why"}


@dataclass(frozen=True)
class Case:
    """Faults of the server, and what requests are sent again for."""

    name: str
    faults: tuple[str, ...]
    causes: frozenset[str]
    settings: tuple[str, ...] = ()


def case(fault: str, causes: set[str], *settings: str) -> Case:
    return Case(fault, (fault,), frozenset(causes), settings)


LATE_SETTING = ("--llm.answer_seconds", str(SECONDS))
CASES = [
    case("429=0.1:0.1", {"HTTP 429"}),
    case("500=0.1", {"HTTP 500"}),
    case("503=0.1:0.1", {"HTTP 503"}),
    case("reset=0.1", GONE),
    case("stall=0.1:60", LATE, *LATE_SETTING),
    case("drip=0.1:1", LATE, *LATE_SETTING),
    case("drip=0.1:0", set()),  # slow, but in time
    case("truncated=0.1", UNREADABLE),
    case("empty=0.1", EMPTY),
    case("endless=0.1", {"an answer of more than 10 MB"}),
    case("wrong-model=0.1", {"HTTP 404"}),
    case("other-model=0.1", set()),  # servers name models as they like: the answer is taken
]
RESTARTS = case("restart=0.1:0.3", GONE)
"""A restart resets all connections, so more requests fail than the one that met it."""
TOGETHER = Case(
    "all of them, each 0.03",
    tuple(
        fault.replace("=0.1", "=0.03")
        for case in (*CASES, RESTARTS)
        for fault in case.faults
        if fault != "drip=0.1:0"
    ),
    frozenset().union(*(case.causes for case in (*CASES, RESTARTS))),
    LATE_SETTING,
)


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, TASKS, 7)
    return folder


def playing(
    games: Path, server: str, out: Path, *words: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """A run, under way. Later words win."""
    return running(
        *("run", "--env", "alfworld", "--split", "train", "--out", str(out)),
        *("--set", f"environment.options.data={games}", "--tasks.samples", str(SAMPLES)),
        *("--policy", "llm", "--llm.model", "simulated", "--llm.base_url", server),
        *("--llm.seed", "1", "--llm.retries", "20", "--runner.kind", "local"),
        *words,
    )


def play(games: Path, server: str, out: Path, *words: str) -> None:
    """A run, to its good end."""
    with playing(games, server, out, *words) as driver:
        succeed(driver)


def resume(folder: Path) -> None:
    """Finish a run."""
    with running("resume", str(folder)) as driver:
        succeed(driver)


@pytest.fixture(scope="module")
def reference(games: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The results of a run without faults."""
    out = tmp_path_factory.mktemp("runs") / "reference"
    with ServerProcess(*FAST) as server:
        play(games, server.base_url, out)
    played = results(out)
    assert len(played) == EPISODES
    print(f"\n{'what went wrong':24}episodes results  how often  retries by cause")
    return played


def kinds(retries: dict[str, int]) -> Counter[str]:
    """Retries by kind. Connections break in the words of the system, which are many."""
    counted = Counter[str]()
    for cause, times in retries.items():
        named = cause.startswith(("HTTP ", "an answer ", "no whole answer "))
        counted[cause if named else "connection"] += times
    return counted


def show(name: str, injected: int, retries: dict[str, int]) -> None:
    """One line of the matrix, for a run whose results were equal to the reference."""
    causes = ", ".join(f"{cause} {times}" for cause, times in retries.items())
    print(f"\n{name:24}{EPISODES:8}{'equal':>8}{injected:10}  {causes or 'none'}")


def played_through(
    case: Case, games: Path, reference: Results, folder: Path
) -> tuple[Counter[str], Counter[str]]:
    """Play a case to its good end; returns what the server did wrong, and what was sent again."""
    words = [word for fault in case.faults for word in ("--fault", fault)]
    with ServerProcess(*FAST, *words) as server:
        play(games, server.base_url, folder, *case.settings)
        injected = Counter(server.statistics().faults)
    assert results(folder) == reference
    figures = report(folder)
    show(case.name, injected.total(), figures["llm_retries"])
    assert figures["retries"] == {}
    assert sum(figures["served_models"].values()) == injected["other-model"]
    assert injected.keys() == {fault.partition("=")[0] for fault in case.faults}
    retries = kinds(figures["llm_retries"])
    assert retries.keys() <= case.causes
    return injected, retries


def test_each_fault_is_among_all_of_them() -> None:
    names = {fault.partition("=")[0] for case in (*CASES, RESTARTS) for fault in case.faults}
    assert len(TOGETHER.faults) == len(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_fault(case: Case, games: Path, reference: Results, tmp_path: Path) -> None:
    injected, retries = played_through(case, games, reference, tmp_path / "run")
    assert retries.total() == (injected.total() if case.causes else 0)


@pytest.mark.parametrize("case", [RESTARTS, TOGETHER], ids=["restart", "together"])
def test_faults_that_spread(case: Case, games: Path, reference: Results, tmp_path: Path) -> None:
    injected, retries = played_through(case, games, reference, tmp_path / "run")
    assert retries.total() >= injected.total() - injected["other-model"]
    assert retries.total() - retries["connection"] <= injected.total()


def test_failures_that_cost_an_attempt(games: Path, reference: Results, tmp_path: Path) -> None:
    """Where no request is sent again, the episode is played again, and the report says why."""
    folder = tmp_path / "run"
    few = ("--llm.retries", "0", "--runner.retries", "50")
    with ServerProcess(*FAST, "--fault", "500=0.1") as server:
        play(games, server.base_url, folder, *few)
        injected = server.statistics().faults["500"]
    assert results(folder) == reference
    figures = report(folder)
    show("500=0.1, no retries", injected, figures["retries"])
    assert sum(figures["retries"].values()) == injected
    assert all("in 1 attempt: HTTP 500: " in cause for cause in figures["retries"])
    assert figures["llm_retries"] == {}


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_killed_server_that_comes_back(games: Path, reference: Results, tmp_path: Path) -> None:
    folder, port = tmp_path / "run", free_port()
    with (
        ServerProcess(*SLOW, "--port", port) as server,
        playing(games, server.base_url, folder, "--llm.retries", "0") as driver,
    ):
        wait_for(folder, EPISODES // 4, driver)
        server._process.kill()
        server._process.wait()
        time.sleep(2)
        with ServerProcess(*SLOW, "--port", port):
            succeed(driver)
    assert results(folder) == reference
    figures = report(folder)
    show("server killed", 1, figures["llm_retries"])
    assert figures["retries"] == {}
    assert kinds(figures["llm_retries"]).keys() == GONE


def test_killed_workers(games: Path, reference: Results, tmp_path: Path) -> None:
    folder, kills = tmp_path / "run", 0
    with (
        ServerProcess(*SLOW) as server,
        playing(games, server.base_url, folder, *ON_RAY) as driver,
    ):
        for share in (0.1, 0.3, 0.5, 0.7):
            wait_for(folder, int(share * EPISODES), driver)
            if found := workers(driver.pid):
                random.choice(found).kill()
                kills += 1
        succeed(driver)
    assert kills > 0
    assert results(folder) == reference
    figures = report(folder)
    show("workers killed", kills, figures["retries"])
    assert figures["llm_retries"] == {}
    assert figures["retries"]
    assert all(cause.startswith("the worker died") for cause in figures["retries"])


def test_a_killed_driver(games: Path, reference: Results, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with ServerProcess(*SLOW) as server:
        with playing(games, server.base_url, folder, *ON_RAY) as driver:
            wait_for(folder, EPISODES // 3, driver)
            driver.kill()
        before = finished(folder)
        resume(folder)
    assert 0 < len(before) < EPISODES
    assert results(folder) == reference
    figures = report(folder)
    show("driver killed", 1, figures["retries"])
    assert figures["retries"] == figures["llm_retries"] == {}


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def test_a_full_disk(games: Path, reference: Results, small_disk: Path) -> None:
    folder = small_disk / "run"
    resize(small_disk, "300k")
    with ServerProcess(*FAST) as server:
        with playing(games, server.base_url, folder) as driver:
            said, _ = driver.communicate(timeout=300)
        assert driver.returncode == 2, said
        assert "error: the disk is full" in said
        assert f"free space and run `embodied resume {folder}`" in said
        assert 0 < len(finished(folder)) < EPISODES
        resize(small_disk, "1g")
        resume(folder)
    assert results(folder) == reference
    show("disk full", 1, report(folder)["retries"])
