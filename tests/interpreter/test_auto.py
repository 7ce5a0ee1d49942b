"""An episode moves to the full interpreter when its code needs it, with what it holds."""

from __future__ import annotations

import pytest

from embodied import make_interpreter
from embodied.errors import DataError
from tests.conftest import Switcher

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


def test_variables_and_functions_move_along(robot: Switcher) -> None:
    with make_interpreter("auto", robot) as session:
        assert session.run(BEFORE).error is None
        output = session.run(
            "import numpy as np\nprint(np.arange(3).sum(), places, scaled(1), nothing)"
        )
        assert output.error is None
        note, text = output.stdout.splitlines()
        assert text == "3 ['left 1', ('a', 2), {'k': {1, 2}}] 6 None"
        assert "left behind: looks, odd" in note
        assert session.run("int(np.ones(2).sum())").value == "2"
        assert len(robot.steps) == 1


def test_it_stays_restricted_while_it_can(robot: Switcher) -> None:
    with make_interpreter("auto", robot) as session:
        output = session.run("import re, json\nprint(re.findall('a', 'banana'))")
        assert output.stdout == "['a', 'a', 'a']\n"
        missing = session.run("import there_is_no_such_module")
        assert missing.error is not None
        assert missing.error.type == "ModuleNotFoundError"


@pytest.mark.parametrize("first", ["x = 5", "import numpy\nx = 5"])
def test_dump_and_load(robot: Switcher, first: str) -> None:
    with make_interpreter("auto", robot) as session, make_interpreter("auto", robot) as other:
        session.run(first)
        other.load(session.dump())
        assert other.run("x + 1").value == "6"
        with pytest.raises(DataError):
            other.load(b"nonsense")


def test_the_check_holds_in_both(robot: Switcher) -> None:
    with make_interpreter("auto", robot) as session:
        for code in ("on()", "import numpy\non()"):
            output = session.run(code)
            assert output.error is not None
            assert not output.parsed
    assert robot.steps == []
