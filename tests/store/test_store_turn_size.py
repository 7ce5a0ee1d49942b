"""Whatever a policy does, its episode can be stored."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from embodied import Outcome, Task
from embodied.store.jsonl import LINE_BYTES, encode
from embodied.store.turn_size import EPISODE_BYTES, TurnSizes
from embodied.trajectory import AttachmentRecord, CallRecord, ErrorRecord, Trajectory, Turn

SIZE = 400_000
HUGE = "\0" * 20_000


def call(**arguments: Any) -> CallRecord:
    return CallRecord(name="on", arguments=arguments, seconds=0.0)


TURNS = {
    "message": Turn(message=HUGE, observation=""),
    "every text": Turn(
        message=HUGE, reasoning=HUGE, action=HUGE, stdout=HUGE, observation=HUGE, feedback=HUGE
    ),
    "calls": Turn(message="", observation="", calls=[call(light=HUGE[:200])] * 150),
    "many calls": Turn(message="", observation="", calls=[call(light="left 1")] * 2_000),
    "names": Turn(
        message="", observation="", calls=[call(**dict.fromkeys(map(str, range(3_000))))]
    ),
    "attachment": Turn(
        message="",
        observation="",
        attachments=[
            AttachmentRecord(
                name="a.png", media_type="image/png", data=b64encode(HUGE.encode() * 5)
            )
        ],
    ),
    "error": Turn(message="", observation="", error=ErrorRecord(type="ValueError", message=HUGE)),
    "half an emoji": Turn(message="\ud83d" * 5_000, observation=""),
}


@pytest.mark.parametrize("name", TURNS)
def test_turns_without_end_fit_into_one_line(name: str) -> None:
    sizes = TurnSizes(SIZE)
    turns = [sizes.fit(TURNS[name]) for _ in range(30)]
    trajectory = Trajectory(
        episode_id="a#0",
        task=Task(environment="lights", split="s", id="a", kind="k", instruction="i"),
        policy="p",
        outcome=Outcome.FAILURE,
        reward=0.0,
        first_observation="",
        prompt=[],
        turns=turns,
        started_at="",
        seconds=0.0,
    )
    line, stored = encode(trajectory)
    assert len(line) < SIZE + 30 * 8_192
    assert EPISODE_BYTES + 1000 * 8_192 < LINE_BYTES
    assert len(stored.turns) == 30
    assert stored.turns[-1].cut


def test_the_smallest_turns_still_fit_when_nothing_is_left() -> None:
    sizes = TurnSizes(SIZE)
    for _ in range(60):
        last = sizes.fit(TURNS["message"])
    assert last.cut
    assert last.message.endswith("... (cut)")
    ordinary = Turn(message="on('left 1')", observation="The light is on.")
    assert sizes.fit(ordinary) is ordinary


def test_ordinary_turns_are_not_touched() -> None:
    sizes = TurnSizes()
    turn = Turn(
        message="a" * 200_000, observation="b" * 20_000, calls=[call(light="x" * 9_000)] * 100
    )
    for _ in range(10):
        assert sizes.fit(turn) is turn
