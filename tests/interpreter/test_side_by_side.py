"""Calls that code awaits run side by side, and all limits hold for them, on every interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from embodied import ConfigError, InfrastructureError, Task, team
from embodied.approval import PendingCall
from embodied.controller import Controller
from embodied.interpreter import Interpreters, Output
from embodied.limits import Limits
from embodied.testing import Corridor
from embodied.trajectory import ApprovalRecord
from tests.interpreter.two_arms import Arms, PlainArms

Run = Callable[..., Output]
ROBOTS = {"awaited": Arms, "plain": PlainArms}


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


@pytest.fixture(params=["restricted", "full"])
def name(request: pytest.FixtureRequest, interpreters: Interpreters) -> str:
    with interpreters.session(request.param, Arms(Corridor())) as session:
        try:
            session.run("None")
        except ConfigError as error:
            if request.param != "full":
                raise
            pytest.skip(str(error))
    return str(request.param)


@pytest.fixture
def arms(task: Task) -> Arms:
    return begun(Arms(Corridor()), task)


def begun(robot: Any, task: Task, steps: int | None = 50) -> Any:
    robot.begin(robot.environment.reset(task), max_steps=steps)
    return robot


@pytest.fixture
def run(name: str, interpreters: Interpreters) -> Run:
    def run(robot: Controller, *actions: str, **limits: Any) -> Output:
        with interpreters.session(name, robot, Limits(**limits), 1) as session:
            return [session.run(f"import asyncio\n{code}") for code in actions][-1]

    return run


def calls(output: Output) -> list[tuple[str, int | None]]:
    return [(call.name, call.group) for call in output.calls]


MEETING = [
    "print(await asyncio.gather(meet(), meet(), meet()))",
    "print(await asyncio.gather(*[meet() for _ in range(3)]))",
    "print(await asyncio.gather(*(meet() for _ in range(3))))",
    "tasks = [meet(), meet()]\ntasks.append(meet())\nprint(await asyncio.gather(*tasks))",
    "tasks = []\nfor _ in range(3):\n    tasks += [meet()]\nprint(await asyncio.gather(*tasks))",
    "a = meet()\nb = meet()\nc = meet()\nprint([await a, await b, await c])",
    "tasks = {n: meet() for n in 'abc'}\nprint([await task for task in tasks.values()])",
    "tasks = [meet() for _ in range(3)]\nfor n, task in enumerate(tasks):\n"
    "    tasks[n] = await task\nprint(tasks)",
    "async def go():\n    return await meet()\nprint(await asyncio.gather(go(), go(), go()))",
    "def go():\n    return meet()\nprint(await asyncio.gather(go(), go(), go()))",
    "async def main():\n    return await asyncio.gather(meet(), meet(), meet())\n"
    "print(asyncio.run(main()))",
    "async def both(tasks):\n    return await asyncio.gather(*tasks)\n"
    "print(await both([meet(), meet(), meet()]))",
    "(a, b), c = await asyncio.gather(asyncio.gather(meet(), meet()), meet())\nprint([a, b, c])",
    "from asyncio import gather\nprint(await gather(meet(), meet(), meet()))",
]


@pytest.mark.parametrize("code", MEETING)
def test_awaited_calls_run_side_by_side(run: Run, arms: Arms, code: str) -> None:
    output = run(arms, code)
    assert output.stdout == "['met', 'met', 'met']\n", output
    assert calls(output) == [("meet", 1)] * 3
    assert arms.log == []


def test_functions_of_earlier_actions_run_side_by_side(run: Run, arms: Arms) -> None:
    first = "async def go():\n    return await meet()"
    assert (
        run(arms, first, "print(await asyncio.gather(go(), go(), go()))").stdout.count("met") == 3
    )


@pytest.mark.parametrize("robot", ROBOTS)
@pytest.mark.parametrize(
    ("code", "printed", "made"),
    [
        ("print(left(0.1))", "left 0.1", [("left", None)]),
        ("print(await left(0.1))", "left 0.1", [("left", None)]),
        ("x = await left(0.1)\nprint(x, right(0.2))", "left 0.1 right 0.2", "left right"),
        (
            "print(await asyncio.gather(left(0.1), right(0.2), camera()))",
            "['left 0.1', 'right 0.2', 'a table']",
            [("left", 1), ("right", 1), ("camera", 1)],
        ),
        (
            "a = await asyncio.gather(left(0.1), right(0.2))\nb = await asyncio.gather(left(0.3), "
            "right(0.4))\nprint(a + b, camera())",
            "['left 0.1', 'right 0.2', 'left 0.3', 'right 0.4'] a table",
            [("left", 1), ("right", 1), ("left", 2), ("right", 2), ("camera", None)],
        ),
        (
            "async def go(height):\n    where = camera()\n    return where, await left(height)\n"
            "print(await asyncio.gather(go(0.1), go(0.2)))",
            "[('a table', 'left 0.1'), ('a table', 'left 0.2')]",
            "camera left camera left",
        ),
        ("t = left(0.1)\nprint(await t, await t)", "left 0.1 left 0.1", [("left", None)]),
        ("print(await asyncio.gather())", "[]", []),
        (
            "async def look():\n    return camera()\nasync def up(seen):\n    return len(seen)\n"
            "print(await up(camera()), await asyncio.gather(look(), up(camera())))",
            "7 ['a table', 7]",
            "camera camera camera",
        ),
        (
            "try:\n    await asyncio.gather(left(-1.0), right(0.1))\nexcept ValueError as error:\n"
            "    print(error)\nright(0.2)",
            "-1.0 is below the table; stay above 0",
            None,
        ),
        ("left = camera\nprint([left(), camera()])", "['a table', 'a table']", "camera camera"),
    ],
)
def test_results_and_records_are_the_same_everywhere(
    run: Run, task: Task, robot: str, code: str, printed: str, made: Any
) -> None:
    output = run(begun(ROBOTS[robot](Corridor()), task), code)
    assert output.stdout.rstrip() == printed, output
    if isinstance(made, str):
        assert sorted(call.name for call in output.calls) == sorted(made.split())
    elif made is not None:
        assert calls(output) == made


def test_an_environment_that_steps_once_at_a_time_is_stepped_in_order(run: Run, task: Task) -> None:
    robot = begun(PlainArms(Corridor()), task)
    output = run(robot, "await asyncio.gather(left(0.1), right(0.2), left(0.3))")
    assert [[step.command for step in call.steps] for call in output.calls] == [
        ["left 0.1"],
        ["right 0.2"],
        ["left 0.3"],
    ]


def test_each_call_keeps_its_own_steps(run: Run, arms: Arms) -> None:
    output = run(arms, "await asyncio.gather(left(0.1), right(0.2), left(0.3))")
    assert [step.command for call in output.calls for step in call.steps] == [
        "left 0.1",
        "right 0.2",
        "left 0.3",
    ]


# What goes wrong in a group


def test_an_error_breaks_the_others_off(run: Run, arms: Arms) -> None:
    output = run(arms, "await asyncio.gather(hold(), left(-1.0))\nprint('no')")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("ValueError", 2)
    assert [call.error.type for call in output.calls if call.error] == [
        "CancelledError",
        "ValueError",
    ]
    assert [step.command for step in output.calls[0].steps] == ["let go"]
    assert arms.log == ["hold", "let go", "stop"]
    assert output.stdout == ""


def test_a_call_that_takes_too_long_breaks_the_others_off(run: Run, arms: Arms) -> None:
    output = run(arms, "await asyncio.gather(jam(), hold())")
    errors = [call.error.message for call in output.calls if call.error]
    assert errors == [
        "jam() took longer than 0.3 s; it was broken off, and the robot stopped",
        "hold() was broken off, and the robot stopped: jam(), which ran beside it, took longer "
        "than 0.3 s",
    ]
    assert arms.log == ["hold", "let go", "stop"]


def test_the_goal_ends_the_action_and_the_calls_beside(run: Run, arms: Arms) -> None:
    output = run(arms, "await asyncio.gather(win(), hold(), left(0.1))\nprint('no')")
    assert output.ended
    assert arms.success
    assert not output.stdout
    assert [call.name for call in output.calls] == ["win", "hold", "left"]
    assert arms.log[-1] == "stop"


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_last_step_ends_the_action(run: Run, task: Task, robot: str) -> None:
    moving = begun(ROBOTS[robot](Corridor()), task, steps=2)
    output = run(moving, "await asyncio.gather(*[left(0.1) for _ in range(5)])\nprint('no')")
    assert output.ended
    assert not output.stdout
    assert sum(len(call.steps) for call in output.calls) == 2


@pytest.mark.parametrize("robot", ROBOTS)
def test_ten_thousand_calls_are_too_many(run: Run, task: Task, robot: str) -> None:
    moving = begun(ROBOTS[robot](Corridor()), task)
    output = run(moving, "await asyncio.gather(*[camera() for _ in range(10_000)])", calls=5)
    assert output.limit == "an action may make no more than 5 calls"
    assert len(output.calls) == 5


def test_the_call_beyond_the_limit_is_an_error_where_it_is_awaited(run: Run, arms: Arms) -> None:
    output = run(arms, "await asyncio.gather(*[camera() for _ in range(6)])", calls=5)
    assert output.error is not None
    assert output.error.message == "an action may make no more than 5 calls"


def test_a_call_that_nobody_awaits_is_broken_off(run: Run, arms: Arms) -> None:
    output = run(arms, "t = hold()\nif camera() == 'no':\n    await t\nprint('on')")
    assert output.error is not None
    assert output.error.message == (
        "the code ended while hold() was running; it was broken off, and the robot stopped. Await "
        "every call"
    )
    assert output.error.line == 2
    assert arms.log[-1] == "stop"


def test_a_call_that_fails_unseen_is_told(run: Run, task: Task) -> None:
    robot = begun(PlainArms(Corridor()), task)
    output = run(robot, "t = left(-1.0)\nif camera() == 'no':\n    await t")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("ValueError", 2)


def test_a_call_of_an_earlier_action_never_comes(run: Run, task: Task) -> None:
    robot = begun(PlainArms(Corridor()), task)
    output = run(robot, "t = left(0.1)\nif camera() == 'no':\n    await t", "await t")
    assert "never comes" in f"{output.limit} {output.error}"


def test_time_that_calls_take_is_not_the_code_s(run: Run, arms: Arms) -> None:
    """A slow robot changes no score: only the waiting for the calls takes longer than a limit."""
    output = run(arms, "await asyncio.gather(jam(), left(0.1))", seconds=0.25)
    assert output.limit is None


def test_code_that_computes_beside_a_call_meets_its_limit(run: Run, arms: Arms) -> None:
    output = run(arms, "t = hold()\nwhile True: pass\nawait t", seconds=0.2)
    assert output.limit == "the code used up 0.2 seconds"
    assert [call.error.type for call in output.calls if call.error] == ["CancelledError"]
    assert arms.log == ["hold", "let go", "stop"]


def test_a_robot_that_breaks_ends_the_episode(run: Run, arms: Arms) -> None:
    def fail(command: str) -> Any:
        raise OSError("no power")

    arms.environment.step = fail  # type: ignore[method-assign]
    with pytest.raises(InfrastructureError, match="no power"):
        run(arms, "await asyncio.gather(hold(), left(0.1))")
    assert arms.log[-1] == "stop"


def test_each_call_of_a_group_is_approved_by_itself(run: Run, arms: Arms) -> None:
    asked: dict[float, Future[ApprovalRecord]] = {}

    def judge(call: PendingCall) -> Future[ApprovalRecord] | None:
        if not call.confirm:
            return None
        height = call.arguments["height"]
        asked[height] = Future()
        if len(asked) == 2:  # both are held at a time; the second is answered first
            asked[0.2].set_result(ApprovalRecord(approved=False, by="me", reason="too high"))
            asked[0.1].set_result(ApprovalRecord(approved=True, by="me"))
        return asked[height]

    arms.approver = judge
    code = """
async def tried(height):
    try:
        return await press(height)
    except PermissionError as error:
        return str(error)
print(await asyncio.gather(tried(0.1), tried(0.2), left(0.1)))"""
    output = run(arms, code)
    refusal = "press(height=0.2) was not approved: too high"
    assert output.stdout == f"{['pressed 0.1', refusal, 'left 0.1']}\n"
    approvals = {str(call.arguments): call.approval for call in output.calls}
    assert [a.approved for a in approvals.values() if a] == [True, False]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("await left('high')", "height cannot be 'high'"),
        ("async def go():\n    await left()\nawait go()", "missing a required argument"),
        ("await asyncio.gather(camera(), rihgt(0.1))", "name 'rihgt' is not defined"),
        ("def go():\n    camera()\n    return await camera()\ngo()", "outside async function"),
    ],
)
def test_what_must_fail_is_refused_before_any_call(
    run: Run, arms: Arms, code: str, said: str
) -> None:
    output = run(arms, code)
    assert output.error is not None
    assert said in output.error.message
    assert not output.calls


# What only the full interpreter has

ONLY_FULL = [
    (
        "print(await asyncio.gather(left(-1.0), right(0.1), return_exceptions=True))",
        "[ValueError('-1.0 is below the table; stay above 0'), 'right 0.1']",
    ),
    ("t = asyncio.create_task(left(0.1))\nprint(await t)", "left 0.1"),
    ("print(await asyncio.wait_for(left(0.1), 5))", "left 0.1"),
    ("await asyncio.sleep(10)\nprint(await left(0.1))", "left 0.1"),
    (
        "t = asyncio.create_task(left(0.1))\nwhile not t.done():\n    await asyncio.sleep(1)\n"
        "print(t.result())",
        "left 0.1",
    ),
    (
        "async with asyncio.TaskGroup() as group:\n    a = group.create_task(left(0.1))\n"
        "    b = group.create_task(right(0.2))\nprint(a.result(), b.result())",
        "left 0.1 right 0.2",
    ),
    (
        "for next_one in asyncio.as_completed([left(0.1)]):\n    print(await next_one)",
        "left 0.1",
    ),
    (
        "async def bad():\n    raise ValueError('no')\n"
        "try:\n    await asyncio.gather(bad(), left(0.1))\nexcept ValueError as error:\n"
        "    print(error)\ncamera()\nawait asyncio.sleep(0)",
        "no",
    ),
]


@pytest.mark.parametrize(("code", "printed"), ONLY_FULL)
def test_what_only_full_has_is_refused_before_any_call(
    interpreters: Interpreters, task: Task, code: str, printed: str
) -> None:
    code = f"import asyncio\n{code}"
    robot = begun(Arms(Corridor()), task)
    with interpreters.session("restricted", robot) as session:
        refused = session.run(code)
    assert refused.error is not None
    assert refused.unsupported
    assert not refused.calls
    try:
        with interpreters.session("full", robot) as session:
            assert session.run("None").error is None
    except ConfigError as error:
        pytest.skip(str(error))
    with interpreters.session("auto", robot) as session:
        output = session.run(code)
    assert output.stdout.splitlines() == [printed], output
    assert output.interpreter == "full"


def test_async_functions_move_to_full(interpreters: Interpreters, arms: Arms, name: str) -> None:
    if name != "full":
        return
    with interpreters.session("auto", arms) as session:
        session.run("async def go():\n    return await left(0.1)")
        output = session.run("import numpy\nprint(await go())")
    assert output.stdout == "left 0.1\n"


# Several robots in one environment


def test_robots_of_a_team_move_side_by_side(run: Run, task: Task) -> None:
    robots: Any = team(near=Arms, far=Arms)
    robot = begun(robots(Corridor()), task)
    code = "print(await asyncio.gather(near.left(0.1), far.right(0.2)), await far.left(0.3))"
    output = run(robot, code)
    assert output.stdout == "['left 0.1', 'right 0.2'] left 0.3\n", output
    assert calls(output) == [("near_left", 1), ("far_right", 1), ("far_left", None)]
    assert [step.command for step in output.calls[0].steps] == ["left 0.1"]


def test_a_late_robot_of_a_team_stops_all(run: Run, task: Task) -> None:
    robots: Any = team(near=Arms, far=Arms)
    robot = begun(robots(Corridor()), task)
    run(robot, "await asyncio.gather(near.hold(), far.jam())")
    assert robot.members["near"].log == ["hold", "let go", "stop"]
    assert robot.members["far"].log == ["stop"]
