"""The restricted interpreter does what CPython does, or refuses a plan before anything moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embodied.interpreter import Interpreters, Output, Session
from embodied.limits import Limits
from tests.conftest import LightSwitch
from tests.interpreter.plans import Household, draw, of_cpython

LIMITS = Limits(calls=10_000, output_characters=10_000_000)


@pytest.fixture(scope="module")
def interpreters() -> Iterator[Interpreters]:
    with Interpreters() as interpreters:
        yield interpreters


def run(interpreters: Interpreters, name: str, *codes: str) -> Output:
    """Run actions, one after another; the output of the last."""
    robot = Household(LightSwitch())
    with interpreters.session(name, robot, LIMITS) as session:
        for code in codes[:-1]:
            session.run(code)
        return session.run(codes[-1])


def difference(interpreters: Interpreters, code: str) -> str | None:
    """Say how a plan differs from what CPython makes of it; None where it does not."""
    output = run(interpreters, "restricted", code)
    if not output.parsed:
        return "called and refused" if output.calls else None
    wanted = of_cpython(code, Household(LightSwitch()))
    calls = [(call.name, tuple(call.arguments.values())) for call in output.calls]
    error = output.error
    for ours, theirs in (
        (output.stdout, wanted.stdout),
        (calls, wanted.calls),
        (error and error.type, wanted.error),
        (error and (error.line or wanted.line), wanted.line),
    ):
        if ours != theirs:
            return f"{code}\n\n{ours!r}\nand not\n{theirs!r}"
    return None


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_plans_do_what_cpython_does(interpreters: Interpreters, first: int) -> None:
    found = [difference(interpreters, draw(seed)) for seed in range(first, first + 100)]
    assert not any(found), next(filter(None, found))


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 20_000, 1000))
def test_many_plans_do_what_cpython_does(interpreters: Interpreters, first: int) -> None:
    found = [difference(interpreters, draw(seed)) for seed in range(first, first + 1000)]
    assert not any(found), next(filter(None, found))


def test_most_plans_run_in_the_restricted_interpreter(interpreters: Interpreters) -> None:
    outputs = [run(interpreters, "restricted", draw(seed)) for seed in range(100)]
    assert sum(output.parsed for output in outputs) > 60


PLACES = "places = ['bed 1', 'desk 1', 'safe 1']\n"
LAZY = [
    "for seen in (goto(p) for p in places):\n    print(seen)\n    goto('shop')",
    "for seen in map(goto, places):\n    print(seen)\n    look()",
    "for p, seen in zip(places, map(goto, places)):\n    print(p, seen)\n    look()",
    "for i, seen in enumerate(map(goto, places)):\n    print(i, seen)\n    look()",
    "for i, seen in enumerate(goto(p) for p in places):\n    print(i, seen)\n    look()",
    "for p in filter(lambda p: 'mug' in goto(p), places):\n    print(p)\n    look()",
    "print(dict(zip(places, map(goto, places))))",
    "print(any(map(lambda p: 'mug' in goto(p), places)))",
    "seen = map(goto, places)\nlook()\nprint(next(seen))",
    "print(sorted(places, key=lambda p: len(goto(p))))",
    "def size(p):\n    return len(goto(p))\nprint(max(places, key=size))",
    "visits = lambda p: goto(p)\nprint(list(map(visits, places)))",
    "from collections import defaultdict\nd = defaultdict(look)\nprint(d['a'])",
    "class A:\n    def __repr__(self):\n        return goto('shop')\nprint(A())",
    "def each():\n    for p in places:\n        yield goto(p)\nfor seen in each():\n    look()",
]


@pytest.mark.parametrize("code", LAZY)
def test_what_computes_when_it_is_asked_calls_in_the_same_order(
    interpreters: Interpreters, code: str
) -> None:
    pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    refused = run(interpreters, "restricted", PLACES + f"goto('bed 1')\n{code}")
    assert (refused.parsed, refused.unsupported, refused.calls) == (False, True, [])
    wanted = of_cpython(PLACES + code, Household(LightSwitch()))
    output = run(interpreters, "auto", PLACES + code)
    assert output.error is None
    assert output.interpreter == "full"
    assert output.stdout == wanted.stdout
    assert [call.name for call in output.calls] == [name for name, _ in wanted.calls]


def test_functions_of_an_earlier_action_are_known_to_call_the_robot(
    interpreters: Interpreters,
) -> None:
    first = "def size(p):\n    return len(goto(p))"
    output = run(interpreters, "restricted", first, f"{PLACES}look()\nmax(places, key=size)")
    assert (output.parsed, output.unsupported, output.calls) == (False, True, [])


BEYOND = [
    "import collections\ncollections.OrderedDict()",
    "from collections import ChainMap",
    "from collections.abc import Iterable",
    "import re\nre.findall('a b', 'ab', re.DEBUG)",
    "import re\nre.search('(a)(b)?', 'a').groups('-')",
    "import re\nre.search('(?P<n>a)', 'a').groupdict('-')",
    "import re\ngroups = 5\nre.search('(a)(b)?', 'a').groups('-')",
    "import re\nre.search('(?P<n>a)', 'a').span('n')",
    "import re\nprint(re.search('a', 'a'))",
    "import re\nm = re.search('a', 'a')\nprint(f'{m}')",
    "import re\nre.subn('a', 'b', 'aa')",
    "import re\nre.sub('a', lambda m: 'b', 'a')",
    "import re\nre.sub('(a)', r'\\2', 'a')",
    "import re\nre.findall('a*', 'baa')",
    "import re\nre.search(r'(\\w)\\1', 'aa')",
    "import re\nf = re.search",
    "from re import search",
    "import json\njson.dumps({1, 2}, default=sorted)",
    "import json\njson.loads('{}', object_hook=print)",
    "import heapq",
    "import statistics",
    "{1, 2}.union([3], [4])",
    "xs = []\nadd = xs.append",
    "hasattr([], 'append')",
    "print('a', file=None)",
    "{True: 1, 1: 2}",
    "a, b = 1, 1.0\n{a: 1, b: 2}",
    "raise ValueError('a', 1)",
    "try:\n    raise ConnectionError\nexcept ConnectionError:\n    pass",
    "open('notes', 'w')",
    "eval('1 + 1')",
    "(5).__add__(2)",
    "text = '{:>5}'\ntext.format('a')",
]


@pytest.mark.parametrize("code", BEYOND)
def test_what_means_something_else_is_refused_before_anything_moves(
    interpreters: Interpreters, code: str
) -> None:
    output = run(interpreters, "restricted", f"look()\n{code}")
    assert (output.parsed, output.unsupported, output.calls) == (False, True, [])
    assert output.error is not None
    assert output.error.line is not None


EQUAL = [
    r"print(re.search(r'you see (.+)\.$', 'In it, you see a key 1.\n')[1])",
    r"print(re.findall(r'a\Z', 'a\n'), re.findall(r'a$', 'a\n'), re.findall(r'(?m)a$', 'a\na'))",
    r"print(re.findall('[a-z&&[^b]]', 'ab&]'), re.findall(r'\w+', '²½ x'))",
    r"print(re.findall('a  b # both', 'ab', re.VERBOSE), re.split(r'\s+', 'a\x1cb c'))",
    "p = 'key$'\nprint(re.findall(p, 'key\\n'), [re.search(p, k) is None for k in ('key', 'a')])",
    "p = re.compile('A', re.I)\nprint(p.findall('aA'), re.search(p, 'a').span())",
    "print(round(2.675, 2), round(1.005, 2), round(-0.5), round(1234, -2), round(2.5))",
    "print(round(float('inf'), 1), round(1e22, 3), round(7, 2), round(True, 1))",
    "d = {1: 'a'}\nd[1.0] = 'b'\nd[True] = 'c'\nprint(d)",
    "d = {(1, 2): 'a'}\nd[1.0, 2] = 'b'\nprint(d, dict([(1, 2), (1.0, 3)]))",
    "d = {'a': {1: 0}}\nd['a'][True] += 1\nprint(d)",
    "try:\n    print(f'{None:>5}')\nexcept TypeError:\n    print('no format')",
    "try:\n    print('{:>5}'.format([1]))\nexcept TypeError:\n    print('no format')",
    "try:\n    print(format({}, '5'))\nexcept TypeError:\n    print('no format')",
    "print('{} {:>5} {a:.2f}'.format([1], 'x', a=2.5), format([1], ''), f'{[1]}')",
    "xs = [1, 2, 3]\nfor i, x in enumerate(xs):\n    if i < 3: xs.append(x)\nprint(xs)",
    "xs = ys = [1, 2]\nfor a, b in zip(xs, 'abcd'):\n    if len(ys) < 4: ys.append(a)\nprint(xs)",
    "s = set()\nfor x in filter(lambda x: x not in s, [1, 1, 2]):\n    s.add(x)\n    print(x)",
    "for n in map(int, ['1', '2']):\n    print(n)\nprint(sum(len(x) for x in ['a', 'bc']))",
    "try:\n    for n in map(int, '1x'):\n        print(n)\nexcept ValueError:\n    print('x')",
    "try:\n    open('desk 1')\nexcept FileNotFoundError as e:\n    print(e)",
    "try:\n    import nothing_like_it\nexcept ImportError:\n    print('no module')",
]


@pytest.mark.parametrize("code", EQUAL)
def test_what_monty_computes_otherwise_is_made_equal(interpreters: Interpreters, code: str) -> None:
    code = f"import re\n{code}"
    output = run(interpreters, "restricted", code)
    assert (output.error, output.interpreter) == (None, "restricted")
    assert output.stdout == of_cpython(code, Household(LightSwitch())).stdout


def test_a_pattern_in_a_variable_is_never_read_otherwise(interpreters: Interpreters) -> None:
    output = run(interpreters, "restricted", "import re\np = 'a*'\nre.findall(p, 'baa')")
    assert output.unsupported
    assert output.error is not None
    assert output.error.type == "NotImplementedError"
    output = run(interpreters, "auto", "import re\np = 'a*'\nprint(re.findall(p, 'baa'))")
    assert output.stdout.endswith("['', 'aa', '']\n")


@pytest.fixture(params=["restricted", "full", "auto"])
def session(request: pytest.FixtureRequest, interpreters: Interpreters) -> Iterator[Session]:
    if request.param != "restricted":
        pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    with interpreters.session(request.param, Household(LightSwitch())) as session:
        yield session


def test_a_name_hides_an_action_only_while_it_is_bound(session: Session) -> None:
    assert session.run("look = look()").error is None
    output = session.run("look()")
    assert output.error is not None
    assert output.error.type == "TypeError"
    assert "`del look` brings it back" in output.error.message
    assert session.run("del look").error is None
    assert session.run("look()[:4]").value == "'-= W'"
    assert session.run("goto = 5\ndel goto\nlen(goto('bed 1'))").value == "83"


def test_an_action_that_came_back_is_not_left_behind(interpreters: Interpreters) -> None:
    pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    with interpreters.session("auto", Household(LightSwitch())) as session:
        session.run("look = 5\nx = 1")
        session.run("del look")
        output = session.run("import statistics\nlook()[:4]")
    assert (output.stdout, output.interpreter) == ("", "full")
    assert output.value == "'-= W'"


@pytest.mark.parametrize("line", ["from household import *", "import nothing_like_it"])
def test_a_module_that_is_not_there(session: Session, line: str) -> None:
    output = session.run(line)
    assert output.error is not None
    assert output.error.type == "ModuleNotFoundError"


def test_a_module_that_is_not_there_is_found_out_before_anything_moves(
    interpreters: Interpreters,
) -> None:
    output = run(interpreters, "restricted", "look()\nimport nothing_like_it")
    assert output.error is not None
    assert (output.error.type, output.error.line) == ("ModuleNotFoundError", 2)
    assert "there without an import" in output.error.message
    assert output.calls == []


@pytest.mark.parametrize(
    "code", ["!pip install numpy", "look()\n%matplotlib inline", "x = !ls", "%%bash\nls"]
)
def test_lines_for_a_shell_are_named_as_such(session: Session, code: str) -> None:
    output = session.run(code)
    assert output.error is not None
    assert output.error.type == "SyntaxError"
    assert "there is no shell and no notebook here" in output.error.message
    assert output.calls == []


def test_a_line_that_only_looks_like_one_for_a_notebook(session: Session) -> None:
    assert session.run("x = (7\n % 4)\nx").value == "3"


def test_a_file_is_not_there(session: Session) -> None:
    output = session.run("open('desk 1')")
    assert output.error is not None
    assert output.error.type == "FileNotFoundError"
