"""Memory does not grow with what episodes hold, and hardly with their number."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from embodied.datasets import build
from embodied.trajectory import Trajectory
from tests.datasets.runs import episode, turn, write_run

EPISODES = 100_000


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that Python's objects take at most while something is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def written(folder: Path, episodes: Iterable[Trajectory], patch: pytest.MonkeyPatch) -> Path:
    with patch.context() as patched:
        patched.setattr(os, "fsync", lambda descriptor: None)
        return write_run(folder, episodes)


def test_one_episode_is_in_memory_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "x" * 200_000
    made = (episode(f"t{n}", [turn("ok", text), turn("ok", f"{n}")]) for n in range(60))
    run = written(tmp_path / "run", made, monkeypatch)
    data = build(run, select=["success", "dedupe", "shortest"])
    formats = ["chat", "prompt-completion", "sharegpt"]
    peak = peak_of(lambda: data.write(tmp_path / "data", formats))
    size = sum(path.stat().st_size for path in (tmp_path / "data").rglob("*.jsonl"))
    assert size > 50_000_000
    assert peak < 8_000_000


@pytest.mark.long
@pytest.mark.parametrize("parquet", [False, True], ids=["jsonl", "parquet"])
def test_a_hundred_thousand_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parquet: bool
) -> None:
    template = episode("t", ["error", *["ok"] * 5])

    def made() -> Iterable[Trajectory]:
        for number in range(EPISODES):
            task = template.task.model_copy(update={"id": f"t{number // 4}"})
            name = f"t{number // 4}#{number % 4}"
            yield template.model_copy(update={"episode_id": name, "task": task})

    run = written(tmp_path / "run", made(), monkeypatch)

    def work() -> None:
        data = build(run, select=["codeact", "limit=task:3"], holdout="task=0.1")
        card = data.write(tmp_path / "data", parquet=parquet)
        assert sum(card.formats["chat"].rows.values()) == EPISODES * 3 // 4

    started = time.perf_counter()
    peak = peak_of(work)
    print(f"\n{time.perf_counter() - started:.0f} s, at most {peak / 1e6:.0f} MB")
    assert peak < 300_000_000
