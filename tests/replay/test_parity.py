"""What counts as a difference between a recording and its replay."""

from __future__ import annotations

import pytest

from embodied import Message, Task
from embodied.replay.parity import ParityReport, check_parity
from embodied.replay.recordings import RecordedTurn, Recording
from embodied.trajectory import Outcome, Trajectory, Turn

LEFT = "\nYou have 4 steps left and 2 chances to propose solution left.\n"


def framed(body: str) -> str:
    return f"Observation:\n{body}{LEFT}"


def compared(observed: str, recorded: str) -> ParityReport:
    """Compare an episode of one turn with its recording, both given by what the turn was told."""
    task = Task(environment="alfworld", id="t", split="s", kind="k", instruction="")
    trajectory = Trajectory(
        episode_id="t#0",
        task=task,
        policy="replay:model",
        outcome=Outcome.FAILURE,
        prompt=[Message(role="user", content="Task: go")],
        turns=[Turn(message="go", observation=observed)],
    )
    turns = [RecordedTurn(message="go", observation=recorded)]
    recording = Recording(
        policy="model", task_id="t", prompt="Task: go", success=False, turns=turns
    )
    return check_parity([trajectory], {("t", 0): recording}, steps=50)


@pytest.mark.parametrize(
    ("ours", "recorders"),
    [
        ("Out[1]: 'You arrive.'", "Out[7]: 'You arrive.'"),
        ("You see a key.\nOut[9]: 3", "You see a key.\nOut[10]: 3"),
        ("no line feedOut[1]: 3", "no line feedOut[2]: 3"),
    ],
)
def test_numbers_of_echoed_values_are_counted_apart(ours: str, recorders: str) -> None:
    parity = compared(framed(ours), framed(recorders))
    assert (parity.observations, parity.out_numbers) == (1, 1)
    assert (parity.observation_mismatches, parity.mismatches) == (0, [])


@pytest.mark.parametrize(
    ("ours", "recorders"),
    [
        ("Out[1]: 'You arrive.'", "Out[7]: 'You leave.'"),
        ("Out[1]: 3", "3"),
        ("drawer [1]: 3", "drawer [2]: 3"),
    ],
)
def test_other_differences_are_mismatches(ours: str, recorders: str) -> None:
    parity = compared(framed(ours), framed(recorders))
    assert (parity.out_numbers, parity.observation_mismatches) == (0, 1)
    assert parity.mismatches == ["model t, turn 1: observation"]


def test_equal_observations_count_nowhere() -> None:
    parity = compared(framed("Out[1]: 3"), framed("Out[1]: 3"))
    assert (parity.observations, parity.out_numbers, parity.observation_mismatches) == (1, 0, 0)
