"""Runs on disk with chosen episodes and settings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embodied.protocol import Protocol, RunProtocol
from embodied.store import RunStore, StoredEpisode, Summary
from embodied.store.summary import summarize
from embodied.task import Task
from embodied.trajectory import Outcome, Trajectory, Turn, Usage


def episode(
    task: int, outcome: Outcome = Outcome.SUCCESS, *, turns: int = 1, sample: int = 0
) -> Trajectory:
    """An episode by number of its task. Each turn says `look()` for 100 tokens and 10."""
    usage = Usage(prompt_tokens=100, completion_tokens=10)
    return Trajectory(
        episode_id=f"t{task}#{sample}",
        task=Task(environment="e", id=f"t{task}", split="s", kind="pick", instruction="do"),
        sample=sample,
        policy="test",
        outcome=outcome,
        limit="turns" if outcome is Outcome.TRUNCATED else None,
        turns=[Turn(message="look()", observation="A room.", usage=usage) for _ in range(turns)],
    )


def write_run(
    folder: Path,
    episodes: Iterable[Trajectory],
    protocol: dict[str, Any] | None = None,
    **settings: Any,
) -> Path:
    """A run of these episodes; settings are those of `RunProtocol`. Returns its folder."""
    given = {"environment": "e", "policy": {"name": "test"}, "split": "s", **settings}
    run_protocol = RunProtocol(protocol=Protocol.model_validate(protocol or {}), **given)
    with RunStore.create(folder, run_protocol, {}) as store:
        for trajectory in episodes:
            store.append(StoredEpisode.of(trajectory))
    return folder


def make_summary(**fields: Any) -> Summary:
    """A summary of an episode without turns, but for the fields that are given."""
    base = summarize(episode(0, turns=0), b"\n").model_dump()
    return Summary.model_validate(base | fields)
