"""The rule's comments, on turns and progress as episodes leave them."""

from typing import Any

import pytest

from embodied import Controller, StepResult
from embodied.environment import Observation
from embodied.feedback import FeedbackMode, RuleFeedback
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import CallRecord, ErrorRecord, Turn, Usage

ERROR = ErrorRecord(type="ValueError", message="there is no light 'left'", line=2)


def call(error: ErrorRecord | None = None, **arguments: Any) -> CallRecord:
    arguments = arguments or {"light": "left 1"}
    return CallRecord(name="on", arguments=arguments, error=error, seconds=0.0)


def turn(**fields: Any) -> Turn:
    return Turn(**{"message": "m", "action": "on('left 1')", "observation": "o"} | fields)


UNREADABLE = turn(action=None, format_error=True)
FAILED = turn(error=ERROR, calls=[call(), call(ERROR)])
CAUGHT = turn(calls=[call(), call(ERROR), call()])
BROKEN = turn(error=ErrorRecord(type="NameError", message="name 'x' is not defined", line=3))
CUT = turn(limit="the code ran for more than 5 s", calls=[call()])
WRONG = turn(action=None, answer="done")
FINE = turn(calls=[call()])


async def said(played: Turn, mode: FeedbackMode = "binary") -> str:
    feedback = await RuleFeedback(mode).feedback([], played)
    assert feedback.usage == Usage()
    return feedback.text


@pytest.mark.parametrize("bad", [UNREADABLE, FAILED, CAUGHT, BROKEN, CUT, WRONG])
async def test_a_turn_with_a_fault_is_bad(bad: Turn) -> None:
    assert await said(bad) == "This is BAD."


@pytest.mark.parametrize("good", [FINE, turn(), turn(calls=[call()] * 3)])
async def test_a_turn_without_a_fault_is_good(good: Turn) -> None:
    assert await said(good) == "This is GOOD."


@pytest.mark.parametrize(
    ("played", "words"),
    [
        (UNREADABLE, "No action could be read from your message."),
        (FAILED, "The call on(light='left 1') failed: ValueError: there is no light 'left'. Do"),
        (CAUGHT, "The call on(light='left 1') failed: ValueError: there is no light 'left'. Do"),
        (BROKEN, "The action failed in line 3: NameError: name 'x' is not defined. Correct"),
        (CUT, "The action was broken off: the code ran for more than 5 s. Do less"),
        (WRONG, "The goal is not reached"),
        (FINE, "The call on(light='left 1') worked."),
        (turn(calls=[call()] * 3), "All 3 calls worked."),
        (turn(), "the robot did nothing"),
    ],
)
async def test_words_say_why(played: Turn, words: str) -> None:
    assert words in await said(played, "textual")


async def test_an_error_of_the_code_comes_before_a_call_that_it_survived() -> None:
    both = turn(error=BROKEN.error, calls=[call(ERROR), call()])
    assert "NameError" in await said(both, "textual")


async def test_a_positional_argument_has_no_name() -> None:
    wrong = turn(calls=[call(ERROR, **{"0": "left", "1": 7})])
    assert "on('left', 7)" in await said(wrong, "textual")


async def test_words_are_bounded() -> None:
    error = ErrorRecord(type="ValueError", message="no\n" * 10_000)
    huge = turn(error=error, calls=[call(error, light="x" * 10_000)])
    for played in (huge, turn(limit="l" * 10_000), turn(error=error)):
        words = await said(played, "textual")
        assert len(words) < 1100
        assert "\n" not in words


class Watched:
    """A robot's last result, as an episode would leave it."""

    def __init__(self, robot: Controller, task: Task) -> None:
        self.robot = robot
        self.rule = RuleFeedback("textual")
        self.rule.begin(task, robot, Protocol())

    async def loses(self, **info: Any) -> bool:
        """Whether the rule sees a loss after a step that reports this."""
        told = {"success": False, **info}
        self.robot.last_result = StepResult(Observation("o"), 0.0, False, False, told)
        text = (await self.rule.feedback([], FINE)).text
        return text.startswith("The last action undid a part of what the task asks for.")


@pytest.fixture
def watched(robot: Controller, task: Task) -> Watched:
    return Watched(robot, task)


async def test_lost_progress_is_bad(watched: Watched) -> None:
    conditions = [(False, False), (True, False), (True, False), (False, False), (True, True)]
    losses = [await watched.loses(progress={"a": a, "b": b}) for a, b in conditions]
    assert losses == [False, False, False, True, False]


async def test_another_way_to_the_goal_is_no_loss(watched: Watched) -> None:
    assert not await watched.loses(progress={"a": True, "b": True, "c": False})
    assert not await watched.loses(progress={"d": False})
    assert not await watched.loses(progress={})
    assert await watched.loses(progress={"d": False, "e": False})


async def test_progress_may_be_a_number(watched: Watched) -> None:
    assert [await watched.loses(progress=score) for score in (0, 0.5, 0.25)] == [False, False, True]


async def test_an_environment_need_not_report_progress(watched: Watched) -> None:
    assert not await watched.loses()
    assert not await watched.loses(progress="half")


async def test_a_loss_is_noticed_once_also_beside_another_fault(watched: Watched) -> None:
    await watched.loses(progress=2)
    assert watched.robot.last_result is not None
    watched.robot.last_result = StepResult(
        Observation("o"), 0.0, False, False, {"success": False, "progress": 1}
    )
    assert "could be read" in (await watched.rule.feedback([], UNREADABLE)).text
    assert not await watched.loses(progress=1)


async def test_each_episode_is_judged_by_itself(watched: Watched, task: Task) -> None:
    await watched.loses(progress=2)
    watched.robot.last_result = None
    watched.rule.begin(task, watched.robot, Protocol())
    assert not await watched.loses(progress=1)
