"""Reading code out of messages, and the documentation made from a controller."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controllers.household import Household
from embodied.actions import as_code
from embodied.actions.as_code import CodeFormat
from embodied.policy import Reply
from tests.conftest import Switcher


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("I look.\n<execute>\nlook()\n</execute>", "look()"),
        ("<execute>a()</execute> and <execute>b()</execute>", "a()\nb()"),
        ("So:\n```python\nlook()\n```\nDone.", "look()"),
        ("```\nlook()\n```", "look()"),
        ("<execute>\nlook()", "look()"),
        ("```python\nlook()", "look()"),
        ("<execute>\n    if x:\n        y()\n</execute>", "if x:\n    y()"),
        ("no code here", None),
        ("<execute></execute>", None),
        ("`look()` is inline", None),
    ],
)
def test_parse(message: str, code: str | None) -> None:
    assert CodeFormat(Switcher).read(Reply(message)).action == code


@given(st.text(alphabet="abc .\n"), st.sampled_from(["look()", "x = 1\nif x:\n    print(x)"]))
def test_what_is_rendered_reads_back(thought: str, code: str) -> None:
    assert CodeFormat(Switcher).read(as_code.message(thought, code)).action == code


def test_documentation_that_ends_with_a_quote_is_python() -> None:
    ast.parse(CodeFormat(Household).document())


def test_the_documentation_is_python_and_complete() -> None:
    functions = ast.parse(CodeFormat(Switcher).document()).body
    assert [f.name for f in functions if isinstance(f, ast.FunctionDef)] == [
        "on",
        "off",
        "wait",
        "explode",
    ]
    assert "def wait(times: int = 1) -> list[str]:" in CodeFormat(Switcher).document()
    assert 'Example: on("left 1")' in CodeFormat(Switcher).document()
