"""A run whose model sends nothing but attacks ends, and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

import embodied
from embodied import Message, Outcome, Policy, Reply
from embodied.policy import PolicyContext
from embodied.sandbox import load_corpus
from embodied.store.jsonl import LINE_BYTES
from embodied.testing import corridor

CORRIDOR = f"{corridor.__file__}:Corridor"
TASKS = 6
SAMPLES = 10
HONEST = """<execute>
take_key()
for direction in ("left", "right"):
    for _ in range(6):
        if "key" in go(direction):
            print(take_key())
open_door()
</execute>"""
ATTACKS = [
    re.sub(r"\b(hold|on|wait|look|inventory|stumble)\b", "go", snippet.filled({}).code[-1])
    for kind in ("trusted-names", "host-load", "records", "line-breaks", "former-states", "wire")
    for snippet in load_corpus(kind)
]


class Hostile(Policy):
    """Plays honestly in the first sample of each task, and sends attacks in all others."""

    def __init__(self, messages: list[str]) -> None:
        self.left = messages

    @classmethod
    def create(cls, context: PolicyContext) -> Self:
        number = int(context.task.id.rpartition("-")[2]) + TASKS * context.sample
        chosen = [ATTACKS[(2 * number + i) % len(ATTACKS)] for i in range(2)]
        attacks = [f"<execute>\n{code}\n</execute>" for code in chosen]
        return cls(attacks if context.sample else [HONEST])

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        return Reply(self.left.pop(0)) if self.left else None


def play(out: Path, interpreter: str, **settings: Any) -> embodied.Run:
    return embodied.run(
        env=CORRIDOR,
        out=out,
        policy=f"{__file__}:Hostile",
        protocol={"interpreter": interpreter, "check": False, "action_limits": {"seconds": 1.0}},
        progress=False,
        runner={"kind": "local", "retries": 0, "worker_memory_bytes": 2**30},
        **settings,
    )


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("interpreter", ["restricted", "auto"])
def test_a_run_of_attacks_ends_with_nothing_lost(tmp_path: Path, interpreter: str) -> None:
    before = psutil.Process().memory_info().rss
    run = play(tmp_path / "a", interpreter, tasks={"limit": TASKS, "samples": SAMPLES})
    assert psutil.Process().memory_info().rss - before < 2**30
    trajectories = list(run.trajectories())
    assert len(trajectories) == TASKS * SAMPLES
    assert not [t for t in trajectories if t.outcome is Outcome.INFRASTRUCTURE_ERROR]
    honest = [t for t in trajectories if t.sample == 0]
    assert {t.outcome for t in honest} == {Outcome.SUCCESS}
    alone = play(tmp_path / "b", interpreter, tasks={"limit": 1})
    (same,) = alone.trajectories()
    (first,) = [t for t in honest if t.episode_id == same.episode_id]
    assert [turn.observation for turn in first.turns] == [turn.observation for turn in same.turns]
    assert all(len(t.model_dump_json()) < LINE_BYTES for t in trajectories)
