"""The commands as a user types them: what they print, and what they say of mistakes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "embodied"]
TEXTWORLD = ("--environment.options.backend", "textworld")


def embodied(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "ALFWORLD_DATA"}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env={**environment, "HOME": str(cwd), "COLUMNS": "120", **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def failed(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The message of a command that failed in the way meant for users."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    done = embodied("generate", "alfworld", "--count", "6", "--out", "games", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "wrote 6 tasks to games" in done.stdout
    return folder / "games"


@pytest.fixture
def local(games: Path) -> list[str]:
    """Options for a run of generated games in one process."""
    return [
        *("--split", "train", "--runner.kind", "local"),
        *("--set", f"environment.options.data={games}"),
    ]


def test_tasks_are_listed_in_a_stable_order(games: Path, tmp_path: Path) -> None:
    words = ("tasks", "alfworld", "--split", "train", "--json")
    first = embodied(*words, cwd=tmp_path, ALFWORLD_DATA=str(games))
    again = embodied(*words, cwd=tmp_path, ALFWORLD_DATA=str(games))
    tasks = json.loads(first.stdout)
    assert first.stdout == again.stdout
    assert len(tasks) == 6
    assert len({task["kind"] for task in tasks}) == 6
    assert all(task["instruction"] for task in tasks)
    assert [task["id"] for task in tasks] == sorted(task["id"] for task in tasks)


def test_run_report_and_run_again(local: list[str], tmp_path: Path) -> None:
    words = ["run", "--policy", "oracle", "--tasks.limit", "2", "--out", "first", *local]
    done = embodied(*words, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["episodes"], report["successes"], report["success_rate"]) == (2, 2, 1.0)
    assert report["infrastructure_errors"] == 0
    assert len(report["by_kind"]) >= 1
    assert {"interval", "turns", "calls", "steps", "tokens"} <= report.keys()
    assert "0 episodes" in embodied(*words, cwd=tmp_path).stderr, "a finished run is finished"
    table = embodied("report", "first", cwd=tmp_path)
    assert "100.0 %" in table.stdout


def test_a_changed_protocol_is_refused(local: list[str], tmp_path: Path) -> None:
    words = ["run", "--policy", "oracle", "--tasks.limit", "1", "--out", "first", *local]
    assert embodied(*words, cwd=tmp_path).returncode == 0
    message = failed(embodied(*words, "--protocol.limits.steps", "9", cwd=tmp_path))
    assert "protocol.limits.steps" in message
    assert "50" in message
    assert "9" in message


def test_an_interrupted_run_is_resumed(local: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            *COMMAND,
            "run",
            "--policy",
            "expert",
            "--out",
            "first",
            *local,
            *TEXTWORLD,
            "--tasks.limit",
            "3",
        ],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    index = tmp_path / "first" / "index.jsonl"
    while process.poll() is None and not (index.exists() and index.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130, message
    assert "Traceback" not in message
    assert "embodied resume first" in message
    done = embodied("resume", "first", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["successes"] == 3


@pytest.mark.parametrize("backend", ["native", "textworld"])
def test_a_corrupt_game_costs_one_episode(games: Path, tmp_path: Path, backend: str) -> None:
    shutil.copytree(games, tmp_path / "games")
    files = sorted((tmp_path / "games").rglob("game.tw-pddl"))
    files[0].write_text(files[0].read_text()[:5000])
    files[1].write_text('{"pddl_domain": 1, "grammar": [], "pddl_problem": "(", "solvable": true}')
    done = embodied(
        *("run", "--policy", "expert", "--split", "train", "--out", "first", "--json"),
        *("--runner.kind", "local", "--environment.options.data", "games", "--tasks.limit", "3"),
        *("--environment.options.backend", backend),
        cwd=tmp_path,
    )
    message = failed(done, code=3)
    assert "embodied resume first" in message
    report = json.loads(done.stdout)
    assert (report["episodes"], report["infrastructure_errors"]) == (1, 2)
    assert all(cause.startswith("a game file") for cause in report["infrastructure_causes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tasks", "alfworld"], "ALFWORLD_DATA"),
        (["run", "--out", "first"], "ALFWORLD_DATA"),
        (["tasks", "alfwrld"], "did you mean 'alfworld'?"),
        (["run", "--env", "nowhere"], "there is no environment 'nowhere'"),
        (["run", "nowhere.yaml"], "no configuration file nowhere.yaml"),
        (["run", "--runner.wrkers", "3"], "'runner.workers'"),
        (["run", "--wrong"], "--wrong"),
        (["run", "--runner.workers"], "needs a value"),
        (["resume", "nowhere"], "nowhere"),
        (["report", "nowhere"], "nowhere"),
        (["generate", "alfworld", "--count", "0", "--out", "games"], "count"),
        (["generate", "alfworld", "--out", "games", "--option", "color=red"], "color"),
        (["replay", "nowhere.jsonl.gz"], "nowhere.jsonl.gz"),
        (["run", "--policy", "llm"], "--llm.model"),
        (["config", "--set", "seed=x"], "--set:\n  seed"),
        (["run", "--policy", "human"], "--runner.kind local"),
        (["resume", "nowhere", "--set", "seed=3"], "seed cannot be changed"),
    ],
)
def test_mistakes_get_a_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    assert said in failed(embodied(*words, cwd=tmp_path))


def test_tasks_are_chosen_by_the_settings_of_a_run(games: Path, tmp_path: Path) -> None:
    words = ("tasks", "alfworld", "--split", "train", "--json", "--tasks.limit", "2")
    done = embodied(*words, cwd=tmp_path, ALFWORLD_DATA=str(games))
    assert len(json.loads(done.stdout)) == 2


def test_an_unknown_split_names_the_known_ones(games: Path, tmp_path: Path) -> None:
    words = ("tasks", "alfworld", "--split", "test")
    message = failed(embodied(*words, cwd=tmp_path, ALFWORLD_DATA=str(games)))
    assert "there are: train" in message
    assert "no split" in failed(
        embodied("tasks", "alfworld", "--split", "..", cwd=tmp_path, ALFWORLD_DATA=str(games))
    )


def test_config_prints_what_it_reads(tmp_path: Path) -> None:
    done = embodied("config", "--protocol", "mint", "--llm.model", "m", cwd=tmp_path)
    (tmp_path / "same.yaml").write_text(done.stdout)
    assert embodied("config", "same.yaml", cwd=tmp_path).stdout == done.stdout


class Nonsense(BaseHTTPRequestHandler):
    """A fake LLM server that lists a model and then fails in the way its path says."""

    def do_GET(self) -> None:
        self._send(200, b'{"object": "list", "data": [{"id": "m", "object": "model"}]}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if "/500/" in self.path:
            self._send(500, b'{"error": "broken"}')
        elif "/nonsense/" in self.path:
            self._send(200, b"<html>It works!</html>")
        else:
            time.sleep(60)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nonsense)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def with_llm(base_url: str, local: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return embodied(
        *("run", "--policy", "llm", "--llm.base_url", base_url, "--llm.model", "m", "--json"),
        *("--llm.retries", "1", "--llm.answer_seconds", "0.5", "--runner.retries", "1"),
        *("--tasks.limit", "1", "--out", "first", *local),
        cwd=cwd,
    )


def test_no_llm_server(local: list[str], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = failed(with_llm(f"http://127.0.0.1:{port}/v1", local, tmp_path))
    assert f"127.0.0.1:{port}" in message
    assert "embodied serve" in message


@pytest.mark.parametrize("trouble", ["500", "nonsense", "never"])
def test_a_server_in_trouble_costs_episodes_not_the_run(
    server: str, trouble: str, local: list[str], tmp_path: Path
) -> None:
    done = with_llm(f"{server}/{trouble}/v1", local, tmp_path)
    failed(done, code=3)
    report = json.loads(done.stdout)
    assert (report["episodes"], report["infrastructure_errors"]) == (0, 1)
    assert report["success_rate"] is None
    assert len(report["infrastructure_causes"]) == 1
    assert sum(report["retries"].values()) == 1


def test_replay_prints_its_figures(alfworld_data: Path, tmp_path: Path) -> None:
    source = alfworld_data / "recorded" / "gpt-4-0613.jsonl.gz"
    with gzip.open(source, "rt") as lines:
        (tmp_path / "gpt-4.jsonl").write_text(next(lines) + next(lines))
    done = embodied(
        *("replay", "gpt-4.jsonl", "--protocol", "mint", "--out", "replay", "--json"),
        *("--set", "runner.kind=local"),
        cwd=tmp_path,
        ALFWORLD_DATA=str(alfworld_data),
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["episodes"] == figures["recorded_successes"] == figures["true_successes"] == 2
    for name in ("observation", "error_type", "verdict", "prompt"):
        assert figures[f"{name}_mismatches"] == 0
    assert {"observations", "error_turns", "skipped", "seconds"} <= figures.keys()
