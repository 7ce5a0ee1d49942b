"""Runs of ten thousand episodes. The times are printed, not judged: see them with `pytest -s`."""

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from embodied.protocol import RunProtocol
from embodied.report import aggregate_run
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import Outcome, Trajectory

MakeTrajectory = Callable[..., Trajectory]

EPISODES = 10_000


@pytest.mark.long
def test_ten_thousand_episodes(
    tmp_path: Path,
    make_trajectory: MakeTrajectory,
    protocol: RunProtocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = list(Outcome)
    template = make_trajectory(0, turns=20, text="a sentence of an observation. " * 10)
    started = time.perf_counter()
    with monkeypatch.context() as patched, RunStore.create(tmp_path, protocol, {}) as store:
        patched.setattr(os, "fsync", lambda descriptor: None)
        for number in range(EPISODES):
            changes = {"episode_id": f"t{number}#0", "outcome": outcomes[number % 4]}
            store.append(StoredEpisode.of(template.model_copy(update=changes)))
    print(f"\nwritten, without waiting for the disk: {time.perf_counter() - started:.1f} s")
    size = sum(path.stat().st_size for path in (tmp_path / "episodes").iterdir())
    print(f"shards: {size / 1e6:.0f} MB")

    started = time.perf_counter()
    report = aggregate_run(RunReader(tmp_path))
    print(f"report: {time.perf_counter() - started:.2f} s")
    assert report.episodes == 7_500

    started = time.perf_counter()
    RunStore.open(tmp_path).close()
    print(f"opened for writing: {time.perf_counter() - started:.2f} s")

    started = time.perf_counter()
    (tmp_path / "index.jsonl").unlink()
    assert aggregate_run(RunReader(tmp_path)) == report
    print(f"report without the index: {time.perf_counter() - started:.2f} s")
    RunStore.open(tmp_path).close()

    run = RunReader(tmp_path)
    tracemalloc.start()
    for _ in run.trajectories():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"peak memory of reading all trajectories: {peak / 1e6:.1f} MB")
    assert peak < 50e6
