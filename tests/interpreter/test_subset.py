"""The tables of what Monty has with CPython's meaning, held against both."""

from __future__ import annotations

import builtins
import importlib
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied import make_interpreter
from embodied.interpreter import Session
from embodied.interpreter.monty.subset import surface
from embodied.interpreter.monty.subset.patterns import (
    UntranslatableError,
    is_template,
    translate,
)
from tests.conftest import LightSwitch, Switcher


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with make_interpreter("restricted", Switcher(LightSwitch()), check=False) as session:
        yield session


@pytest.mark.parametrize("module", sorted(surface.MODULES))
def test_every_name_of_a_module_is_there(session: Session, module: str) -> None:
    theirs = importlib.import_module(module)
    names = [name for name in surface.MODULES[module] if hasattr(theirs, name)]
    if module == "re":
        names = [name for name in names if name not in surface.WITH_PATTERNS]
        names = [name for name in names if name not in ("U", "UNICODE", "VERBOSE", "X")]
    code = f"import {module}\n" + "\n".join(f"x = {module}.{name}" for name in sorted(names))
    assert session.run(code).error is None


def test_every_built_in_name_is_there(session: Session) -> None:
    names = sorted(surface.BUILTINS - {"type"})
    assert session.run("\n".join(f"x = {name}" for name in names)).error is None
    assert all(hasattr(builtins, name) for name in names)


@pytest.mark.parametrize("name", sorted(set(dir(builtins)) - surface.BUILTINS))
def test_other_built_in_names_are_refused(session: Session, name: str) -> None:
    if name in ("__name__", "__debug__"):
        return
    output = session.run(f"x = {name}")
    assert (output.parsed, output.unsupported) == (False, True)


@pytest.mark.parametrize("name", ["translate", "isdecimal", "items", "bit_length"])
def test_a_class_of_the_plan_may_use_any_name(session: Session, name: str) -> None:
    code = f"class Own:\n    def {name}(self):\n        return 5\nOwn().{name}()"
    assert session.run(code).value == "5"
    assert session.run(f"class Box: pass\nb = Box()\nb.{name} = 6\nb.{name}").value == "6"


PATTERN = st.text(alphabet="ab 1(.)[]^$*+?{}|\\wsdbZ-,", max_size=12)

PARTS = st.sampled_from(
    [r"\b", r"\B", r"\w", r"\W", r"\d+", r"\s", "a", "1", "-", "é", "²", "x?", "(?:ab)+", "(?=b)"]
) | st.sampled_from(["[a-z]", "[^a]", "[a-]", "(a|b)", "(a|-)"])
BOUNDARIES = st.tuples(PARTS, st.sampled_from([r"\b", r"\B"]), PARTS, PARTS).map("".join)
TEXTS = st.lists(st.text(alphabet="ab 1\n_é²", max_size=8), min_size=1, max_size=4)


@settings(max_examples=300)
@given(PATTERN | BOUNDARIES, TEXTS)
def test_a_pattern_matches_what_it_matches_in_cpython(
    session: Session, pattern: str, texts: list[str]
) -> None:
    try:
        compiled = re.compile(pattern)
        translate(pattern)
    except (re.error, UntranslatableError, OverflowError):
        return
    code = f"import re\n[re.findall({pattern!r}, text) for text in {texts!r}]"
    assert session.run(code).value == repr([compiled.findall(text) for text in texts])


@pytest.mark.parametrize(
    ("template", "fits"),
    [(r"<\1>", True), (r"\g<1>", True), (r"\2", False), ("\\n", False), (r"\g<x>", False)],
)
def test_templates(template: str, fits: bool) -> None:
    assert is_template("(a)b", template) is fits
