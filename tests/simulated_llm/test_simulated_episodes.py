"""Whole episodes against the simulated LLM, and its command, as a user has them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied.errors import ConfigError
from embodied.plugins.registry import environment_class
from embodied.simulated_llm import ServerProcess
from embodied.store import RunReader
from embodied.trajectory import Outcome, Trajectory

COMMAND = [sys.executable, "-m", "embodied"]
FAST = ("--prefill-rate", "inf", "--decode-rate", "inf")


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(folder, 6, 7)
    return folder


def play(games: Path, out: Path, *words: str) -> dict[str, Trajectory]:
    """The episodes of a run, by id."""
    settings = ["--split", "train", "--set", f"environment.options.data={games}"]
    where = ["--runner.kind", "local", "--out", str(out)]
    done = subprocess.run(
        [*COMMAND, "run", "--env", "alfworld", *settings, *where, *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {episode.episode_id: episode for episode in RunReader(out).trajectories()}


def by_llm(server: ServerProcess) -> list[str]:
    base = ["--policy", "llm", "--llm.model", "simulated", "--llm.base_url", server.base_url]
    return [*base, "--llm.retries", "20"]


@pytest.fixture(scope="module")
def expert(games: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trajectory]:
    """What the expert does without a server."""
    return play(games, tmp_path_factory.mktemp("runs") / "expert", "--policy", "expert")


def assert_same(played: dict[str, Trajectory], expert: dict[str, Trajectory]) -> None:
    assert played.keys() == expert.keys()
    for name, episode in played.items():
        assert episode.outcome is Outcome.SUCCESS
        assert [turn.message for turn in episode.turns] == [t.message for t in expert[name].turns]
        assert [s.command for s in episode.steps] == [s.command for s in expert[name].steps]


@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("503=0.1:0", "reset=0.1", "truncated=0.05", "empty=0.05", "restart=0.05:0.1"),
    ],
)
def test_episodes_are_those_of_the_expert(
    games: Path, expert: dict[str, Trajectory], tmp_path: Path, faults: tuple[str, ...]
) -> None:
    words = [word for fault in faults for word in ("--fault", fault)]
    with ServerProcess(*FAST, *words) as server:
        assert_same(play(games, tmp_path / "run", *by_llm(server)), expert)
        figures = server.statistics()
    assert figures.requests >= sum(len(episode.turns) for episode in expert.values())
    assert figures.prefix_cache_hits > figures.prefix_cache_queries / 4
    assert bool(figures.faults) == bool(faults)


def test_a_server_that_restarts_fails_no_episode(
    games: Path, expert: dict[str, Trajectory], tmp_path: Path
) -> None:
    few = ("--llm.retries", "1", "--runner.retries", "0")
    with ServerProcess(*FAST, "--fault", "restart=0.1:1") as server:
        played = play(games, tmp_path / "run", *by_llm(server)[:-2], *few)
        assert server.statistics().faults["restart"] > 0
    assert_same(played, expert)
    assert {episode.attempts for episode in played.values()} == {1}
    assert any(turn.llm_retries for episode in played.values() for turn in episode.turns)


@pytest.mark.parametrize(
    "action",
    [
        "tools",
        pytest.param("json", marks=pytest.mark.long),
        pytest.param("text", marks=pytest.mark.long),
    ],
)
def test_formats_of_calls_make_the_calls_of_the_expert(
    games: Path, expert: dict[str, Trajectory], tmp_path: Path, action: str
) -> None:
    settings = ["--action", action, "--protocol.limits.turns", "60"]
    with ServerProcess(*FAST) as server:
        played = play(games, tmp_path / "run", *by_llm(server), *settings)
    for name, episode in played.items():
        assert episode.outcome is Outcome.SUCCESS
        assert [s.command for s in episode.steps] == [s.command for s in expert[name].steps]
        assert not any(turn.format_error for turn in episode.turns)


def test_a_run_is_played_again_from_its_own_record(
    games: Path, expert: dict[str, Trajectory], tmp_path: Path
) -> None:
    first = tmp_path / "first"
    play(games, first, "--policy", "expert")
    with ServerProcess(*FAST, "--answers", str(first)) as server:
        assert_same(play(games, tmp_path / "again", *by_llm(server)), expert)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    """A running command whose address has been printed."""
    words = [*COMMAND, "simulate-llm", "--port", "0", "--model", "tiny", "--answers", "fixed:x"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "simulated LLM 'tiny' listening at http://127.0.0.1:" in process.stdout.readline()
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_its_totals(started: subprocess.Popen[str], number: signal.Signals) -> None:
    started.send_signal(number)
    said, _ = started.communicate(timeout=30)
    assert started.returncode == 0
    assert "answers           0" in said
    assert "faults            none" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--decode-rate", "0"), "--decode-rate: Input should be greater than 0"),
        (("--kv-tokens", "10"), "kv_tokens (10) must be at least max_model_len"),
        (("--fault", "fire=1"), "there is no fault 'fire'"),
        (("--answers", "nowhere"), "there are no answers 'nowhere'"),
    ],
)
def test_what_cannot_be_simulated(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError) as caught, ServerProcess(*words):
        pass
    assert f"the simulated LLM did not start: error: {said}" in str(caught.value).replace(
        "Value error, ", ""
    )
