"""Python that Monty lacks: rewritten to mean what it means in CPython, or refused with advice."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied import action, make_interpreter
from embodied.interpreter import Session
from embodied.interpreter.monty.polyfills import iterators as our_iterators
from embodied.interpreter.monty.polyfills import objects as our_objects
from embodied.interpreter.monty.rewrite import UnsupportedError, rewrite
from embodied.interpreter.monty.subset.surface import IMPORTABLE
from embodied.interpreter.parsed_code import ParsedCode
from embodied.interpreter.source_edits import OverlapError, SourceEdits
from embodied.limits import Limits
from tests.conftest import LightSwitch, Switcher


class Robot(Switcher):
    @action
    def echo(self, value: Any) -> Any:
        """Give a value back."""
        return value


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """One session for many snippets, so these must not depend on each other."""
    robot = Robot(LightSwitch())
    with make_interpreter("restricted", robot, Limits(calls=1000), check=False) as session:
        yield session


def of_cpython(code: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<code>", "exec"), {"echo": lambda value: value})
    return printed.getvalue()


SAME = r"""
print(next((x for x in [1, 2] if x > 5), None), next((x for x in [1, 2] if x > 1), None))
===
xs = [[1, 2], [3]]
print(any(y > 2 for x in xs for y in x), all(y for x in xs if x for y in x if y != 9))
print(next((y for x in xs for y in x if y > 1)), list((a, b) for a, b in zip("ab", [1, 2])))
===
print(any(x < 0 for x in [1, -1]), all(x < 0 for x in []), any((x for x in [0, 1])))
===
print(any(1 / x for x in [1, 0]), all(1 // x for x in [2, 0]))
===
seen = []
def note(x):
    seen.append(x)
    return x
print(any(note(x) for x in [0, 1, 2]), seen, all(note(x) > 1 for x in [2, 1, 5]), seen)
===
print(sum(x for x in range(4)), max((x for x in [3, 1]), default=0), {x for x in "aa"})
print(",".join(str(x) for x in range(3)), sorted(x for x in [2, 1]), sum((x for x in [1]), 5))
===
x = []
x += (i for i in [1, 2])
x.extend(i for i in [3])
print(x)
===
for args in ([1], [1, 2]), ([1, 2], [1]), ([], [1]):
    try:
        print(list(zip(*args, strict=True)))
        for pair in zip(*args, strict=True):
            print(pair)
    except ValueError as error:
        print("unequal")
===
for a, b in zip(*[[1, 2], [3, 4]]):
    print(a, b)
for i, (a, b) in enumerate(zip([1, 2], [3, 4])):
    print(i, a, b)
print([(i, x) for i, x in enumerate("ab")], list(enumerate(reversed([1, 2]))))
===
def key(x):
    return -x
print(sorted([1, 2, 3], key=key), max([1, 2], key=key), min(1, 2, key=key))
xs = [1, 3, 2]
print(xs.sort(key=key), xs)
xs.sort(key=key, reverse=True)
print(xs, max([], key=key, default="none"), sorted([(1, "b"), (1, "a")], key=lambda p: p[0]))
===
for empty in (lambda: max([], key=abs), lambda: min([], key=abs)):
    try:
        empty()
    except ValueError as error:
        print("empty")
===
d = {"a": 3, "b": 1}
print(sorted(d, key=d.get), max(d, key=d.get), min(d, key=d.get))
print(f"{max(d, key=d.get)} {any(v > 1 for v in d.values())!r:>6}")
===
print([w for w in map(str.strip, [" a "])], sorted(["b", "A"], key=str.lower))
print(list(map(" ".join, [["a", "b"]])), list(filter(str.isdigit, "a1")))
===
class Box:
    def __init__(self):
        self.items = [1]
        self.count = 3
    def get(self):
        return 7
    def copy(self, x):
        return x
box = Box()
box.items.append(2)
g = box.get
print(box.items, box.count, g(), list(map(box.copy, [1])))
===
d = {"a": [1, 2, 3]}
del d["a"][0]
del d["a"][-1], d["a"][0]
del d["a"]
print(d)
===
xs = list(range(10))
start = 1
del xs[2:5]; del xs[-1:]
del xs[start:]
print(xs)
d = {(1, 2): 3}
del d[1, 2]
print(d)
===
for container, key in ([1], 5), ({}, "x"), ([1], "a"), ((1,), 0):
    try:
        del container[key]
    except (IndexError, KeyError, TypeError) as error:
        print(type(error).__name__)
===
x = 5
y = 6
if True:
    del x, y
try:
    x
except NameError as error:
    print(error)
===
class Shelf:
    def __delitem__(self, key):
        print("del", key)
shelf = Shelf()
del shelf[1], shelf["a"]
===
class A(object):
    def name(self):
        return self.__class__.__name__
print(A().name())
===
try:
    raise EOFError("x")
except EOFError as error:
    print("caught", error)
===
xs = [1, 2, 3, 4]
for i, x in enumerate(xs):
    xs.remove(x)
print(xs)
===
xs = [1, 2, 3, 4, 5]
for a, b in zip(xs, xs):
    xs.remove(a)
print(xs)
===
m = map(str, [1, 2])
f = filter(None, [0, 1])
z = zip("ab", (1, 2))
e = enumerate("ab", start=1)
print(list(m), list(m), next(f), next(f, "e"), next(z), dict(z), next(e), list(e))
===
print(next(filter(lambda x: x > 1, [1, 2, 3]), None), list(map(lambda a, b: a + b, [1], [2])))
print([*map(str, [1, 2])], *map(str, [3]), sorted(zip("ba", [1, 2])), dict(enumerate("ab")))
===
calls = []
m = map(calls.append, [1, 2])
print(calls, next(m), calls)
===
sorted = lambda xs, key=None: "mine"
any = lambda *args: "mine"
print(sorted([1], key=len), any([1]))
===
while any(x < 3
          for x in [1]):  # a comment with for and if
    break
print([y for y in [1] if any(z == y
    for z in [1, 2]  # for x in y if z
    if z)])
===
x = 5
print(any(any(x == y for y in [1, 2] if y > 1) for x in (3, 2)), x)
print(next(([x, y] for x in [1, 2] for y in [x, 9] if y > 2), None))
print(all(x for xs in [[1], [2, 0], [5 / 0]] for x in xs) if False else "not run")
===
try:
    next(x for x in [])
except StopIteration:
    print("stopped")
===
seen = []
def note(x):
    seen.append(x)
    return x
print(next(note(x) + note(y) for x in [1, 2] if note(x) for y in [3, 4]), seen)
print(any(note(x) > 1 for x in iter([1, 2, 3])), seen)
""".strip("\n").split("\n===\n")

BEYOND = r"""
g = (x * 2 for x in range(4) if x != 1)
print(next(g), list(g), next(g, "end"), list(g), type(g).__name__)
===
g = ((k, v) for k, (v, w) in {"a": (1, 2)}.items() if v if w)
print(next(g), next(g, "end"))
===
log = []
for x in (log.append(y) or y for y in [1, 2]):
    log.append("body")
print(log)
===
def numbers():
    return (x for x in [1, 2])
for v in numbers():
    print(v)
===
a, b = (x * 2 for x in [1, 2])
print(a, b, 2 in (x for x in [1, 2]), [*(x for x in [1])], *(x for x in [1, 2]))
===
d = {"a": 3, "b": 1}
f = d.get
print(sorted(d, key=d.get), max(d, key=d.get), min(d, key=d.get), f("a"), f("z", 0))
print(f"{max(d, key=d.get)} {any(v > 1 for v in d.values())!r:>6}")
===
xs = []
add = xs.append
add(1)
up = "abc".upper
table = {"up": up, "find": "abc".find}
print(xs, up(), table["find"]("c"), [w for w in map(str.strip, [" a "])])
print(list(map(" ".join, [["a", "b"]])), sorted(["b", "A"], key=str.lower))
print(str.upper("a"), str.join(",", ["a"]), dict.get({"a": 1}, "a"))
print(list(filter(str.isdigit, "a1")))
===
xs = list(range(10))
start = 1
del xs[2:5]; del xs[::2]; del xs[-1:]
del xs[start:]
print(xs)
===
import re
print(re.sub(r"(\d+)", lambda m: str(int(m[1]) * 2), "a1b22", count=1))
print(re.compile("a").sub(lambda m: "X", "aba"), re.subn("a", "b", "aaa", 2))
print(re.sub("x+", lambda m: "-", "abxd"), re.sub("B", "c", "ab", count=0, flags=re.I))
def double(m):
    return m.group() * 2
print(re.sub(pattern="[ab]", repl=double, string="abc"), re.compile("b").subn(double, "abb"))
===
print((2.0).is_integer(), (2.5).is_integer(), float("inf").is_integer(), float("nan").is_integer())
print((7).bit_length(), (0).bit_length(), (-7).bit_count(), (-8).bit_length())
===
print("x {a}".format_map({"a": 1}), "abc".translate(str.maketrans("ab", "xy", "c")))
print("abc".translate({ord("a"): None, ord("b"): "ZZ"}), "abc".translate(str.maketrans({"a": "1"})))
===
s = {1, 2, 3}
s.intersection_update({1, 2}, [1, 2])
s.difference_update([1])
s.symmetric_difference_update({5})
print(sorted(s))
===
class Callable:
    def __call__(self):
        return 1
print([callable(x) for x in (print, 5, lambda: 1, int, Callable(), Callable, "a".upper)])
print(ascii("é☃𝄞a"))
===
a, b = object(), object()
print(a == a, a == b, a is not b)
===
class A(object):
    def name(self):
        return self.__class__.__name__
print(A().name(), [].__class__, "a".__class__.__name__)
try:
    1 / 0
except ZeroDivisionError as error:
    print(error.__class__.__name__)
===
try:
    raise ConnectionError("y")
except ConnectionError as error:
    print("caught", error)
===
xs = [1, 2, 3, 4, 5]
for x in reversed(xs):
    xs.remove(x)
print(xs)
===
r = reversed([1, 2])
print(next(r), list(r))
===
import heapq as hq, math, string
from statistics import mean, stdev as sd
h = [5, 2, 8]
hq.heapify(h)
hq.heappush(h, 1)
print(h, hq.heappop(h), math.pi, string.digits, mean([1, 2]), sd([1, 2, 4]), hq.nlargest(2, h))
===
from operator import itemgetter, attrgetter
import operator
print(sorted([(1, 2), (0, 3)], key=itemgetter(1)), operator.add(1, 2), itemgetter(0, 1)("ab"))
===
import contextlib
with contextlib.suppress(KeyError, ValueError):
    {}["a"]
    print("not here")
with contextlib.nullcontext(3) as three:
    print(three)
===
import textwrap
print(textwrap.dedent("  a\n    b\n"), textwrap.indent("a\nb", "> "))
""".strip("\n").split("\n===\n")
"""What only the full interpreter runs."""


@pytest.mark.parametrize("code", SAME)
def test_rewritten_code_does_what_cpython_does(code: str) -> None:
    with make_interpreter("restricted", Robot(LightSwitch()), check=False) as session:
        output = session.run(code)
    assert (output.error, output.limit) == (None, None)
    assert output.stdout == of_cpython(code)


@pytest.mark.parametrize("code", BEYOND)
def test_what_goes_beyond_is_refused_and_never_means_something_else(code: str) -> None:
    with make_interpreter("restricted", Robot(LightSwitch()), check=False) as session:
        output = session.run(code)
    assert output.unsupported
    assert output.error is not None
    assert "monty" not in output.error.message.lower()


@pytest.mark.parametrize("code", SAME)
def test_lines_stay_where_they_are(code: str) -> None:
    rewritten = rewrite(ParsedCode.parse(code), frozenset())
    assert rewritten.source.text.count("\n") == code.count("\n")
    with make_interpreter("restricted", Robot(LightSwitch()), check=False) as session:
        error = session.run(f"{code}\nthere_is_no_such_name").error
    assert error is not None
    assert error.line == code.count("\n") + 2
    assert error.column == 1


REFUSED = [
    ("x = 1\ndef f():\n    yield 1", "NotImplementedError", 3, "build a list and return it"),
    ("def f():\n    yield from [1]", "NotImplementedError", 2, "build a list"),
    ("class A: pass\nclass B(A): pass", "NotImplementedError", 2, "without a base"),
    ("class E(Exception): pass", "NotImplementedError", 1, "built-in exception"),
    ("import enum\nclass C(enum.Enum): pass", "NotImplementedError", 2, "constants"),
    ("class P(NamedTuple): pass", "NotImplementedError", 1, "namedtuple"),
    ("class A(metaclass=M): pass", "NotImplementedError", 1, "metaclass"),
    ("class A:\n    @property\n    def x(self): pass", "NotImplementedError", 2, "method"),
    ("class A:\n    @staticmethod\n    def x(): pass", "NotImplementedError", 2, "function"),
    ("class A:\n    def __lt__(self, o): pass", "NotImplementedError", 2, "key function"),
    ("class A:\n    def __bool__(self): pass", "NotImplementedError", 2, "plain method"),
    ("from math import *", "NotImplementedError", 1, "name what you import"),
    ("try: pass\nexcept* ValueError: pass", "NotImplementedError", 1, "write except"),
    ("if 1:\n    return 5", "SyntaxError", 2, "outside function"),
    ("def g():\n    x = await f()", "SyntaxError", 2, "outside async function"),
    ("def f():\n    x = 1\n    del x", "NotImplementedError", 3, "leave it out"),
    ("d = {1: 2}\ndel (d[1])", "NotImplementedError", 2, "one `del` for each"),
    ("del a.b", "NotImplementedError", 1, "assign None"),
    ("any((y := x) for x in [1])", "NotImplementedError", 1, "for loop"),
    ("g = (lambda: x for x in [1])", "NotImplementedError", 1, "for loop"),
    ("xs = [1]\ndel xs[::2]", "NotImplementedError", 2, "new list"),
    ("globals()", "NotImplementedError", 1, "variables or in a dictionary"),
    ("len(vars())", "NotImplementedError", 1, "name the attributes"),
    ("raise ValueError(5)", "NotImplementedError", 1, "one text"),
    ("raise ValueError('a', 5)", "NotImplementedError", 1, "one text"),
    ("for x in map(echo, [1]): pass", "NotImplementedError", 1, "in a for loop"),
    ("sorted([2, 1], key=echo)", "NotImplementedError", 1, "in a for loop"),
    ("from contextlib import suppress", "ModuleNotFoundError", 1, "write try and except"),
    ("import statistics", "ModuleNotFoundError", 1, "sum, sorted and len"),
    ("f = [].append", "NotImplementedError", 1, "cannot be kept as values"),
    ("'a'.translate({})", "NotImplementedError", 1, "in another way"),
    ("class A:\n    x = any(y for y in [1])", "NotImplementedError", 2, "for loop"),
]


@pytest.mark.parametrize(("code", "kind", "line", "advice"), REFUSED)
def test_what_cannot_be_rewritten_is_refused_with_advice(
    session: Session, code: str, kind: str, line: int, advice: str
) -> None:
    output = session.run(f"{code}")
    assert output.error is not None
    assert (output.error.type, output.error.line) == (kind, line)
    assert advice in output.error.message
    assert not output.parsed
    assert output.error.column is not None


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("object()", "TypeError", "a class of your own"),
        ("re = 5\nimport re\nre.sub('a', echo, 'a')", "TypeError", "re.finditer()"),
        ("exit()", "SystemExit", ""),
        ("'a'.no_such_method", "AttributeError", "no_such_method"),
    ],
)
def test_what_is_met_when_it_is_reached(session: Session, code: str, kind: str, words: str) -> None:
    output = session.run(f"print('before')\n{code}")
    assert output.stdout == "before\n"
    assert output.error is not None
    assert (output.error.type, output.error.line) == (kind, code.count("\n") + 2)
    assert words in output.error.message
    assert output.parsed


@pytest.mark.parametrize(
    "code",
    [
        "print(any(x for x in 5))",
        "del {}[[]]",
        "d = {}\nmax([1, 2], key=d.update)",
        "import math\nmath.nothing",
        "(x for x in [1]).nothing",
        "map(1)",
        "map(1, 2)",
        "callable()",
        "zip(1)",
        "enumerate()",
        "re.sub(1, print, 3)",
        "'a'.translate(5)",
        "[].append.nothing",
        "callables",
        "_polyfill_iterators_nothing",
    ],
)
def test_errors_never_name_what_the_policy_did_not_write(session: Session, code: str) -> None:
    output = session.run(code)
    assert output.error is not None
    assert "polyfill" not in output.error.message
    assert "monty" not in output.error.message.lower()
    assert "polyfill" not in output.stdout
    assert output.error.line is not None


def test_robots_may_be_called_where_python_ends_early(session: Session) -> None:
    for code in (
        "any(echo(x) for x in [0, 1, 2])",
        "all(echo(x) for x in [1, 0, 2])",
        "next((x for x in [0, 1, 2] if echo(x)), None)",
        "sum(echo(x) for x in [1, 2])",
        "next(echo(y) for x in [1] for y in [echo(x), 2])",
    ):
        output = session.run(code)
        assert output.error is None, code
        assert len(output.calls) == 2, code


def test_what_needs_no_change_is_not_changed() -> None:
    code = (
        "for i, x in enumerate(['a', 'b']):\n    print(i, x.upper(), f'{x!r:>5}')\n"
        "xs = sorted(set(xs), key=len) + list(zip(a, b)) + [y for y in ys]\n"
        "print(', '.join(str(x) for x in xs), max(xs, key=lambda x: x.size), d.get('a'))\n"
        "class A:\n    def __init__(self):\n        self.x = 1\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('a') from e\n"
        "import math, json\nfrom collections import Counter, deque\n"
    )
    rewritten = rewrite(ParsedCode.parse(code), frozenset())
    assert rewritten.source.text == code
    assert rewritten.needs == ()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("1, 2", "G((1, 2))"),
        ("x = 1; (go(a)); ", "x = 1; (G((go(a)))); "),
        ("go(\n  a,  # text\n)", "G((go(\n  a,  # text\n)))"),
        ("if x: 5", "if x: 5"),
        ("x = 5", "x = 5"),
    ],
)
def test_a_last_expression_is_sent_as_text(code: str, expected: str) -> None:
    rewritten = rewrite(ParsedCode.parse(code), {"go"}, show=True)
    assert rewritten.source.text.replace("_polyfill_shown", "G") == expected


def test_names_that_are_bound_are_not_the_builtin_ones() -> None:
    code = "any([f(x) for x in xs])\nexit(xs)\nmap(f, xs)"
    bound = frozenset({"any", "exit", "map"})
    assert rewrite(ParsedCode.parse(code), bound).source.text == code


def test_a_builtin_that_an_earlier_action_replaced_stays_replaced() -> None:
    with make_interpreter("restricted", Robot(LightSwitch()), check=False) as session:
        session.run("def any(x):\n    return 'mine'\nlen = type = next = iter = list = bool = None")
        assert session.run("any([1])").value == "'mine'"
        assert session.run("all(x for x in [1])").value == "True"


@pytest.mark.parametrize("module", sorted(IMPORTABLE))
def test_every_module_that_is_offered_can_be_imported(session: Session, module: str) -> None:
    assert session.run(f"import {module}").error is None


# Changes to text


def test_columns_are_found_again() -> None:
    source = SourceEdits("é = aa + bbb\ncc")
    source.replace(5, 7, "xyz")
    source.insert_before(10, "f(")
    source.insert_after(13, ")")
    edited = source.edited()
    assert edited.text == "é = xyz + f(bbb)\ncc"
    assert [edited.column(1, column) for column in (1, 5, 9, 13, 15)] == [1, 5, 8, 10, 12]
    assert edited.column(2, 2) == 2


def test_changes_that_overlap_are_refused() -> None:
    source = SourceEdits("abcdef")
    source.replace(0, 3, "x")
    source.replace(2, 4, "y")
    with pytest.raises(OverlapError):
        source.edited()


@settings(max_examples=200)
@given(st.text(alphabet="abx =(),.:[]'\"{}\n#forindelyg0", max_size=60))
def test_any_code_is_rewritten_or_refused(code: str) -> None:
    try:
        parsed = ParsedCode.parse(code)
    except SyntaxError:
        return
    try:
        rewritten = rewrite(parsed, frozenset())
    except UnsupportedError as refused:
        assert refused.record.message
        return
    assert rewritten.source.text.count("\n") == code.count("\n")


# Polyfills against CPython

NUMBERS = st.lists(st.integers(-50, 50), max_size=12)
OFTEN = settings(max_examples=150)


@OFTEN
@given(st.lists(NUMBERS, max_size=4), st.integers(-30, 30))
def test_generators_that_end_early(lists: list[list[int]], bound: int) -> None:
    def run(keep: Any, until: Any) -> None:
        for numbers in until(lists):
            for number in until(numbers):
                asked.append(number)
                keep(number > bound)

    def lazily() -> Iterator[bool]:
        for numbers in lists:
            for number in numbers:
                asked.append(number)
                yield number > bound

    for ours, theirs in (
        (our_iterators.any_of, any),
        (our_iterators.all_of, all),
        (lambda run: our_iterators.next_of(run, None), lambda items: next(items, None)),
    ):
        asked: list[int] = []
        result, asked_by_ours = ours(run), list(asked)
        asked.clear()
        assert theirs(lazily()) == result
        assert asked == asked_by_ours


@OFTEN
@given(NUMBERS, st.integers(-15, 15))
def test_deleting(items: list[int], key: int) -> None:
    ours, theirs = list(items), list(items)
    try:
        del theirs[key]
    except IndexError as error:
        with pytest.raises(IndexError, match=str(error)):
            our_objects.delete(ours, key)
    else:
        our_objects.delete(ours, key)
    assert ours == theirs
