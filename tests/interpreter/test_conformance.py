"""What every interpreter of Python promises, through the public interface."""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodied import ConfigError, DataError, InfrastructureError, action, make_interpreter
from embodied.interpreter import Interpreters, Session
from embodied.limits import Limits
from tests.conftest import LightSwitch, Switcher

BACKENDS = ("restricted", "full")
SLOWLY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Robot(Switcher):
    """The switcher, with actions that give, fail and shadow a built-in function."""

    @action
    def echo(self, value: Any) -> Any:
        """Give a value back."""
        return value

    @action
    def fail(self, kind: str) -> str:
        """Raise an error."""
        raise (FAILURES | DEFECTS)[kind]

    @action
    def slice(self, light: str, times: int = 1) -> str:
        """Slice a light."""
        return f"{light} in {times + 1} pieces"


class JammedError(RuntimeError):
    """An error of a robot's own."""


FAILURES: dict[str, Exception] = {
    "ValueError": ValueError("no such value"),
    "TypeError": TypeError("not of this kind"),
    "RuntimeError": RuntimeError("stuck"),
    "JammedError": JammedError("jammed"),
}
DEFECTS: dict[str, Exception] = {
    "KeyError": KeyError("the key"),
    "IndexError": IndexError("too far"),
    "FileNotFoundError": FileNotFoundError("no such file"),
    "NotImplementedError": NotImplementedError("not yet"),
}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[tuple[str, Interpreters]]:
    """Give the name of an interpreter, and processes for it."""
    name = request.param
    robot = Robot(LightSwitch())
    with Interpreters() as interpreters:
        try:
            with interpreters.session(name, robot) as session:
                session.run("None")
        except ConfigError as error:
            if name != "full":
                raise
            pytest.skip(str(error))
        yield name, interpreters


@pytest.fixture
def robot(task: Any) -> Robot:
    robot = Robot(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot


Make = Callable[..., Session]


@pytest.fixture
def make(backend: tuple[str, Interpreters], robot: Robot) -> Iterator[Make]:
    """Make sessions of the interpreter on the robot, or on another, and close them."""
    name, interpreters = backend
    with contextlib.ExitStack() as made:

        def session(on: Any = None, *, seed: int = 0, check: bool = True, **limits: Any) -> Session:
            opened = interpreters.session(name, on or robot, Limits(**limits), seed, check=check)
            return made.enter_context(opened)

        yield session


@pytest.fixture
def session(make: Make) -> Session:
    return make()


def value(session: Session, code: str) -> str | None:
    output = session.run(code)
    assert (output.error, output.limit) == (None, None)
    return output.value


def of_cpython(code: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<code>", "exec"), {})
    return printed.getvalue()


# Running


def test_variables_functions_and_imports_live_on(session: Session) -> None:
    session.run("import math\nx = [1, 2]\ndef double(y):\n    return 2 * y")
    session.run("x.append(double(2))")
    assert value(session, "x, math.floor(2.5)") == "([1, 2, 4], 2)"


def test_printed_text_and_the_last_value(session: Session) -> None:
    output = session.run("print('a', 1, sep='-')\nprint('b', end='')\n'the last'")
    assert output.stdout == "a-1\nb"
    assert output.value == "'the last'"
    assert session.run("None").value is None
    assert session.run("x = 3").value is None


def test_calls_are_made_and_recorded(session: Session) -> None:
    output = session.run(
        "a = on('left 1')\n"
        "b = off(light='left 1')\n"
        "for t in wait(\n"
        "    times=2,\n"
        "):\n"
        "    print(t)\n"
    )
    assert output.error is None
    assert [(c.name, c.arguments, c.line) for c in output.calls] == [
        ("on", {"light": "left 1"}, 1),
        ("off", {"light": "left 1"}, 2),
        ("wait", {"times": 2}, 3),
    ]
    assert output.calls[0].result == "The light left 1 is on."
    assert [len(c.steps) for c in output.calls] == [1, 1, 2]
    assert output.stdout == "Nothing happens.\n" * 2


def test_calls_in_functions_of_earlier_actions_have_the_lines_of_these(session: Session) -> None:
    session.run("\n\ndef f():\n    return on('left 1')")
    output = session.run("f()\n\non('left 1')")
    assert [call.line for call in output.calls] == [4, 3]


def test_an_action_with_the_name_of_a_builtin_wins(session: Session) -> None:
    assert value(session, "slice('left 1', times=2)") == "'left 1 in 3 pieces'"
    assert value(session, "f = slice\nf('right 1')") == "'right 1 in 2 pieces'"


def test_any_ends_with_the_first_hit(session: Session) -> None:
    output = session.run("any(echo(x) for x in [0, 1, 2])")
    assert output.value == "True"
    assert [call.result for call in output.calls] == [0, 1]
    output = session.run("next((x for x in [0, 1, 2] if echo(x)), None)")
    assert output.value == "1"
    assert len(output.calls) == 2


def test_text_of_all_kinds_passes(session: Session) -> None:
    assert session.run("print('é☃𝄞')").stdout == "é☃𝄞\n"
    assert value(session, "echo('é☃𝄞')") == "'é☃𝄞'"
    assert session.run("é = 'ü'; on('left 1')\non('left 1')").calls[1].line == 2
    assert session.run("print('\ud800')").stdout == "?\n"


@pytest.mark.parametrize(
    "code",
    [
        "print(1)\rprint(2)",
        "x = '''a\rb\r\nc\n\rd'''\rprint(repr(x))",
        "print('a\\\rb', 'c' \\\r'd')",
        "print([1,\r2,\r\n3][\r1\r])\r\r\rprint(any(v for v in\r[0, 1]))",
        "# one\rprint(1)  # two\r\n#\rprint(2)",
        "\r\r\nx = {'a': 1}\rdel x['a']\r\n\rprint(x)\r",
        "if True:\r\tprint(1)\r\x0cprint(2)",
        "x = 'a\x0cb\x0bc\x1cd\x85e\u2028f'\rprint(repr(x), len(x))",
        "print(f'''{1}\r{2:>\r3}''')",
        "\r\r\r",
    ],
)
def test_lines_end_as_in_python(session: Session, code: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(ValueError):
        exec(compile(code, "code", "exec"), {})
    output = session.run(code)
    if output.error is None:
        assert output.stdout == printed.getvalue()
    else:
        assert output.error.type in {"ValueError", "SyntaxError"}
        assert ":>" in code
    error = session.run(f"{code}\r1 / 0").error
    assert error is not None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_python_lets_them(session: Session, end: str) -> None:
    output = session.run(end.join(["x = [1]", "del x[0]", "on('left 1')", "x"]))
    assert output.value == "[]"
    assert output.calls[0].line == 3


def test_nobody_answers_input(session: Session) -> None:
    error = session.run("input('name? ')").error
    assert error is not None
    assert error.type == "EOFError"
    assert session.run("try:\n    input()\nexcept EOFError:\n    print('nobody')").stdout == (
        "nobody\n"
    )


def test_random_numbers_repeat_with_the_seed_and_go_on(make: Make) -> None:
    code = "import random\nrandom.random()"
    first, again, other = make(seed=1), make(seed=1), make(seed=2)
    values = [value(first, code), value(first, code)]
    assert values[0] != values[1]
    assert [value(again, code), value(again, code)] == values
    assert value(other, code) != values[0]


# Errors


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", 2),
        ("[][\n1]", "IndexError", 1),
        ("\n\n{}['a']", "KeyError", 3),
        ("def f():\n    return 1 + 'a'\n\nf()", "TypeError", 2),
        ("def f(x):\n    pass\n\nf()", "TypeError", 4),
        ("'a'.nothing", "AttributeError", 1),
        ("int('a')", "ValueError", 1),
        ("assert 1 == 2, 'no'", "AssertionError", 1),
        ("raise ValueError('no')", "ValueError", 1),
        ("import there_is_no_such_module", "ModuleNotFoundError", 1),
        ("x = 0\nany(1 / x for _ in [1])", "ZeroDivisionError", 2),
    ],
)
def test_errors_have_type_and_line(session: Session, code: str, kind: str, line: int) -> None:
    output = session.run(code)
    assert output.error is not None
    assert (output.error.type, output.error.line) == (kind, line)
    assert output.error.message
    assert output.parsed


@pytest.mark.parametrize(
    ("code", "line", "column"),
    [("x = 1\ny = (", 2, 5), ("if True:\nx = 1", 2, 1), ("x = '", 1, 5)],
)
def test_nothing_runs_of_code_with_an_error_of_form(
    session: Session, code: str, line: int, column: int
) -> None:
    output = session.run(f"{code}")
    assert output.error is not None
    assert output.error.type in ("SyntaxError", "IndentationError")
    assert (output.error.line, output.error.column) == (line, column)
    assert not output.parsed
    assert not output.calls


@pytest.mark.parametrize("code", ["on('left 1')\nreturn 5", "on('left 1')\nbreak"])
def test_misplaced_statements_are_errors_of_form(session: Session, code: str) -> None:
    output = session.run(code)
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("SyntaxError", 2)
    assert not output.calls


def test_an_error_keeps_what_was_done_before(session: Session) -> None:
    output = session.run("x = 5\nprint('before')\non('left 1')\n1 / 0\nx = 6")
    assert output.stdout == "before\n"
    assert len(output.calls) == 1
    assert value(session, "x") == "5"


@pytest.mark.parametrize("kind", FAILURES)
def test_errors_of_the_robot_are_caught_by_their_type(session: Session, kind: str) -> None:
    known = kind if kind != "JammedError" else "RuntimeError"
    output = session.run(
        f"try:\n    fail({kind!r})\nexcept {known} as error:\n    print('caught', error)"
    )
    assert output.error is None
    assert output.stdout == f"caught {FAILURES[kind]}\n"
    record = output.calls[0].error
    assert record is not None
    assert record.type == kind


@pytest.mark.parametrize("kind", FAILURES)
def test_errors_of_the_robot_end_an_action_that_does_not_catch_them(
    session: Session, kind: str
) -> None:
    output = session.run(f"try:\n    fail({kind!r})\nexcept ZeroDivisionError:\n    pass")
    assert output.error is not None
    assert output.error.type == kind
    assert output.error.line == 2


@pytest.mark.parametrize("kind", DEFECTS)
def test_defects_of_the_robot_are_not_shown_to_its_code(session: Session, kind: str) -> None:
    with pytest.raises(InfrastructureError, match=rf"fail\(\) failed: {kind}.*\.py:\d+\)"):
        session.run(f"try:\n    fail({kind!r})\nexcept Exception:\n    print('caught')")


def test_an_error_shows_the_variables_of_its_line(session: Session) -> None:
    session.run("names = ['a', 'b']")
    error = session.run("i = 7\nunused = 1\nprint(names[i], on)").error
    assert error is not None
    assert error.variables == {"names": "['a', 'b']", "i": "7"}


def test_variables_of_an_error_are_short_and_few(session: Session) -> None:
    names = [f"v{i}" for i in range(20)]
    many = "\n".join(f"{name} = 'x' * 10_000" for name in names)
    error = session.run(f"{many}\nprint({', '.join(names)}, 1 / 0)").error
    assert error is not None
    assert 0 < len(error.variables) <= 8
    assert all(len(text) < 250 for text in error.variables.values())


def test_unknown_names_are_refused_before_anything_moves(session: Session) -> None:
    output = session.run("on('left 1')\nwiat()")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("NameError", 2)
    assert "Did you mean: 'wait'" in output.error.message
    assert not output.parsed
    assert not output.calls


def test_wrong_calls_are_refused_before_anything_moves(session: Session) -> None:
    output = session.run("on('left 1')\non(light=3)")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("TypeError", 2)
    assert "on(light: str) -> str" in output.error.message
    assert not output.calls


@pytest.mark.parametrize("code", ["wiat()", "x = wiat", "on(3)", "on()", "on(lihgt='left 1')"])
def test_without_the_check_they_are_met_when_they_are_reached(make: Make, code: str) -> None:
    output = make(check=False).run(f"on('left 1')\n{code}")
    assert output.error is not None
    assert output.error.type in ("NameError", "TypeError")
    assert output.error.line == 2
    assert output.parsed
    assert output.calls[0].name == "on"


# Limits


@pytest.mark.parametrize(
    ("limits", "code", "words"),
    [
        ({"seconds": 0.5}, "while True:\n    pass", "0.5 seconds"),
        ({"seconds": 0.5, "calls": 10**9}, "while True:\n    echo(1)", "0.5 seconds"),
        ({"memory_bytes": 64 * 2**20}, "y = 'a' * 10**9\nz = y + 'b'", "memory"),
        (
            {"calls": 3},
            "while True:\n    try:\n        echo(1)\n    except Exception:\n        pass",
            "3 calls",
        ),
    ],
)
def test_a_limit_ends_the_action_and_keeps_the_variables(
    make: Make, limits: Any, code: str, words: str
) -> None:
    session = make(**limits)
    session.run("x = 1")
    output = session.run(f"x = 2\n{code}")
    stopped = output.limit or str(output.error)
    assert words in stopped or "MemoryError" in stopped
    assert value(session, "x") in (("1",) if output.limit else ("2",))


def test_the_call_limit_is_an_error_first(make: Make) -> None:
    output = make(calls=3).run("for i in range(5):\n    echo(i)")
    assert output.error is not None
    assert output.error.message == "an action may make no more than 3 calls"
    assert output.error.line == 2
    assert len(output.calls) == 3


def test_output_beyond_the_limit_is_dropped(make: Make) -> None:
    session = make(output_characters=10)
    output = session.run("print('a' * 50)\nx = 1")
    assert output.stdout == "a" * 10 + "\n[output cut at 10 characters]"
    assert value(session, "x") == "1"


def test_code_beyond_the_limit_is_not_run(make: Make) -> None:
    session = make(code_characters=20)
    assert session.run("x = 1" + " " * 20).limit == "the code is longer than 20 characters"
    assert session.run("x = 2\nx").value == "2"


def test_a_slow_robot_uses_up_no_time(make: Make, robot: Robot) -> None:
    step = robot.environment.step

    def slowly(command: str) -> Any:
        time.sleep(0.2)
        return step(command)

    robot.environment.step = slowly  # type: ignore[method-assign]
    assert make(seconds=0.6).run("wait(5)").limit is None


def test_the_rest_of_an_action_is_not_run_when_the_episode_ends(
    session: Session, robot: Robot
) -> None:
    session.run("x = 1")
    output = session.run("x = 2\non('left 1')\non('right 1')\nprint('not run')\noff('left 1')")
    assert output.ended
    assert (output.error, output.limit, output.stdout) == (None, None, "")
    assert [call.name for call in output.calls] == ["on", "on"]
    assert robot.success


def test_the_end_cannot_be_caught(session: Session, robot: Robot) -> None:
    robot.max_steps = 3
    output = session.run("while True:\n    try:\n        wait()\n    except BaseException: pass")
    assert output.ended
    assert len(robot.steps) == 3


def test_a_failing_simulator_is_not_the_plans_fault(session: Session) -> None:
    session.run("x = 1")
    with pytest.raises(InfrastructureError, match="the simulator is gone"):
        session.run("x = 2\ntry:\n    explode()\nexcept BaseException:\n    pass")
    assert value(session, "x") == "1"


@pytest.mark.parametrize("kind", [ValueError, TypeError, RecursionError, OverflowError, KeyError])
def test_a_host_that_fails_to_record_a_call_is_not_the_plans_fault(
    session: Session, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*args: object, **fields: object) -> None:
        raise kind("no room")

    session.run("x = 1")
    with monkeypatch.context() as patch:
        patch.setattr("embodied.interpreter.call_dispatcher.CallRecord", fail)
        with pytest.raises(InfrastructureError, match=r"echo\(\) could not be recorded.*no room"):
            session.run("x = 2\ntry:\n    echo(1)\nexcept BaseException:\n    pass")
    assert value(session, "x") == "1"


# Sessions


def test_a_dumped_session_goes_on_in_another(make: Make) -> None:
    first = make(seed=1)
    first.run("import random\nimport math\nx = {'a': [1]}\n\ndef f():\n    return on('left 1')")
    first.run("random.random()")
    second = make(seed=2)
    second.load(first.dump())
    assert value(second, "x['a'], math.floor(1.5)") == "([1], 1)"
    output = second.run("f()")
    assert output.error is None
    assert output.calls[0].line == 6
    assert value(second, "random.random()") == value(first, "random.random()")


def test_the_check_knows_the_names_of_a_loaded_session(make: Make) -> None:
    first, second = make(), make()
    first.run("x = 1")
    second.load(first.dump())
    assert value(second, "x") == "1"
    assert second.run("y").error is not None


def test_a_dump_is_a_copy(session: Session, make: Make) -> None:
    session.run("x = [1]")
    state = session.dump()
    session.run("x.append(2)")
    other = make()
    other.load(state)
    assert value(other, "x") == "[1]"
    assert value(session, "x") == "[1, 2]"


def test_a_session_that_has_run_nothing_can_be_dumped(make: Make) -> None:
    session = make()
    session.load(make().dump())
    assert value(session, "1 + 1") == "2"


def test_a_session_with_a_very_long_name_goes_on(session: Session, make: Make) -> None:
    name = "a" * 2000
    assert session.run(f"{name} = 1").error is None
    other = make()
    other.load(session.dump())
    assert value(other, name) == value(session, name) == "1"


def test_dumps_are_small(session: Session) -> None:
    session.run("x = list(range(10))\ndef f(y):\n    return y")
    assert len(session.dump()) < 20_000


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "cut at half", "zeros", "end"])
def test_what_is_no_state_is_refused(session: Session, make: Make, damage: str) -> None:
    session.run("x = 1")
    state = session.dump()
    damaged = {
        "empty": b"",
        "other": b"something else",
        "cut": state[:-1],
        "cut at half": state[: len(state) // 2],
        "zeros": state[:60] + b"\0" * (len(state) - 60),
        "end": state[:-10] + b"0123456789",
    }[damage]
    other = make()
    other.run("y = 2")
    with pytest.raises(DataError):
        other.load(damaged)
    assert value(other, "y") == "2"


def test_nothing_leaks_between_sessions(make: Make) -> None:
    first, second = make(), make()
    first.run("import random\nimport math\nrandom.seed(1)\nsecret = 5\nlen = None")
    for code in ("secret", "math", "random"):
        assert second.run(code).error is not None
    assert value(second, "len([1])") == "1"
    assert second.run("try:\n    secret\nexcept NameError:\n    print('no')").stdout == "no\n"
    assert value(first, "secret") == "5"


def test_interleaved_sessions_keep_their_own_state_and_limits(make: Make) -> None:
    sessions = [make(seed=i, output_characters=10 + i) for i in range(5)]
    for turn in range(4):
        for number, session in enumerate(sessions):
            code = f"x = {number}" if turn == 0 else "x += 100"
            assert session.run(code).error is None
    assert [value(session, "x") for session in sessions] == [str(300 + i) for i in range(5)]
    lengths = [session.run("print('x' * 99)").stdout.count("x") for session in sessions]
    assert lengths == [10, 11, 12, 13, 14]


def test_sessions_of_many_threads_share_the_workers(make: Make, task: Any) -> None:
    def play(number: int) -> None:
        robot = Robot(LightSwitch())
        robot.begin(robot.environment.reset(task), max_steps=50)
        session = make(robot)
        session.run(f"x = {number}")
        for _ in range(3):
            session.run("x += 1\nwait()")
        results[number] = value(session, "x")

    results: dict[int, str | None] = {}
    threads = [threading.Thread(target=play, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == {number: str(number + 3) for number in range(8)}


def test_closing_ends_all_processes(backend: tuple[str, Interpreters], robot: Robot) -> None:
    before = set(psutil.Process().children(recursive=True))
    session = make_interpreter(backend[0], robot)
    assert value(session, "1 + 1") == "2"
    session.close()
    session.close()
    for _ in range(100):
        left = set(psutil.Process().children(recursive=True)) - before
        if not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in left):
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"still there: {left}")
    with pytest.raises(RuntimeError, match="closed"):
        session.run("1 + 1")


# Properties

TEXTS = st.text(st.characters(codec="latin-1") | st.sampled_from("☃𝄞"), max_size=20)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@SLOWLY
@given(data=PLAIN)
def test_plain_data_survives_a_call_and_its_result(session: Session, data: Any) -> None:
    output = session.run(f"x = echo({data!r})\nx == {data!r}, repr(x)")
    assert output.error is None
    assert output.value == repr((True, repr(data)))
    assert output.calls[0].result == data


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.deferred(
    lambda: (
        st.integers(-20, 20).map(repr)
        | NAMES
        | st.tuples(VALUES, st.sampled_from(["+", "-", "*", "//", "%", "<", "and"]), VALUES).map(
            lambda parts: f"({' '.join(parts)})"
        )
    )
)
STATEMENTS = st.deferred(
    lambda: (
        st.tuples(NAMES, VALUES).map(lambda p: [f"{p[0]} = {p[1]}"])
        | VALUES.map(lambda v: [f"print({v})"])
        | st.tuples(NAMES, st.integers(0, 5), BLOCKS).map(
            lambda p: [f"for {p[0]} in range({p[1]}):", *(f"    {line}" for line in p[2])]
        )
        | st.tuples(VALUES, BLOCKS, BLOCKS).map(
            lambda p: [
                f"if {p[0]}:",
                *(f"    {line}" for line in p[1]),
                "else:",
                *(f"    {line}" for line in p[2]),
            ]
        )
    )
)
BLOCKS = st.lists(STATEMENTS, min_size=1, max_size=3).map(lambda parts: [*chain(*parts)])


@SLOWLY
@given(lines=BLOCKS)
def test_small_programs_print_what_cpython_prints(session: Session, lines: list[str]) -> None:
    body = "\n".join(f"    {line}" for line in lines)
    code = f"a, b, c = 1, 2, 3\ntry:\n{body}\nexcept ZeroDivisionError:\n    print(0)\n"
    code += "print(a, b, c)"
    output = session.run(code)
    assert (output.error, output.limit) == (None, None)
    assert output.stdout == of_cpython(code)
