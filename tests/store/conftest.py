"""Synthetic episodes and runs."""

from collections.abc import Callable

import pytest

from embodied.protocol import Protocol, RunProtocol
from embodied.task import Task
from embodied.trajectory import (
    CallRecord,
    ErrorRecord,
    Outcome,
    StepRecord,
    Trajectory,
    Turn,
    TurnSeconds,
    Usage,
)

MakeTrajectory = Callable[..., Trajectory]


def _turn(text: str) -> Turn:
    step = StepRecord(
        command="look",
        observation=text,
        reward=0.0,
        terminated=False,
        truncated=False,
        success=False,
        seconds=0.25,
    )
    call = CallRecord(name="look", arguments={}, result=text, seconds=0.3, steps=[step, step])
    failed = CallRecord(
        name="put", arguments={"0": 1}, error=ErrorRecord(type="E", message="m"), seconds=0.1
    )
    return Turn(
        message=text,
        action="look()",
        calls=[call, failed],
        observation=text,
        usage=Usage(prompt_tokens=100, completion_tokens=10),
        seconds=TurnSeconds(policy=1.0, interpreter=0.5, environment=0.25, framework=0.125),
    )


@pytest.fixture(scope="session")
def make_trajectory() -> MakeTrajectory:
    """Builds an episode by number, with as many turns as asked for."""

    def made(
        number: int,
        outcome: Outcome = Outcome.SUCCESS,
        *,
        turns: int = 0,
        text: str = "a line\nand ünïcödé",
        kind: str = "pick",
        **fields: object,
    ) -> Trajectory:
        task = Task(environment="e", id=f"t{number}", split="s", kind=kind, instruction="do")
        return Trajectory.model_validate(
            {
                "episode_id": f"t{number}#0",
                "task": task,
                "policy": "test",
                "outcome": outcome,
                "turns": [_turn(text) for _ in range(turns)],
                "seconds": 2.0,
                **fields,
            }
        )

    return made


@pytest.fixture(scope="session")
def protocol() -> RunProtocol:
    """A protocol of a run."""
    return RunProtocol(
        environment="e",
        policy={"name": "test", "temperature": 1e-05, "stop": ["on", "1e5", "日本"]},
        data={"hash": "0123"},
        split="s",
        protocol=Protocol(),
    )
