"""What a plan may rely on in the restricted interpreter."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
import psutil
import pytest

from embodied import InfrastructureError, Observation, action, make_interpreter
from embodied.interpreter import Limits, Output, Session
from embodied.trajectory import Turn
from tests.conftest import LightSwitch, Switcher


@pytest.fixture
def session(robot: Any) -> Iterator[Session]:
    with make_interpreter("restricted", robot) as session:
        yield session


def limited(robot: Any, **limits: Any) -> Session:
    return make_interpreter("restricted", robot, Limits(**limits))


def test_loops_conditions_and_calls(session: Session) -> None:
    output = session.run(
        'for light in ["left 1", "middle 1"]:\n'
        "    text = on(light)\n"
        '    if "Nothing" in text:\n'
        '        print("no", light)\n'
    )
    assert output.stdout == "no middle 1\n"
    assert [(c.name, c.arguments, c.line) for c in output.calls] == [
        ("on", {"light": "left 1"}, 2),
        ("on", {"light": "middle 1"}, 2),
    ]
    assert output.calls[0].result == "The light left 1 is on."
    assert output.calls[0].steps[0].command == "on left 1"
    assert output.error is None
    assert output.limit is None


def test_variables_and_functions_live_on(session: Session) -> None:
    session.run("lights = ['left 1']\ndef switch(x):\n    return on(x)")
    output = session.run("\nswitch(lights[0])")
    assert output.value == "'The light left 1 is on.'"
    assert output.calls[0].line == 3, "the line in the action that defined the function"


def test_random_numbers_repeat_with_the_seed(robot: Any) -> None:
    code = "import random\nrandom.random()"
    values = []
    for seed in (1, 1, 2):
        with make_interpreter("restricted", robot, seed=seed) as session:
            values.append(session.run(code).value)
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", 2),
        ("\nundefined", "NameError", 2),
        ("print(", "SyntaxError", 1),
        ("on()", "TypeError", 1),
        ("on(3)", "TypeError", 1),
        ("import numpy", "ModuleNotFoundError", 1),
        ("open('/etc/passwd')", "PermissionError", 1),
        ("input('which? ')", "EOFError", 1),
    ],
)
def test_errors_have_type_and_line(session: Session, code: str, kind: str, line: int) -> None:
    error = session.run(code).error
    assert error is not None
    assert (error.type, error.line) == (kind, line)


def test_errors_say_what_would_be_right(session: Session) -> None:
    def message(code: str) -> str:
        error = session.run(code).error
        assert error is not None
        return error.message

    assert "Did you mean: 'wait'" in message("wiat()")
    assert "on(light: str) -> str" in message("on(light=3)")
    assert "math" in message("import numpy")


def test_an_error_keeps_what_was_done_before(session: Session) -> None:
    output = session.run('x = 5\nprint("before")\non("left 1")\n1 / 0')
    assert output.stdout == "before\n"
    assert len(output.calls) == 1
    assert session.run("x").value == "5"


def test_a_plan_can_catch_the_errors_of_the_robot(session: Session) -> None:
    output = session.run("try:\n    on(3)\nexcept TypeError as error:\n    print('caught')")
    assert output.stdout == "caught\n"
    assert output.calls[0].error is not None


def test_time_limit(robot: Any) -> None:
    with limited(robot, seconds=0.5) as session:
        session.run("x = 1")
        output = session.run("x = 2\nwhile True:\n    pass")
        assert output.limit == "the code used up 0.5 seconds"
        assert session.run("x").value == "1", "a broken-off action leaves the variables alone"


def test_time_limit_does_not_count_a_slow_simulator(robot: Any) -> None:
    step = robot.environment.step
    robot.environment.step = lambda command: time.sleep(0.1) or step(command)
    with limited(robot, seconds=0.3) as session:
        assert session.run("wait(5)").limit is None


def test_time_limit_counts_the_time_between_calls(robot: Any) -> None:
    robot.max_steps = None
    with limited(robot, seconds=0.5, calls=10**9) as session:
        output = session.run("while True:\n    wait()")
    assert output.limit == "the code used up 0.5 seconds"


def test_time_limit_ends_endless_look_ups(robot: Any) -> None:
    code = "while True:\n    try:\n        undefined\n    except NameError:\n        pass"
    with limited(robot, seconds=0.5) as session:
        assert session.run(code).limit == "the code used up 0.5 seconds"


def test_memory_limit(robot: Any) -> None:
    with limited(robot, memory_bytes=10_000_000) as session:
        output = session.run("x = 'a' * 10**9")
        assert output.limit == "the code used up 10000000 bytes of memory"
        assert session.run("1 + 1").value == "2"


def test_call_limit(robot: Any) -> None:
    with limited(robot, calls=3) as session:
        output = session.run("for i in range(5):\n    wait()")
        assert output.error is not None
        assert output.error.message == "an action may make no more than 3 calls"
        assert len(output.calls) == 3


def test_call_limit_cannot_be_caught_for_ever(robot: Any) -> None:
    code = "while True:\n    try:\n        wait()\n    except Exception:\n        pass"
    with limited(robot, calls=3, seconds=60) as session:
        assert session.run(code).limit == "an action may make no more than 3 calls"


def test_output_limit(robot: Any) -> None:
    with limited(robot, output_characters=10) as session:
        assert session.run("print('a' * 50)").stdout == "a" * 10 + (
            "\n[output cut at 10 characters]"
        )


def test_output_flood_ends_and_is_not_kept(robot: Any) -> None:
    with limited(robot, output_characters=100, seconds=0.5) as session:
        output = session.run("while True:\n    print('a' * 1000)")
    assert output.limit is not None
    assert len(output.stdout) < 200


def test_code_limit(robot: Any) -> None:
    with limited(robot, code_characters=10) as session:
        assert session.run("x = 1 + 1 + 1").limit == "the code is longer than 10 characters"


def test_the_action_stops_when_the_episode_ends(robot: Any, session: Session) -> None:
    output = session.run('on("left 1")\non("right 1")\nprint("not run")\noff("left 1")')
    assert output.ended
    assert output.stdout == ""
    assert [c.name for c in output.calls] == ["on", "on"]
    assert robot.success


def test_the_episode_ends_with_its_steps(robot: Any, session: Session) -> None:
    robot.max_steps = 3
    output = session.run("while True:\n    try:\n        wait()\n    except: pass")
    assert output.ended
    assert len(robot.steps) == 3


def test_a_failing_simulator_is_not_the_plans_fault(session: Session) -> None:
    with pytest.raises(InfrastructureError, match="the simulator is gone"):
        session.run("try:\n    explode()\nexcept:\n    pass")


@pytest.mark.parametrize(
    "code", ["'x' * 20", "[1, (2, 3), {'a': None}]", "1.5", "True", "{1, 2}", "b'x'"]
)
def test_values_read_as_in_cpython(session: Session, code: str) -> None:
    assert session.run(code).value == repr(eval(code))


def test_none_is_not_shown(session: Session) -> None:
    assert session.run("None") == Output()


def test_a_huge_number_can_be_a_value(session: Session) -> None:
    assert session.run("10 ** 5000").value == "(int, too large to show)"


def test_the_worker_process_dies_with_its_host(robot: Any) -> None:
    script = (
        "import os, signal\n"
        "from pydantic_monty import Monty\n"
        "pool = Monty(max_processes=1); pool.__enter__()\n"
        "session = pool.checkout(); session.__enter__()\n"
        "print(session.worker_pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    worker = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(worker):
            return
        time.sleep(0.1)
    pytest.fail(f"the interpreter process {worker} outlived its host")


def test_an_action_may_have_the_name_of_a_builtin(task: Any) -> None:
    class Slicer(Switcher):
        @action
        def slice(self, light: str) -> str:
            """Slice a light."""
            return self.send(f"on {light}")

    robot = Slicer(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    with make_interpreter("restricted", robot) as session:
        assert session.run("x = 'a' * 10**9").limit is not None
        assert session.run("slice('left 1')").value == "'The light left 1 is on.'"
        assert session.run("f = slice\nf('left 1')").value == "'The light left 1 is on.'"


class Giver(Switcher):
    @action
    def give(self, value: Any) -> Any:
        """Give something back."""
        return {"point": Point(1, 2), "array": numpy.arange(3), "thing": object()}[value]

    @action
    def hold(self, value: list[Any]) -> str:
        """Hold a value."""
        return self.send("wait")


@dataclass
class Point:
    x: int
    y: int


@pytest.fixture
def giver(task: Any) -> Iterator[Session]:
    robot = Giver(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    with make_interpreter("restricted", robot) as session:
        yield session


def test_a_robots_answer_becomes_plain_data(giver: Session) -> None:
    assert giver.run("give('point')").value == "{'x': 1, 'y': 2}"
    assert giver.run("give('array')").value == "[0, 1, 2]"


def test_a_robot_that_returns_what_code_cannot_hold_is_at_fault(giver: Session) -> None:
    with pytest.raises(InfrastructureError, match=r"give\(\): a value of the type object"):
        giver.run("give('thing')")
    assert giver.run("on('left 1')").value == "'The light left 1 is on.'"


NESTED = "x = []\nfor i in range({}):\n    x = [x]\n"


@pytest.mark.parametrize(
    "code",
    [
        NESTED.format(30) + "hold(x)",
        NESTED.format(5000) + "hold(x)",
        NESTED.format(5000) + "on(x)",
        NESTED.format(5000) + "x",
        NESTED.format(5000) + "raise ValueError(x)",
        "hold([10 ** 5000])",
        "on(10 ** 5000)",
        "hold(['a' * 10**6])",
        "hold([float('nan')])",
        "hold([b'x'])",
        "on('a' * 10**6)",
        "10 ** 5000",
        "raise ValueError('a' * 10**6)",
        "hold([{(1, 2): 3}])",
    ],
)
def test_monstrous_values_are_the_plans_fault_and_can_be_stored(
    giver: Session, code: str, task: Any
) -> None:
    output = giver.run(code)
    turn = Turn(message="", observation="", calls=output.calls, error=output.error)
    line = turn.model_dump_json()
    assert len(line) < 500_000
    assert Turn.model_validate_json(line) == turn
    assert giver.run("1 + 1").value == "2"


def test_lines_are_right_after_an_action_was_broken_off(robot: Any) -> None:
    with limited(robot, seconds=0.3) as session:
        session.run("def switch():\n    return on('left 1')")
        assert session.run("while True: pass").limit is not None
        output = session.run("\n\non('left 1')\nswitch()")
        assert [call.line for call in output.calls] == [3, 2]


def test_lone_surrogates_are_replaced(session: Session) -> None:
    assert session.run("print('\ud800')").stdout == "?\n"
    assert Observation("\ud800").text == "?"
