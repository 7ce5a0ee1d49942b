"""What is shown of a run while it plays."""

from __future__ import annotations

import io

from rich.console import Console

from embodied import Outcome
from embodied.runner.progress import RunProgress
from embodied.store import StoredEpisode, Summary
from tests.report.runs import episode


class Shown:
    """Progress whose time a test moves, and what it printed."""

    def __init__(self, total: int, *, terminal: bool = False) -> None:
        self.now = 0.0
        self.file = io.StringIO()
        console = Console(file=self.file, force_terminal=terminal, width=120)
        self.progress = RunProgress(total, console, clock=lambda: self.now)

    def ends(self, at: float, outcome: Outcome = Outcome.SUCCESS) -> None:
        self.now = at
        self.progress.add(summary(outcome))

    @property
    def lines(self) -> list[str]:
        return self.file.getvalue().splitlines()


def summary(outcome: Outcome) -> Summary:
    trajectory = episode(1).model_copy(update={"outcome": outcome})
    return StoredEpisode.of(trajectory).summary


def test_lines_come_now_and_then_and_at_the_end() -> None:
    shown = Shown(45)
    for second in range(1, 46):
        shown.ends(at=second)
    assert len(shown.lines) == 5
    assert shown.lines[0] == "10/45 episodes, success 100.0%, 3,600 episodes/h, 35 s left"
    assert shown.lines[-1] == "45/45 episodes, success 100.0%, 3,600 episodes/h, 0 s left"


def test_the_time_left_is_that_of_the_last_episodes_and_not_of_the_start() -> None:
    shown = Shown(100)
    shown.ends(at=720)
    for number in range(1, 99):
        shown.ends(at=720 + number / 8)
    assert [line.rpartition(", ")[2] for line in shown.lines[1:]] == ["3 s left"]


def test_nothing_is_said_of_the_time_left_before_it_can_be_known() -> None:
    shown = Shown(100)
    shown.ends(at=60)
    assert shown.lines == ["1/100 episodes, success 100.0%, 60 episodes/h"]


def test_errors_are_counted_apart() -> None:
    shown = Shown(2)
    shown.ends(at=1, outcome=Outcome.FAILURE)
    shown.ends(at=2, outcome=Outcome.INFRASTRUCTURE_ERROR)
    assert shown.lines == [
        "2/2 episodes, success 0.0%, 1 infrastructure errors, 3,600 episodes/h, 0 s left"
    ]


def test_what_takes_long_before_the_first_episode_is_told() -> None:
    shown = Shown(2)
    shown.progress.notify("starting Ray")
    assert shown.lines == ["starting Ray"]
    shown = Shown(2, terminal=True)
    with shown.progress:
        shown.progress.notify("starting Ray")
    assert "starting Ray" in shown.file.getvalue()
