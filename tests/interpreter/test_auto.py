"""An episode moves to the full interpreter when its code needs it, with what it holds."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from embodied import make_interpreter
from embodied.errors import ConfigError, DataError
from embodied.interpreter import Interpreters, Session
from tests.conftest import Switcher
from tests.interpreter.test_rewrite import BEYOND, of_cpython

pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
pytest.importorskip("numpy", reason="needs: pip install 'embodied-codeact[full]'")

BEFORE = """
places = ["left 1", ("a", 2), {"k": {1, 2}}]
nothing = None
factor = 3
def scaled(x):
    return factor * shifted(x)
def shifted(x):
    return x + 1
def looks(at=on("left 1")):
    return at
odd = shifted
"""
NOTE = "[now in the full interpreter"


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


@pytest.fixture
def session(interpreters: Interpreters, robot: Switcher) -> Iterator[Session]:
    with interpreters.session("auto", robot) as session:
        yield session


def test_variables_and_functions_move_along(session: Session, robot: Switcher) -> None:
    assert session.run(BEFORE).error is None
    output = session.run(
        "import numpy as np\nprint(np.arange(3).sum(), places, scaled(1), nothing)"
    )
    assert output.error is None
    note, text = output.stdout.splitlines()
    assert text == "3 ['left 1', ('a', 2), {'k': {1, 2}}] 6 None"
    assert note == f"{NOTE}; left behind: looks, odd]"
    assert session.run("int(np.ones(2).sum())").value == "2"
    assert len(robot.steps) == 1


def test_it_stays_restricted_while_it_can(session: Session) -> None:
    output = session.run("import re, json\nprint(re.findall('a', 'banana'))")
    assert output.stdout == "['a', 'a', 'a']\n"
    missing = session.run("import there_is_no_such_module")
    assert missing.error is not None
    assert missing.error.type == "ModuleNotFoundError"
    assert missing.stdout == ""
    for code in ("1 / 0", "x = [", "return 5", "'a'.nothing", "raise ValueError('a')", "wiat()"):
        assert NOTE not in session.run(code).stdout


@pytest.mark.parametrize("code", [code for code in BEYOND if "object()" not in code])
def test_what_the_restricted_interpreter_refuses_runs(session: Session, code: str) -> None:
    output = session.run(code)
    assert (output.error, output.limit) == (None, None)
    assert output.interpreter == "full"
    assert output.stdout == of_cpython(code)


@pytest.mark.parametrize(
    "code",
    [
        "print(sorted(['right 1', 'left 1'], key=lambda x: on(x)))",
        "class A(dict):\n    pass\nprint(on('right 1'), on('left 1'))",
        "x = list(map(on, ['right 1', 'left 1']))",
        "def each():\n    yield on('right 1')\n    yield on('left 1')\nx = list(each())",
    ],
)
def test_nothing_is_called_twice(session: Session, robot: Switcher, code: str) -> None:
    session.run("x = 1")
    output = session.run(code)
    assert output.interpreter == "full"
    assert [call.name for call in output.calls] == ["on", "on"]
    assert len(robot.steps) == 2


def test_code_that_has_called_the_robot_is_not_run_again(session: Session, robot: Switcher) -> None:
    code = "x = on('right 1')\nimport re\np = 'a*'\ny = re.findall(p, 'aa')\n"
    output = session.run(code)
    assert output.error is not None
    assert output.error.type == "NotImplementedError"
    assert output.stdout == f"{NOTE}]\n"
    assert len(output.calls) == len(robot.steps) == 1
    assert session.run("x, re.findall(p, 'aa')").value == "('The light right 1 is on.', ['aa', ''])"


def test_a_failed_attempt_leaves_nothing_behind(session: Session) -> None:
    session.run("xs = [1]")
    output = session.run("xs.append(2)\nprint(xs)\nprint('a'.translate({97: 'b'}))")
    assert output.stdout == "[1, 2]\nb\n"


MOVE = "import numpy"
EVALUATED = [
    "def f(x: on('left 1')): pass",
    "def f(x) -> on('left 1'): pass",
    "def f(*, x: [on('left 1')] = 1): pass",
    "def f(*x: on('left 1'), **y: off('left 1')): pass",
    "def f(x: (y := on('left 1'))): pass",
    "def f(x=on('left 1')): pass",
    "def f(x=f'{on(\"left 1\")}'): pass",
    "def f(*, x=[on('left 1')]): pass",
    "d = lambda f: on('left 1')\n@d\ndef f(): pass",
    "class A:\n    x: on('left 1') = on('left 1')",
    "def repr(x):\n    return on('left 1')\nlen = type = isinstance = repr\nx = [1]",
]


@pytest.mark.parametrize("code", EVALUATED)
def test_moving_calls_nothing(session: Session, robot: Switcher, code: str) -> None:
    first = session.run(code)
    assert first.error is None
    recorded = [step for call in first.calls for step in call.steps]
    output = session.run(MOVE)
    assert output.error is None
    assert output.interpreter == "full"
    recorded += [step for call in output.calls for step in call.steps]
    assert robot.steps == recorded


def test_hints_that_name_types_move_along(session: Session) -> None:
    session.run(
        "import typing as t\nfrom collections import deque\n"
        "def f(x: list[int], y: t.Any | None = None) -> 'deque':\n    return deque(x)"
    )
    assert session.run(f"{MOVE}\nlist(f([1, 2]))").value == "[1, 2]"


def test_many_definitions_cost_no_more_than_running_them(session: Session) -> None:
    started = time.process_time()
    session.run("".join(f"def f{i}(): pass\n" for i in range(2500)))
    assert time.process_time() - started < 10


def test_a_name_stands_for_what_it_was_last(session: Session) -> None:
    session.run(
        "def f():\n    return 1\ndef g():\n    return 1\nimport math as m\nimport math as n"
    )
    session.run("f = 5\nif True:\n    def g():\n        return 2\nm = 6")
    output = session.run(f"{MOVE}\nf, m, n.floor(1.5)")
    assert output.value == "(5, 6, 1)"
    assert output.stdout == f"{NOTE}; left behind: g]\n"


def test_collections_that_are_more_than_plain_are_left_behind(session: Session) -> None:
    session.run("from collections import Counter, defaultdict\nc = Counter('aab')")
    session.run("d = defaultdict(int)\nx = [d]\ny = float('nan')\nz = 'a' * 200_000")
    output = session.run(MOVE)
    assert output.stdout == f"{NOTE}; left behind: c, d, x, y, z]\n"


@pytest.mark.parametrize("first", ["x = 5", "import numpy\nx = 5"])
def test_dump_and_load(robot: Switcher, first: str) -> None:
    with make_interpreter("auto", robot) as session, make_interpreter("auto", robot) as other:
        session.run(first)
        other.load(session.dump())
        assert other.run("x + 1").value == "6"
        with pytest.raises(DataError):
            other.load(b"nonsense")


def test_a_forged_state_calls_nothing_while_it_moves(session: Session, robot: Switcher) -> None:
    session.run("def f():\n    return 1")
    forged = session.dump().replace(b"return 1", b"on('left 1')", 1).replace(b"def f", b"on;#f", 1)
    forged = forged.replace(b'"f":"', b'"f":"on(\'left 1\');', 1)
    session.load(forged)
    session.run(MOVE)
    assert robot.steps == []


def test_the_check_holds_in_both(session: Session, robot: Switcher) -> None:
    for code in ("on()", "import numpy\non()"):
        output = session.run(code)
        assert output.error is not None
        assert not output.parsed
    assert robot.steps == []


def test_it_stays_restricted_where_the_host_cannot_confine(
    robot: Switcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        tried.append(1)
        raise ConfigError("no")

    tried: list[int] = []
    monkeypatch.setattr("embodied.interpreter.cpython.zygote.Zygote", refuse)
    with make_interpreter("auto", robot) as session:
        session.run("x = 1")
        for code in ("x = 2\nimport numpy", "x = 3\n''.translate({})", "def f():\n    yield 1"):
            output = session.run(code)
            assert output.error is not None
            assert (output.stdout, output.parsed) == ("", False)
        assert session.run("x").value == "1"
    assert len(tried) == 1
