"""What a policy is shown of an action that did not run to its end."""

from __future__ import annotations

from typing import Any

import pytest

from embodied import Outcome, Protocol, Reply, Trajectory, run_episode
from embodied.limits import EpisodeLimits
from embodied.prompting import make_prompt
from embodied.replay.policy import ReplayPolicy
from embodied.testing import Corridor, CorridorRobot


async def play(
    task: Any, *codes: str, interpreter: str = "restricted", **limits: Any
) -> Trajectory:
    environment = Corridor(length=2)
    messages = [f"<execute>\n{code}\n</execute>" for code in codes]
    settings = {"interpreter": interpreter, "limits": EpisodeLimits(**limits)}
    protocol = Protocol.model_validate(settings)
    policy = ReplayPolicy("test", messages)
    return await run_episode(task, environment, CorridorRobot(environment), policy, protocol)


async def test_a_failure_in_the_middle_of_a_plan(task: Any) -> None:
    code = (
        "ways = ['left', 7]\nfor way in ways:\n    print(go(way))\nprint('both gone')\ntake_key()\n"
    )
    (turn,) = (await play(task, code)).turns
    assert turn.observation.startswith("Observation:\nYou are in cell 1 of 2.\nTypeError in line 3")
    assert "    3 |     print(go(way))" in turn.observation
    assert "way = 7" in turn.observation
    assert "Calls made: go('left'), go(7) (failed)." in turn.observation
    assert "The loop in line 2 was not finished." in turn.observation
    assert "Not run: lines 4 to 5." in turn.observation
    assert turn.error is not None
    assert turn.error.variables["way"] == "7"


@pytest.mark.parametrize("interpreter", ["restricted", "full"])
async def test_a_failure_in_a_function_tells_where_it_was_called(
    task: Any, interpreter: str
) -> None:
    if interpreter == "full":
        pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    code = (
        "def visit(way):\n    print(go(way))\nfor way in ['left', 7]:\n    visit(way)\ntake_key()\n"
    )
    trajectory = await play(task, code, interpreter=interpreter)
    observation = trajectory.turns[0].observation
    assert "TypeError in line 2, called from line 4: go()" in observation
    assert "The loop in line 3 was not finished.\nNot run: line 5." in observation


async def test_the_end_of_the_episode_in_the_middle_of_a_plan(task: Any) -> None:
    code = "print(take_key())\nopen_door()\nprint('never')\ngo('left')"
    trajectory = await play(task, code)
    assert trajectory.outcome is Outcome.SUCCESS
    assert len(trajectory.steps) == 2
    observation = trajectory.turns[0].observation
    returned = "open_door() returned: The door opens."
    assert f"There is a locked door.\n{returned}\nThe episode has ended." in observation
    assert "never" not in trajectory.turns[0].stdout
    assert "Calls made: take_key(), open_door()." in observation
    assert "Not run: lines 3 to 4." in observation


async def test_a_syntax_error_has_a_caret(task: Any) -> None:
    (turn,) = (await play(task, "take_key()\nfor way in ['left']\n    go(way)")).turns
    assert "SyntaxError in line 2: expected ':'" in turn.observation
    lines = turn.observation.splitlines()
    code = next(i for i, line in enumerate(lines) if line.startswith("    2 | "))
    assert lines[code + 1].index("^") == lines[code].index("]") + 1
    assert "Nothing of the code was run." in turn.observation
    assert turn.calls == []


async def test_a_wrong_call_is_refused_before_anything_moves(task: Any) -> None:
    trajectory = await play(task, "go('left')\ngoo('right')", "go('left')\ngo()")
    first, second = trajectory.turns
    assert (
        "NameError in line 2: name 'goo' is not defined. Did you mean: 'go'?" in first.observation
    )
    assert "TypeError in line 2" in second.observation
    assert trajectory.steps == []


async def test_names_live_on_for_the_check(task: Any) -> None:
    trajectory = await play(task, "def both():\n    take_key()\n    open_door()", "both()")
    assert trajectory.outcome is Outcome.SUCCESS


async def test_many_calls_are_not_all_listed(task: Any) -> None:
    (turn,) = (await play(task, "for _ in range(30):\n    go('left')\n1 / 0")).turns
    assert "Calls made: 22 others, then go('left')" in turn.observation


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("<execute>print('<solution>x</solution>')</execute>", None),
        ("<thought>Not yet <solution>x</solution>.</thought><execute>wait()</execute>", None),
        ("<execute>wait()</execute>\n<solution> done </solution>", "done"),
        ("<solution>done</solution>", "done"),
        ("<solution>done", None),
        ("<solution>done</solution", "done"),
        ("<think>So <solution>x</solution>?</think><execute>wait()</execute>", None),
        ("So <solution>x</solution>?</think>\n<solution>done</solution>", "done"),
    ],
)
def test_an_answer_stands_beside_the_action(message: str, answer: str | None) -> None:
    move = make_prompt(Protocol(), CorridorRobot).parse_reply(Reply(message))
    assert move.answer == answer
    assert move.tries_to_answer is (answer is not None)
