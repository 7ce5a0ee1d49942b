"""What a plan may rely on in the restricted interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied import DataError, InfrastructureError, action, make_interpreter
from embodied.interpreter import Interpreters, Output, Session
from embodied.interpreter.monty.monty_session import MontySession
from embodied.limits import Limits
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


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", 2),
        ("\nundefined", "NameError", 2),
        ("print(", "SyntaxError", 1),
        ("on()", "TypeError", 1),
        ("on(3)", "TypeError", 1),
        ("import numpy", "ModuleNotFoundError", 1),
        ("open('desk 1')", "FileNotFoundError", 1),
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


def test_output_flood_ends_and_is_not_kept(robot: Any) -> None:
    with limited(robot, output_characters=100, seconds=0.5) as session:
        output = session.run("while True:\n    print('a' * 1000)")
    assert output.limit is not None
    assert len(output.stdout) < 200


@pytest.mark.parametrize(
    "code", ["'x' * 20", "[1, (2, 3), {'a': None}]", "1.5", "True", "{1, 2}", "b'x'"]
)
def test_values_read_as_in_cpython(session: Session, code: str) -> None:
    assert session.run(code).value == repr(eval(code))


def test_a_huge_number_can_be_a_value(session: Session) -> None:
    assert session.run("10 ** 5000").value == "(int, too large to show)"


def test_the_worker_process_dies_with_its_host(robot: Any) -> None:
    script = (
        "import os, signal, psutil\n"
        "from embodied.interpreter.monty.worker import Worker\n"
        "worker = Worker()\n"
        "print(*[p.pid for p in psutil.Process().children()], flush=True)\n"
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
        things = {"point": Point(1, 2), "array": numpy.arange(3), "thing": object()}
        if not isinstance(value, str) or value not in things:
            raise ValueError("there is no such thing")
        return things[value]

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


# Values on their way to the host

LAUGHS = "x = ['lol']\nfor i in range(9):\n    x = [x] * 10\n"


@pytest.mark.parametrize(
    "call",
    [
        "give(x)",
        "give(value=x)",
        "give(*x)",
        "give(**{'value': x})",
        "f = give\nf(x)",
        "give({'a': {1: x}})",
        "give(f'{[1] * 50_000}')",
        "give([10 ** 1000])",
        "give(['a' * 2000] * 51)",
        "give([[]] * 10_001)",
        "give(" + "'a' * 60_000, " * 9 + ")",
    ],
)
def test_too_large_arguments_are_errors_of_the_plan(call: str) -> None:
    code = LAUGHS + call
    with make_interpreter("restricted", Giver(LightSwitch()), check=False) as session:
        output = session.run(code)
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("ValueError", code.count("\n") + 1)
    assert "the argument is too large" in output.error.message
    assert output.calls == []


def test_arguments_without_a_known_size_are_errors_of_the_plan(giver: Session) -> None:
    output = giver.run("class A:\n    pass\ngive([A()])")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("TypeError", 3)
    assert "a value of the type A cannot be given" in output.error.message


@pytest.mark.parametrize(
    "argument", ["'a' * 99_000", "[0] * 9_990", "[[0] * 10] * 900", "{'a': (1, {2}, None, b'x')}"]
)
def test_arguments_may_be_as_large_as_that(giver: Session, argument: str) -> None:
    for code in (f"give({argument})", f"give(*[{argument}])", f"f = give\nf({argument})"):
        assert len(giver.run(code).calls) == 1


def test_what_code_gives_to_unknown_names_is_not_looked_at(robot: Any) -> None:
    with make_interpreter("restricted", robot, check=False) as session:
        for code in ("unknown(x)", "f = unknown\nf(x)", "unknown(x, y=x)"):
            output = session.run(LAUGHS + code)
            assert output.error is not None
            assert output.error.type == "NameError"


def test_an_action_is_back_when_its_name_is_free_again(session: Session) -> None:
    session.run("on = 'mine'")
    assert session.run("del on\non('left 1')").value == "'The light left 1 is on.'"
    assert session.run("f = on\nf('left 1')").value == "'The light left 1 is on.'"


DOUBLED = "x = ['a' * 10]\nfor i in range(60):\n    x = [x, x]\n"


@pytest.mark.parametrize(
    "code",
    [
        "for f in list(locals().values()):\n    f(x)",
        "look_up = locals\nfor name in list(look_up()):\n    look_up()[name](x)",
        "for name in eval('list(locals())'):\n    eval(name)(x)",
        "exec('for f in list(locals().values()):\\n    f(x)')",
        "exec('_polyfill_shown = lambda *a: x')\n1",
        "exec('_polyfill_display_show = _polyfill_builtins = lambda *a: x')\nx.nothing",
        "class A:\n    def __repr__(self):\n        return 'a' * 9_000_000\nA()",
        "len = type = isinstance = repr = str = lambda *a: 0\nhold(x)",
        "raise ValueError(x)",
        "hold(*[x] * 100)",
        "hold(**{'a' * 9_000_000: 1})",
        "hold(**{f'k{i}': 1 for i in range(25_000)})",
        "hold([None] * 25_000)",
        "'a' * 20_000_000",
        "print('a' * 20_000_000)",
        "raise KeyError('\\0' * 9_000_000)",
        "unknown(x, y=['a' * 9_000_000])",
        "from collections import namedtuple\n"
        "hold([namedtuple(f'A{i}', 'x')(1) for i in range(5_000)])",
        "hold({i * (2**61 - 1) for i in range(1, 9_000)})",
    ],
)
def test_whatever_code_finds_the_host_takes_little(giver: Session, code: str) -> None:
    giver.run("y = 1")
    tracemalloc.start()
    worked = time.process_time()
    output = giver.run(DOUBLED + code)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16 * 2**20
    assert time.process_time() - worked < 20
    assert all(call.error for call in output.calls)
    assert giver.run("y").value == "1"


def test_code_that_replaces_what_shows_values_fools_only_itself(session: Session) -> None:
    session.run("x = 5")
    names = ("shown", "builtins", "display_show", "display_literal", "iterators_any_of")
    for name in names:
        session.run(f"exec('_polyfill_{name} = lambda *a: None')")
    assert session.run("x").value == "5"
    assert session.run("repr = str = type = None\nx").value == "5"
    assert session.run("any(y for y in [x])").limit or session.run("x").value == "5"


def test_a_name_of_the_robot_can_mean_something_else(session: Session) -> None:
    session.run("class Lamp:\n    def on(self, light):\n        return 'mine'")
    assert session.run("Lamp().on('left 1')").value == "'mine'"
    assert session.run("on('left 1')").value == "'The light left 1 is on.'"
    session.run("def on(light):\n    return 'my own'")
    assert session.run("on('left 1')").value == "'my own'"


def test_actions_are_values(session: Session) -> None:
    output = session.run(
        "import functools\n"
        "table = {'on': on, 'off': off}\n"
        "print(table['on']('left 1'), [f(light='left 1') for f in (on, off)])\n"
        "print(functools.partial(off, 'left 1')())\n"
    )
    assert output.error is None
    assert len(output.calls) == 4


def test_calls_in_texts_and_over_lines_keep_their_lines(session: Session) -> None:
    output = session.run(
        "light = 'left 1'\nprint(f'{on(light)}')\noff(\n    light,\n)\non(light=on and light)"
    )
    assert [call.line for call in output.calls] == [2, 3, 6]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1, 2", "(1, 2)"),
        ("(1,\n 2)", "(1, 2)"),
        ("(y := 5)", "5"),
        ("lambda: 1", "<function <lambda>"),
        ("None", None),
        ("x = 1;", None),
        ("5; x = 1", None),
        ("if True: 5", None),
        ("range(3)", "range(0, 3)"),
        ("[x for x in 'ab']  # text", "['a', 'b']"),
        ("'a\\nb'", "'a\\nb'"),
    ],
)
def test_the_last_expression_is_shown(session: Session, code: str, value: str | None) -> None:
    output = session.run(code)
    assert output.error is None
    shown = output.value
    assert shown == value or (shown or "").replace("'", "").startswith(str(value)), shown


def test_a_shown_value_takes_memory_of_the_session(robot: Any) -> None:
    with limited(robot, memory_bytes=10**7) as session:
        assert session.run(LAUGHS + "x").limit == "the code used up 10000000 bytes of memory"


def test_shown_values_are_cut(robot: Any) -> None:
    with limited(robot, output_characters=10) as session:
        assert session.run("'a' * 8").value == "'aaaaaaaa'"
        assert session.run("'a' * 9").value == "'aaaaaaaaa... (cut)"


def test_long_messages_are_cut_soon(session: Session) -> None:
    started = time.process_time()
    error = session.run("raise SystemExit('a' * 20_000_000)").error
    assert error is not None
    assert len(error.message) < 3000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "argument",
    [
        "'\\0' * 19_900",
        "[0.1234567890123456] * 9_000",
        "[{'\\0' * 90: '\\1' * 90}] * 400",
        "'😀' * 60_000",
    ],
)
def test_the_records_of_an_action_are_bounded(giver: Session, argument: str) -> None:
    output = giver.run(
        "for i in range(100):\n"
        f"    try:\n        give({argument})\n    except ValueError:\n        pass"
    )
    assert len(output.calls) == 100
    turn = Turn(message="", observation="", calls=output.calls)
    assert len(turn.model_dump_json().encode()) < 2_500_000
    assert str(output.calls[0].arguments) != str(output.calls[99].arguments)
    assert "more)" in str(output.calls[99].arguments) or "(cut)" in str(output.calls[99].arguments)


def test_a_host_that_fails_to_record_an_error_is_not_the_plans_fault(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**fields: object) -> None:
        raise ValueError("no such field")

    monkeypatch.setattr("embodied.interpreter.monty.execution.ErrorRecord", fail)
    with pytest.raises(InfrastructureError, match="no such field"):
        session.run("1 / 0")


# Hibernation


@pytest.fixture
def workers(robot: Any) -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


def processes() -> set[psutil.Process]:
    return {p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE}


def test_many_sessions_share_one_process_and_hold_none(workers: Interpreters, robot: Any) -> None:
    before = processes()
    sessions = [workers.session("restricted", robot, seed=i) for i in range(50)]
    assert processes() == before, "nothing starts before it is needed"
    for number, session in enumerate(sessions):
        assert session.run(f"x = {number}").error is None
    assert [session.run("x").value for session in sessions] == [str(i) for i in range(50)]
    assert len(processes() - before) == 1


def test_a_process_that_ran_one_session_shows_nothing_to_the_next(
    workers: Interpreters, robot: Any
) -> None:
    first, second = (workers.session("restricted", robot, seed=seed) for seed in (1, 2))
    first.run("import random, math\nsecret = [1]\nrandom.seed(5)\ndef f():\n    pass")
    for name in ("secret", "f", "math", "random", "_polyfill_objects"):
        error = second.run(f"try:\n    {name}\nexcept NameError as e:\n    print(e)")
        assert error.stdout.startswith(f"name '{name}' is not defined"), name
    alone = make_interpreter("restricted", robot, seed=2)
    code = "import random\nrandom.random()"
    assert second.run(code).value == alone.run(code).value
    alone.close()


def test_limits_do_not_stay_with_the_process(workers: Interpreters, robot: Any) -> None:
    tight = workers.session("restricted", robot, Limits(seconds=0.2, memory_bytes=10**7))
    wide = workers.session("restricted", robot, Limits(seconds=20, memory_bytes=10**8))
    assert tight.run("while True: pass").limit is not None
    assert wide.run("x = 'a' * 5 * 10**7\nx = 1\nfor i in range(4 * 10**6): pass").limit is None
    assert tight.run("x = 'a' * 5 * 10**7").limit == "the code used up 10000000 bytes of memory"


def test_a_process_that_dies_takes_only_its_action_along(workers: Interpreters, robot: Any) -> None:
    before = processes()
    robot.kill = lambda: [process.kill() for process in processes() - before]

    class Killer(type(robot)):  # type: ignore[misc]
        @action
        def kill_worker(self) -> str:
            """End the interpreter's process."""
            self.kill()
            return "done"

    robot.__class__ = Killer
    session = workers.session("restricted", robot)
    session.run("x = 1")
    assert session.run("x = 2\nkill_worker()").limit == "the code used up its memory"
    assert session.run("x").value == "1"


def test_a_waiting_session_gets_a_process(workers: Interpreters, task: Any) -> None:
    """More sessions at once than processes: each waits for its turn."""

    def play() -> None:
        robot = Switcher(LightSwitch())
        robot.begin(robot.environment.reset(task), max_steps=None)
        step = robot.environment.step

        def slowly(command: str) -> Any:
            time.sleep(0.05)
            return step(command)

        robot.environment.step = slowly  # type: ignore[method-assign]
        session = workers.session("restricted", robot)
        outputs.append(session.run("wait(3)"))

    before = processes()
    outputs: list[Output] = []
    threads = [threading.Thread(target=play) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [output.error for output in outputs] == [None] * 30
    assert len(processes() - before) <= max(4, 2 * (os.cpu_count() or 1))


def test_a_closed_pool_says_so(workers: Interpreters, robot: Any) -> None:
    session = workers.session("restricted", robot)
    workers.close()
    with pytest.raises(RuntimeError, match="closed"):
        session.run("1")


def test_a_state_is_small(workers: Interpreters, robot: Any) -> None:
    session = workers.session("restricted", robot)
    for _ in range(10):
        session.run("x = 1")
    assert len(session.dump()) < 20_000


def test_random_numbers_go_on_over_a_dump(workers: Interpreters, robot: Any) -> None:
    first = workers.session("restricted", robot, seed=3)
    first.run("x = 1")
    second = workers.session("restricted", robot, seed=4)
    second.load(first.dump())
    code = "import random\nrandom.random()"
    third = workers.session("restricted", robot, seed=3)
    assert second.run(code).value == third.run(code).value
    assert second.run(code).value == third.run(code).value


def test_a_state_fits_only_the_same_robot_and_limits(workers: Interpreters, robot: Any) -> None:
    session = workers.session("restricted", robot)
    session.run("x = 1")
    state = session.dump()
    other = workers.session("restricted", Giver(LightSwitch()))
    with pytest.raises(DataError, match="belongs to a robot with the actions on, off, wait"):
        other.load(state)
    other = workers.session("restricted", robot, Limits(seconds=1))
    with pytest.raises(DataError, match="limits of 30 seconds"):
        other.load(state)


def forged(session: Session, **changes: Any) -> bytes:
    """Make a state with a valid checksum and an altered content."""
    assert isinstance(session, MontySession)
    return session._codec.pack(session.state.model_copy(update=changes))


def test_a_forged_state_is_an_error_or_harmless(workers: Interpreters, robot: Any) -> None:
    session = workers.session("restricted", robot)
    session.run("x = 1")
    assert isinstance(session, MontySession)
    good = session.state.monty
    for part in (b"", b"MONTY", good[:100], b"\0" * 1000, good[::-1], good + b"x"):
        other = workers.session("restricted", robot)
        try:
            other.load(forged(session, monty=part or b"x"))
        except DataError as error:
            assert "damaged" in str(error)
        assert other.run("1 + 1").value == "2"
    other = workers.session("restricted", robot)
    other.load(forged(session, files=frozenset({"iterators"}), sources=()))
    error = other.run("any(x for x in [1])").error
    assert error is not None
    assert "_polyfill" not in error.message


@settings(max_examples=60)
@given(
    positions=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_a_state_with_other_bytes_never_crashes_the_host(
    positions: list[tuple[float, int]],
) -> None:
    robot = Switcher(LightSwitch())
    with Interpreters() as workers:
        session = workers.session("restricted", robot, Limits(seconds=1))
        session.run("x = [1, 'a']\ndef f():\n    return x")
        assert isinstance(session, MontySession)
        part = bytearray(session.state.monty)
        for where, byte in positions:
            part[int(where * len(part))] = byte
        other = workers.session("restricted", robot, Limits(seconds=1))
        try:
            other.load(forged(session, monty=bytes(part)))
            other.run("f()")
        except (DataError, InfrastructureError):
            pass
        assert workers.session("restricted", robot).run("1 + 1").value == "2"


def test_a_state_may_not_be_huge(workers: Interpreters, robot: Any) -> None:
    session = workers.session("restricted", robot, Limits(memory_bytes=10**6))
    session.run("x = 1")
    with pytest.raises(DataError, match="larger"):
        session.load(forged(session, monty=bytes(20 * 2**20)))


# Errors


def test_showing_variables_calls_nothing_of_the_policy(robot: Any) -> None:
    start = "class A:\n    def __repr__(self):\n        while True: pass\na = A()\nb = [a]\n"
    with limited(robot, seconds=1.0) as session:
        output = session.run(f"{start}type = len = repr = on\nprint(b, a.nothing)")
        assert output.error is not None
        assert output.error.variables == {"b": "[<A object>]", "a": "<A object>"}
        assert not output.calls
        assert session.run("a.nothing").error is not None


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("x = 10 ** 5000", "(a very large number)"),
        ("x = 'a' * 10**6", repr("a" * 200)[:200]),
        ("x = list(range(10**6))", "[0, 1, 2, 3, 4, 5, 6, 7, ...]"),
        ("x = {'a': (1,), 'b': {2}}", "{'a': (1,), 'b': {2}}"),
        ("x = []\nx.append(x)", "[[[[...]]]]"),
        ("x = [], (), {}, set()", "([], (), {}, set())"),
    ],
)
def test_variables_are_shown_in_short(session: Session, code: str, shown: str) -> None:
    error = session.run(f"{code}\nx.nothing").error
    assert error is not None
    assert error.variables["x"].startswith(shown)
    assert len(error.variables["x"]) < 220


def test_variables_that_are_local_are_not_confused_with_global_ones(session: Session) -> None:
    error = session.run("x = 1\ny = 2\ndef f(x):\n    return x + y + 'a'\nf(5)").error
    assert error is not None
    assert error.line == 4
    assert error.variables == {"y": "2"}


def test_looking_at_variables_leaves_no_trace(session: Session) -> None:
    session.run("x = 1\nx.nothing")
    output = session.run("\n\non('left 1')\n1 / 0")
    assert output.calls[0].line == 3
    assert output.error is not None
    assert output.error.line == 4


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("é = 'ü'; é.nothing", 10),
        ("x = [1]\nprint(any(y for y in x), nothing)", 26),
        ("d = {}\nmax([1], key=d.get), nothing", 22),
        ("import math; nothing", 14),
    ],
)
def test_columns_are_those_of_the_plan(robot: Any, code: str, column: int) -> None:
    with make_interpreter("restricted", robot, check=False) as session:
        error = session.run(code).error
    assert error is not None
    assert error.column == column


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("try:\n    1 / 0\nexcept KeyError:\n    pass", 2),
        ("try:\n    x = 1\n    1 / 0\nexcept KeyError:\n    pass", None),
        ("try:\n    x = 1\n    on(3)\nexcept KeyError:\n    pass", 3),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise", 2),
        ("def f(x):\n    pass\nf(1)\nf()", None),
    ],
)
def test_a_line_that_is_not_known_is_not_told(robot: Any, code: str, line: int | None) -> None:
    with make_interpreter("restricted", robot, check=False) as session:
        error = session.run(code).error
    assert error is not None
    assert error.line == line


def test_a_missing_package_that_the_full_interpreter_has(session: Session) -> None:
    error = session.run("import numpy.linalg").error
    assert error is not None
    assert "the interpreter `full` has numpy" in error.message
    assert "bisect" in error.message


@pytest.mark.parametrize("part", [0.01, 0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "code", ["'a' * {}", "[0] * ({} // 16)", "{{i: str(i) for i in range({} // 120)}}"]
)
def test_large_variables_are_kept_or_refused_and_never_block_a_session(
    robot: Any, code: str, part: float
) -> None:
    with limited(robot, memory_bytes=2**24) as session:
        session.run("x = 0")
        output = session.run(f"x = {code.format(int(part * 2**24))}")
        kept = "0" if output.limit is not None else "1"
        assert session.run("1 if x else 0").value == kept
        assert part > 0.2 or kept == "1"
