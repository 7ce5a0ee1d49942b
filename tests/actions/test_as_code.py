"""Reading code out of messages, and the documentation made from a controller."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied.actions import as_code
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
    assert as_code.parse(message) == code


@given(st.text(alphabet="abc .\n"), st.sampled_from(["look()", "x = 1\nif x:\n    print(x)"]))
def test_what_is_rendered_reads_back(thought: str, code: str) -> None:
    assert as_code.parse(as_code.render(thought, code)) == code


def test_the_documentation_is_python_and_complete() -> None:
    functions = ast.parse(as_code.document(Switcher)).body
    assert [f.name for f in functions if isinstance(f, ast.FunctionDef)] == [
        "on",
        "off",
        "wait",
        "explode",
    ]
    assert "def wait(times: int = 1) -> list[str]:" in as_code.document(Switcher)
    assert 'Example: on("left 1")' in as_code.document(Switcher)
