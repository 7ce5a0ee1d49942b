"""The check before a run refuses what must fail, and nothing else."""

from __future__ import annotations

import pytest

from embodied.interpreter.parsed_code import ParsedCode
from embodied.interpreter.static_check import StaticChecker
from embodied.trajectory import ErrorRecord
from tests.conftest import Switcher


def problem(*codes: str) -> ErrorRecord | None:
    """Find what is wrong in the last of some actions that run one after another."""
    checker = StaticChecker(Switcher.actions(), types=True)
    *before, last = codes
    for code in before:
        checker.ran(ParsedCode.parse(code).names)
    return checker.problem(ParsedCode.parse(last))


@pytest.mark.parametrize(
    ("code", "kind", "line", "column", "message"),
    [
        ("on('left 1')\non()", "TypeError", 2, 1, "missing a required argument: 'light'"),
        ("on('a', 'b')", "TypeError", 1, 1, "too many positional arguments"),
        ("on(lamp='a')", "TypeError", 1, 1, "light"),
        ("x = 1\nif x:\n    y = on(5)", "TypeError", 3, 9, "light cannot be 5"),
        ("print(onn('a'))", "NameError", 1, 7, "Did you mean: 'on'"),
        ("total = 1\nprint(totl)", "NameError", 2, 7, "Did you mean: 'total'"),
        ("print('ü', totl)", "NameError", 1, 12, "totl"),
        ("def both():\n    on('left 1')\n    onn('a')\nboth()", "NameError", 3, 5, "onn"),
        ("def a():\n    on()\ndef b():\n    a()\nb()", "TypeError", 2, 5, "light"),
        ("prnt('a')", "NameError", 1, 1, "Did you mean: 'print'"),
        ("wait(times='long')", "TypeError", 1, 1, "times cannot be 'long'"),
        ("wait(times=-1.5)", "TypeError", 1, 1, "times cannot be -1.5"),
    ],
)
def test_what_must_fail_is_found(
    code: str, kind: str, line: int, column: int, message: str
) -> None:
    found = problem(code)
    assert found is not None
    assert (found.type, found.line, found.column) == (kind, line, column)
    assert message in found.message


@pytest.mark.parametrize(
    "code",
    [
        "for light in ['left 1']:\n    print(on(light))",
        "on(*args)\nargs = ['left 1']",
        "on(**{'light': 'left 1'})",
        "def on(a, b): return a\non(1, 2)",
        "try:\n    on()\nexcept TypeError:\n    pass",
        "try:\n    print(unknown)\nexcept NameError:\n    unknown = 1",
        "try:\n    print(unknown)\nexcept (KeyError, Exception) as e:\n    print(e)",
        "try:\n    print(unknown)\nexcept:\n    pass",
        "print([n for n in range(3)], {k: v for k, v in {}.items()}, (lambda q: q)(1))",
        "with open('x') as f:\n    print(f)",
        "match 5:\n    case [a, *rest]: print(a, rest)\n    case {'k': v, **more}: print(v, more)\n"
        "    case int() as n: print(n)",
        "import os.path as p, json\nprint(p, json)",
        "from math import *\nprint(sin(1))",
        "exec('a = 1')\nprint(a)",
        "if (n := 3) > 2:\n    print(n)",
        "class A:\n    def f(self): return self\nprint(A().f())",
        "on(5 if later else 'left 1')\nlater = 1",
        "print(__name__, __builtins__, __spec__)",
        "def f(x: Optional[str], *r: Any) -> List[str]:\n    y: Foo = x\n    return y\nf('a')",
        "x: Foo = 3\nprint(x)",
        "def helper():\n    return later()",
        "def r():\n    return unknown()\ntry:\n    r()\nexcept NameError:\n    pass",
        "def r():\n    on()\ntry:\n    r()\nexcept TypeError:\n    pass",
        "from contextlib import suppress\nwith suppress(NameError):\n    unknown()",
        "import contextlib\nwith contextlib.suppress(TypeError):\n    on()",
        "try:\n    unknown()\nexcept* NameError:\n    pass",
        "if 'seen' not in dir():\n    seen = []\nprint(seen)",
        "class P:\n    place: Place\n    def go(self):\n        return elsewhere(self)",
        "key = lambda item: item[weight]",
        "def a():\n    def b():\n        nonlocal n\n        n += 1\n    n = 0\n    b()\na()",
    ],
)
def test_what_may_run_is_left_alone(code: str) -> None:
    assert problem(code) is None


def test_names_of_earlier_actions_count() -> None:
    assert problem("def find(x): return x", "print(find(1))") is None
    assert problem("a = 1", "print(b)") is not None


def test_a_handler_checks_its_own_body() -> None:
    found = problem("try:\n    on('left 1')\nexcept Exception:\n    on()")
    assert found is not None
    assert found.line == 4
