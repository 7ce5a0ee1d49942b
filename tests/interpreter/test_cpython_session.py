"""What a plan may rely on in the full interpreter, and what a host may rely on with it."""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from embodied import DataError, InfrastructureError, action
from embodied.interpreter import Interpreters, Session
from embodied.limits import Limits
from embodied.trajectory import Turn
from tests.conftest import LightSwitch, Switcher

if sys.platform != "linux":
    pytest.skip("the full interpreter needs Linux", allow_module_level=True)
if find_spec("cloudpickle") is None:
    pytest.skip("needs cloudpickle: pip install 'embodied-codeact[full]'", allow_module_level=True)

ROOT = Path(__file__).parents[2]
TO_ALL_FILES = (
    "import os, struct\n"
    "for file in range(3, 64):\n"
    "    try: os.write(file, {})\n"
    "    except OSError: pass"
)


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        find_spec(package) is None,
        reason=f"needs {package}: pip install 'embodied-codeact[full]'",
    )


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


Make = Callable[..., Session]


@pytest.fixture
def make(interpreters: Interpreters, robot: Any) -> Iterator[Make]:
    """Make sessions on the robot, and close them."""
    made: list[Session] = []

    def session(on: Any = None, **options: Any) -> Session:
        limits = Limits(**{k: options.pop(k) for k in list(options) if k in Limits.model_fields})
        made.append(interpreters.session("full", on or robot, limits, **options))
        return made[-1]

    yield session
    for each in made:
        each.close()


@pytest.fixture
def session(make: Make) -> Session:
    return make()


def value(session: Session, code: str) -> str | None:
    output = session.run(code)
    assert output.error is None, output.error
    assert output.limit is None, output.limit
    return output.value


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


def test_variables_and_functions_live_on(session: Session) -> None:
    session.run("lights = ['left 1']\ndef switch(x):\n    return on(x)")
    output = session.run("\nswitch(lights[0])")
    assert output.value == "'The light left 1 is on.'"
    assert output.calls[0].line == 3, "the line in the action that defined the function"


def test_all_of_python_runs(session: Session) -> None:
    code = (
        "from dataclasses import dataclass\n"
        "@dataclass\nclass Base:\n    x: int\n"
        "class Point(Base):\n    def double(self):\n        yield from (self.x, self.x)\n"
        "first, *rest = Point(2).double()\n"
        "del first\n"
        "match rest:\n    case [int(n)]: print(f'{n=}')\n"
        "if __name__ == '__main__': print('main')"
    )
    assert session.run(code).stdout == "n=2\nmain\n"


@pytest.mark.parametrize(
    ("package", "code", "shown"),
    [
        ("numpy", "import numpy as np\nfloat(np.linalg.norm(np.array([3.0, 4.0])))", "5.0"),
        ("pandas", "import pandas as pd\nint(pd.DataFrame({'a': [1, 2]}).a.sum())", "3"),
        ("sympy", "import sympy\nsympy.solve('x - 2')", "[2]"),
        (
            "sklearn",
            "from sklearn.cluster import KMeans\n"
            "from sklearn.ensemble import RandomForestClassifier\n"
            "groups = KMeans(2, n_init=1).fit([[0], [9]] * 9).labels_\n"
            "forest = RandomForestClassifier(n_jobs=-1).fit([[0], [9]] * 9, groups)\n"
            "bool(forest.predict([[9]])[0] == groups[1])",
            "True",
        ),
    ],
)
def test_libraries_work_within_the_default_limits(
    session: Session, package: str, code: str, shown: str
) -> None:
    if find_spec(package) is None:
        pytest.skip(f"needs {package}: pip install 'embodied-codeact[full]'")
    assert value(session, code) == shown


def test_an_absent_package_is_an_ordinary_error(session: Session) -> None:
    error = session.run("import no_such_package").error
    assert error is not None
    assert (error.type, error.line) == ("ModuleNotFoundError", 1)


def test_random_numbers_repeat_with_the_seed(make: Make) -> None:
    code = "import random\n(random.random(), list({'a', 'b', 'c'}))"
    values = [make(seed=seed).run(code).value for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@needs("numpy")
def test_random_numbers_of_numpy_repeat_with_the_seed(make: Make) -> None:
    code = "import numpy\nnumpy.random.rand()"
    values = [make(seed=seed).run(code).value for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("code", "kind", "line", "parsed"),
    [
        ("x = 1\n1 / 0", "ZeroDivisionError", 2, True),
        ("\nundefined", "NameError", 2, True),
        ("print(1)\nbreak", "SyntaxError", 2, False),
        ("print(1)\nreturn 5", "SyntaxError", 2, False),
        ("on(3)", "TypeError", 1, True),
        ("input('which? ')", "EOFError", 1, True),
        ("import sys\nsys.exit(3)", "SystemExit", 2, True),
        ("def f():\n    raise ValueError('x')\nf()", "ValueError", 2, True),
        ("import json\njson.loads('{')", "JSONDecodeError", 2, True),
        ("on(object())", "TypeError", 1, True),
    ],
)
def test_errors_have_type_and_line(
    make: Make, code: str, kind: str, line: int, parsed: bool
) -> None:
    output = make(check=False).run(code)
    assert output.error is not None
    assert (output.error.type, output.error.line) == (kind, line)
    assert output.parsed == parsed
    assert parsed or output.stdout == ""


def test_input_prints_its_question(session: Session) -> None:
    assert session.run("input('which? ')").stdout == "which? "


def test_errors_show_the_variables_of_their_line(session: Session) -> None:
    session.run("places = {'shelf': 1}")
    output = session.run("def find(name):\n    return places[name]\nfind('drawer' * 100)")
    assert output.error is not None
    assert output.error.line == 2
    assert output.error.variables.keys() == {"places", "name"}
    assert output.error.variables["places"] == "{'shelf': 1}"
    assert len(output.error.variables["name"]) < 230


def test_errors_name_what_was_probably_meant(make: Make) -> None:
    error = make(check=False).run("wiat()").error
    assert error is not None
    assert "Did you mean: 'wait'" in error.message


@pytest.mark.parametrize("method", ["__repr__", "__str__"])
def test_errors_of_things_that_cannot_be_shown(session: Session, method: str) -> None:
    code = f"class Bad(Exception):\n    def {method}(self): raise KeyError\nbad = Bad()\nraise bad"
    error = session.run(code).error
    assert error is not None
    assert (error.type, error.line) == ("Bad", 4)


def test_an_error_keeps_what_was_done_before(session: Session) -> None:
    output = session.run('x = 5\nprint("before")\non("left 1")\n1 / 0')
    assert output.stdout == "before\n"
    assert len(output.calls) == 1
    assert value(session, "x") == "5"


class Giver(Switcher):
    @action
    def give(self, what: str) -> Any:
        """Give something back."""
        if what == "error":
            raise ValueError("not there")
        if what == "own error":
            raise DoorLockedError("the door is locked")
        return {"tuple": (1, {2: {3}}), "nan": float("nan"), "huge": 10**5000, "text": "\ud800ä"}[
            what
        ]

    @action
    def hold(self, value: Any) -> str:
        """Hold a value."""
        self.held = value
        return self.send("wait")


class DoorLockedError(RuntimeError):
    pass


@pytest.fixture
def giver(task: Any) -> Giver:
    robot = Giver(LightSwitch())
    robot.begin(robot.environment.reset(task), max_steps=50)
    return robot


def test_a_robots_answers_keep_their_types(make: Make, giver: Giver) -> None:
    session = make(giver)
    assert value(session, "give('tuple')") == "(1, {2: {3}})"
    assert value(session, "give('nan')") == "nan"
    assert value(session, "give('huge') == 10 ** 5000") == "True"
    assert value(session, "give('text')") == "'?ä'"


def test_arguments_keep_their_types(make: Make, giver: Giver) -> None:
    session = make(giver)
    value(session, "hold([(1, 2.5), {3: None}, {'a'}, True, float('inf'), -10 ** 30])")
    assert giver.held == [(1, 2.5), {3: None}, {"a"}, True, float("inf"), -(10**30)]


@needs("numpy")
def test_arrays_become_lists(make: Make, giver: Giver) -> None:
    session = make(giver)
    value(session, "import numpy as np\nhold([np.arange(3), np.float64(1.5), np.str_('a')])")
    assert giver.held == [[0, 1, 2], 1.5, "a"]


def test_errors_of_the_robot_can_be_caught_by_their_names(make: Make, giver: Giver) -> None:
    session = make(giver)
    code = "try:\n    give('error')\nexcept ValueError as error:\n    print(error)"
    assert session.run(code).stdout == "not there\n"
    error = session.run("give('own error')").error
    assert error is not None
    assert (error.type, error.message) == ("DoorLockedError", "the door is locked")


@pytest.mark.parametrize(
    "code",
    [
        "x = []\nfor i in range(5000): x = [x]\nhold(x)",
        "x = []\nx.append(x)\nhold(x)",
        "hold([10 ** 5000])",
        "hold('a' * 10**7)",
        "hold(['a' * 10**6])",
        "hold({i: i for i in range(5000)})",
        "hold([{(2**61 - 1) * i for i in range(900)} for j in range(40)])",
        "hold([b'x'])",
        "hold(range(3))",
        "'\\ud800'",
        "10 ** 5000",
        "raise ValueError('a' * 10**6)",
        "class A: pass\nA.__name__ = 'a' * 10**6\nraise type('a b' * 100, (Exception,), {})()",
    ],
)
def test_monstrous_values_are_the_plans_fault_and_can_be_stored(
    make: Make, giver: Giver, code: str
) -> None:
    session = make(giver)
    output = session.run(code)
    turn = Turn(message="", observation="", calls=output.calls, error=output.error)
    line = turn.model_dump_json()
    assert len(line) < 500_000
    assert Turn.model_validate_json(line) == turn
    assert value(session, "1 + 1") == "2"


@pytest.mark.parametrize(
    "busy",
    [
        "while True: pass",
        "pow(10 ** 8, 10 ** 8)",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "while True:\n    try: input()\n    except EOFError: pass",
        "import signal\nsignal.raise_signal(signal.SIGSTOP)",
    ],
)
def test_time_limit(make: Make, busy: str) -> None:
    session = make(seconds=0.5)
    session.run("x = 1")
    output = session.run(f"x = 2\nprint('before', end='')\n{busy}")
    assert output.limit == "the code used up 0.5 seconds"
    assert output.stdout == "before"
    assert value(session, "x") == "1", "a broken-off action leaves the variables alone"


def test_time_limit_does_not_count_a_slow_simulator(make: Make, robot: Any) -> None:
    step = robot.environment.step
    robot.environment.step = lambda command: time.sleep(0.2) or step(command)
    assert make(seconds=0.8).run("wait(6)").limit is None


def test_sleeping_takes_no_time(make: Make) -> None:
    code = (
        "import asyncio, time\n"
        "time.sleep(1000)\n"
        "async def nap(seconds):\n    await asyncio.sleep(seconds)\n    return seconds\n"
        "async def both():\n    return await asyncio.gather(nap(1000), nap(2000))\n"
        "asyncio.run(both())"
    )
    assert value(make(), code) == "[1000, 2000]"


def test_memory_limit(make: Make) -> None:
    session = make(memory_bytes=20_000_000)
    session.run("x = 1")
    output = session.run("x = 2\ny = 'a' * 10**8")
    assert output.limit == "the code used up 20000000 bytes of memory"
    assert value(session, "x") == "1"


def test_code_can_catch_a_failed_allocation(session: Session) -> None:
    code = "try:\n    x = bytearray(10 ** 10)\nexcept MemoryError:\n    print('too much')"
    assert session.run(code).stdout == "too much\n"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "import os\nos.abort()",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.closerange(0, 100)\non('left 1')",
        "import signal\nsignal.raise_signal(signal.SIGKILL)",
    ],
)
def test_code_that_ends_its_process(make: Make, code: str) -> None:
    session = make()
    session.run("x = 1")
    assert session.run(code).limit == "the code ended its process"
    assert value(session, "x") == "1"


def test_call_limit(make: Make) -> None:
    output = make(calls=3).run("for i in range(5):\n    wait()")
    assert output.error is not None
    assert output.error.message == "an action may make no more than 3 calls"
    assert len(output.calls) == 3


def test_call_limit_cannot_be_caught_for_ever(make: Make) -> None:
    code = "while True:\n    try:\n        wait()\n    except Exception:\n        pass"
    assert make(calls=3).run(code).limit == "an action may make no more than 3 calls"


def test_output_limit(make: Make) -> None:
    session = make(output_characters=10, seconds=1)
    cut = "a" * 10 + "\n[output cut at 10 characters]"
    assert session.run("print('a' * 50)").stdout == cut
    assert session.run("while True: print('a' * 1000)").stdout == cut
    assert session.run("print('a' * 9)").stdout == "a" * 9 + "\n"


def test_standard_error_is_output_and_does_not_reach_the_host(
    session: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import os, sys\nprint('a', file=sys.stderr)\nos.write(2, b'flood')\nos.write(1, b'flood')"
    )
    assert session.run(code).stdout == "a\n"
    assert capfd.readouterr() == ("", "")


def test_the_action_stops_when_the_episode_ends(session: Session, robot: Any) -> None:
    output = session.run('on("left 1")\non("right 1")\nprint("not run")\noff("left 1")')
    assert output.ended
    assert output.stdout == ""
    assert [c.name for c in output.calls] == ["on", "on"]
    assert robot.success


def test_a_failing_simulator_is_not_the_plans_fault(session: Session) -> None:
    with pytest.raises(InfrastructureError, match="the simulator is gone"):
        session.run("try:\n    explode()\nexcept BaseException:\n    pass")
    assert value(session, "on('left 1')") == "'The light left 1 is on.'"


@pytest.mark.parametrize(
    "code",
    [
        TO_ALL_FILES.format("b'x' * 100_000"),
        TO_ALL_FILES.format("struct.pack('!cI', b'd', 2 ** 31)"),
        TO_ALL_FILES.format("struct.pack('!cI', b'c', 200_000) + b'[' * 200_000"),
        TO_ALL_FILES.format("struct.pack('!cI', b'p', 2) + b'\\xff\\xff'"),
        TO_ALL_FILES.format("struct.pack('!cI', b'd', 13) + b'{\"value\": 123}'"),
        "import json\njson.dumps = lambda *a, **k: '{'\non('left 1')",
        "import json\njson.dumps = lambda *a, **k: '[' * 100000\non('left 1')",
        "import json\njson.dumps = lambda *a, **k: 1 / 0\non('left 1')",
    ],
)
def test_nonsense_on_the_socket_ends_the_process_and_nothing_else(make: Make, code: str) -> None:
    session = make(seconds=5)
    session.run("x = 1")
    output = session.run(code)
    assert output.limit or output.error
    assert value(session, "x") == "1"


def test_a_forged_end_of_an_action_costs_the_variables_only(make: Make) -> None:
    session = make()
    session.run("x = 1")
    forged = struct.pack("!cI", b"d", 2) + b"{}"
    assert session.run(TO_ALL_FILES.format(repr(forged))).limit is not None
    assert value(session, "1 + 1") == "2"


def test_code_does_not_run_on_after_its_action(make: Make) -> None:
    session = make(seconds=5)
    forged = struct.pack("!cI", b"d", 2) + b"{}" + struct.pack("!cI", b"s", 12) + b'{"lost": []}'
    go_on = "\nimport time\nwhile True: time.clock_gettime(0)"
    session.run("x = 1")
    session.run(TO_ALL_FILES.format(repr(forged)) + go_on)
    process = psutil.Process(session._process.number)  # type: ignore[attr-defined]
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, "the code runs on")
    session.run("x")
    assert value(make(), "1 + 1") == "2"


def test_a_forged_call_is_checked_like_any_other(make: Make, robot: Any) -> None:
    session = make()
    session.run("x = 1")
    call = b'{"name": "begin", "args": [], "kwargs": {}, "line": null}'
    session.run(TO_ALL_FILES.format(repr(struct.pack("!cI", b"c", len(call)) + call)))
    assert robot.steps == []
    session.run("the answer to a call that nobody made")
    session.run("1")
    assert value(session, "1 + 1") == "2"


def test_variables_move_to_another_session(make: Make) -> None:
    session = make()
    session.run(
        "import math as m\n"
        "x = [1]\n"
        "class Box:\n    def __init__(self, held): self.held = held\n"
        "box = Box(x)\n"
        "switch = on\n"
        "def total(y):\n    return m.floor(sum(x) + y)"
    )
    other = make(check=True)
    other.load(session.dump())
    assert value(other, "total(2.5), box.held is x, switch is on") == "(3, True, True)"
    assert value(other, "x = [10]\ntotal(0)") == "10", "functions share the session's names"
    error = other.run("total('a')").error
    assert error is not None
    assert (error.type, error.line) == ("TypeError", 8)


def test_random_numbers_go_on_where_they_were(make: Make) -> None:
    session = make(seed=1)
    session.run("import random\nrandom.random()")
    other = make(seed=2)
    other.load(session.dump())
    code = "import random\nrandom.random()"
    assert value(session, code) == value(other, code)


@pytest.mark.parametrize("cut", [0, 10, 60, -5])
def test_a_damaged_state_is_refused(make: Make, cut: int) -> None:
    session = make()
    session.run("x = 1")
    with pytest.raises(DataError):
        session.load(session.dump()[:cut])
    assert value(session, "x") == "1", "the session goes on with what it had"


def test_a_hostile_state_runs_in_the_confined_process_only(make: Make, tmp_path: Path) -> None:
    session = make()
    header = session.dump()
    state = header + f"cos\nsystem\n(S'touch {tmp_path}/escaped'\ntR.".encode()
    with pytest.raises(DataError):
        session.load(state)
    assert list(tmp_path.iterdir()) == []
    assert value(session, "1 + 1") == "2"


def test_what_cannot_be_kept_is_named(make: Make) -> None:
    session = make(seconds=0.5)
    session.run("x = 1\nlines = (n for n in [1])\nbig = 'a' * 10_000_000")
    assert value(session, "x, next(lines), len(big)") == "(1, 1, 10000000)"
    output = session.run("while True: pass")
    assert output.limit is not None
    assert output.limit.startswith("the code used up 0.5 seconds")
    assert "big, lines" in output.limit
    assert value(session, "x") == "1"


def test_a_value_that_hangs_while_it_is_kept_harms_nobody(make: Make) -> None:
    session = make()
    session.run("class Slow:\n    def __reduce__(self):\n        while True: pass\nslow = Slow()")
    assert value(session, "type(slow).__name__") == "'Slow'"


def test_what_is_printed_while_variables_are_kept_is_dropped(make: Make) -> None:
    session = make()
    code = (
        "class Loud:\n"
        "    def __reduce__(self):\n"
        "        print('kept')\n"
        "        on('left 1')\n"
        "        return (int, ())\n"
        "loud = Loud()\nx = 1"
    )
    output = session.run(code)
    assert (output.stdout, output.calls, output.limit) == ("", [], None)
    assert value(session, "x") == "1"


@needs("matplotlib")
def test_figures_are_attachments(session: Session) -> None:
    output = session.run(
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\n"
        "plt.show()\n"
        "plt.figure()\n"
        "plt.plot([2, 1])\n"
        "x = plt.gca()"
    )
    assert output.stdout == ""
    assert [(a.name, a.media_type) for a in output.attachments] == [
        ("figure-1.png", "image/png"),
        ("figure-2.png", "image/png"),
    ]
    assert all(a.data.startswith(b"\x89PNG") for a in output.attachments)
    assert session.run("plt.get_fignums()").attachments == ()


def test_picture_files_are_attachments_when_they_are_new(session: Session) -> None:
    code = (
        "open('a <b>.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n1')\n"
        "open('no.png', 'wb').write(b'no picture')\n"
        "open('text.txt', 'w').write('text')\n"
    )
    attachments = session.run(code).attachments
    assert [(a.name, a.media_type) for a in attachments] == [("a-b-.png", "image/png")]
    assert session.run("1").attachments == ()


def test_attachments_are_few_and_small(session: Session) -> None:
    code = (
        "for i in range(12): open(f'{i}.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n%d' % i)\n"
        "open('big.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(3_000_000))\n"
    )
    output = session.run(code)
    assert len(output.attachments) == 8
    assert "left out" in output.stdout


def test_threads_share_a_zygote(interpreters: Interpreters, task: Any) -> None:
    results: list[str | None] = []

    def play(number: int) -> None:
        robot = Switcher(LightSwitch())
        robot.begin(robot.environment.reset(task), max_steps=50)
        with interpreters.session("full", robot) as session:
            session.run(f"x = {number}")
            session.run("on('left 1')")
            results.append(session.run("x").value)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == [str(number) for number in range(8)]


def test_a_session_outlives_the_thread_that_started_it(make: Make) -> None:
    session = make()
    thread = threading.Thread(target=session.run, args=("x = 1",))
    thread.start()
    thread.join()
    assert value(session, "x") == "1"


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(what)


def test_sessions_survive_the_death_of_the_zygote(robot: Any) -> None:
    before = set(psutil.Process().children())
    with Interpreters() as interpreters, interpreters.session("full", robot) as session:
        session.run("x = 1")
        value(session, "x")
        (zygote,) = set(psutil.Process().children()) - before
        (child,) = zygote.children()
        assert zygote.num_threads() == 1, "what forks must have no threads"
        zygote.kill()
        wait_until(lambda: gone(child), "the session's process outlived the zygote")
        with pytest.raises(InfrastructureError):
            session.run("x")
        assert value(session, "x") == "1"


def test_nothing_is_left_after_closing(
    robot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def traces() -> tuple[int, int, int]:
        files = len(list(Path("/proc/self/fd").iterdir()))
        return len(psutil.Process().children()), threading.active_count(), files

    def use() -> None:
        with Interpreters() as interpreters:
            with interpreters.session("full", robot, Limits(seconds=0.5)) as session:
                session.run("import os\nos.makedirs('b/c/d')\nos.mkdir('b/e', 0)\nopen('f', 'w')")
                session.run("while True: pass")
            interpreters.session("full", robot).run("never_closed = True")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    use()
    before = traces()
    use()
    assert traces() == before
    assert list(tmp_path.iterdir()) == []


HOST = """
import os, signal, sys, threading, time
sys.path.insert(0, {root!r})
import psutil
from tests.conftest import LightSwitch, Switcher
from embodied.interpreter import Interpreters
robot = Switcher(LightSwitch())
robot.begin(robot.environment.reset(LightSwitch.list_tasks()[0]), max_steps=50)
session = Interpreters().session("full", robot)
session.run("x = 1")
zygote, = psutil.Process().children()
child, = zygote.children()
print(zygote.pid, child.pid, session._zygote._base, flush=True)
threading.Thread(target=session.run, args=({code!r},), daemon=True).start()
time.sleep(1)
os.kill(os.getpid(), signal.{signal})
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
@pytest.mark.parametrize("code", ["while True: pass", "x = 2"])
def test_everything_dies_with_the_host(how: str, code: str) -> None:
    script = HOST.format(root=str(ROOT), code=code, signal=how)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    zygote, child, folder = done.stdout.split()
    for pid in (zygote, child):
        wait_until(
            lambda pid=pid: not psutil.pid_exists(int(pid)) or gone(psutil.Process(int(pid))),
            f"the process {pid} outlived its host",
        )
    wait_until(lambda: not Path(folder).exists(), "the folder outlived the host")
