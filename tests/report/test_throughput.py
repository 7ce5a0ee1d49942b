"""The throughput of a run: sums over its invocations, and how they are printed."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from embodied.llm.server_metrics import ServerTotals
from embodied.report import aggregate, print_report
from embodied.store import EpisodeSeconds, RunInvocation
from embodied.trajectory import Outcome
from tests.report.test_report_table import summary


def invocation(**fields: Any) -> RunInvocation:
    return RunInvocation.model_validate(
        {
            "started_at": "2030-01-01T00:00:00.000+00:00",
            "wall_seconds": 100.0,
            "episodes": 50,
            "turns": 400,
            "in_flight_seconds": 1000.0,
            "workers": 2,
            "replaced_workers": 0,
            "worker_bytes": 300_000_000,
            **fields,
        }
    )


FIRST = invocation(
    server=ServerTotals(
        observed_seconds=80.0,
        busy_seconds=72.0,
        running_seconds=800.0,
        waiting_seconds=8.0,
        prompt_tokens=90_000,
        completion_tokens=9000,
        prefix_queries=90_000,
        prefix_hits=45_000,
    ),
)
SECOND = invocation(
    wall_seconds=300.0,
    replaced_workers=3,
    workers=1,
    worker_bytes=412_000_000,
    server=ServerTotals(
        observed_seconds=320.0,
        busy_seconds=288.0,
        running_seconds=3200.0,
        waiting_seconds=392.0,
        prompt_tokens=110_000,
        completion_tokens=11_000,
        prefix_queries=110_000,
        prefix_hits=95_000,
        restarts=1,
    ),
)
EPISODES = [
    summary(
        number,
        Outcome.SUCCESS,
        seconds=EpisodeSeconds(
            total=9.0, policy=8.0, interpreter=0.04, environment=0.008, framework=0.02
        ),
        turns=10,
    )
    for number in range(3)
]


def printed(*invocations: RunInvocation) -> str:
    """What is printed from the throughput on."""
    file = io.StringIO()
    print_report(aggregate(EPISODES, invocations), Console(file=file, width=100))
    return file.getvalue().partition("Throughput")[2]


def test_invocations_are_weighted_by_their_time() -> None:
    throughput = aggregate(EPISODES, [FIRST, SECOND]).throughput
    assert (throughput.invocations, throughput.wall_seconds, throughput.episodes) == (2, 400.0, 100)
    assert throughput.episodes_per_hour == 900.0
    assert throughput.turns_per_second == 2.0
    assert throughput.mean_in_flight == 5.0
    assert throughput.milliseconds_per_turn is not None
    assert throughput.milliseconds_per_turn.model_dump() == pytest.approx(
        {"policy": 800.0, "interpreter": 4.0, "environment": 0.8, "framework": 2.0}
    )
    assert throughput.server is not None
    assert throughput.server.model_dump() == pytest.approx(
        {
            "observed_seconds": 400.0,
            "busy": 0.9,
            "mean_running": 10.0,
            "mean_waiting": 1.0,
            "prompt_tokens_per_second": 500.0,
            "completion_tokens_per_second": 50.0,
            "prompt_tokens": 200_000,
            "completion_tokens": 20_000,
            "prefix_cache_hit_rate": 0.7,
            "restarts": 1,
        }
    )
    assert throughput.workers is not None
    assert throughput.workers.model_dump() == {
        "used": 2,
        "replaced": 3,
        "largest_bytes": 412_000_000,
    }


def test_an_invocation_without_figures_of_the_server_slows_no_rate_of_it() -> None:
    silent = invocation(server=ServerTotals())
    server = aggregate(EPISODES, [FIRST, silent]).throughput.server
    assert server is not None
    assert (server.prompt_tokens_per_second, server.busy) == (900.0, 0.9)


def test_the_block_below_the_table() -> None:
    assert printed(FIRST, SECOND) == (
        ": 900 episodes/h, 2.0 turns/s, 5.0 in flight, 00:06:40\n"
        "  per turn: policy 800 ms, interpreter 4.0 ms, environment 0.8 ms, framework 2.0 ms\n"
        "  server: busy 90.0 %, 10.0 running, 1.0 waiting; restarts: 1\n"
        "  tokens/s: 500 in, 50 out; prefix cache 70.0 %\n"
        "  workers: 2, 3 replaced; at most 412 MB each\n"
    )


def test_a_server_without_figures_is_said_to_have_none() -> None:
    assert "\n  server: it gives no figures\n" in printed(invocation(server=ServerTotals()))


def test_what_is_not_known_is_not_printed() -> None:
    assert printed() == ""
    assert "server" not in printed(invocation())
    cacheless = ServerTotals(observed_seconds=1.0, prompt_tokens=5, completion_tokens=5)
    assert "prefix" not in printed(invocation(server=cacheless))
