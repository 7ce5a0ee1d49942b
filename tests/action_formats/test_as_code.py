"""Reading code out of messages, and the documentation made from a controller."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Literal

import pytest
from embodied_controllers.household import Household
from hypothesis import given
from hypothesis import strategies as st

from embodied import Controller, action
from embodied.action_formats.as_code import CodeFormat
from embodied.policy import Reply
from tests.action_formats.typed_robot import Typed
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
        ("```python3\nlook()\n```", "look()"),
        ('So:\n```python title="a.py"\nlook()\n```\nDone.', "look()"),
    ],
)
def test_parse(message: str, code: str | None) -> None:
    assert CodeFormat(Switcher).parse(Reply(message)).action == code


@given(st.text(alphabet="abc .\n"), st.sampled_from(["look()", "x = 1\nif x:\n    print(x)"]))
def test_what_is_rendered_reads_back(thought: str, code: str) -> None:
    assert CodeFormat(Switcher).parse(CodeFormat.render_code(thought, code)).action == code


def test_documentation_that_ends_with_a_quote_is_python() -> None:
    ast.parse(CodeFormat(Household).describe_api())


def test_the_documentation_is_python_and_complete() -> None:
    functions = ast.parse(CodeFormat(Switcher).describe_api()).body
    assert [f.name for f in functions if isinstance(f, ast.FunctionDef)] == [
        "on",
        "off",
        "wait",
        "explode",
    ]
    assert "def wait(times: int = 1) -> list[str]:" in CodeFormat(Switcher).describe_api()
    assert 'Example: on("left 1")' in CodeFormat(Switcher).describe_api()


def test_a_stub_is_python_with_all_that_a_call_needs() -> None:
    document = CodeFormat(Typed).describe_api()
    ast.parse(document)
    assert "Literal['slow', 'fast', 'None']" in document
    assert "first(a: str, b: int = 2, /, c: str = '', *, d: str = 'x', e: str) -> str" in document
    assert "walk(gait: Gait, to: Point | None = None) -> str" in document
    assert "class Gait(Enum):\n    WALK = 'walk'\n    RUN = 'run'\n    THIRD = 3\n" in document
    assert "@dataclass\nclass Point:\n    x: float\n    y: float = 0.0\n" in document


def test_a_stub_shows_types_that_json_does_not_know() -> None:
    class Robot(Controller):
        @action
        def visit(self, rule: Callable[[str], bool], mode: Literal["a.b", "c"] = "a.b") -> str:
            """Visit."""
            return ""

    expected = "def visit(rule: Callable[[str], bool], mode: Literal['a.b', 'c'] = 'a.b') -> str:"
    assert CodeFormat(Robot).describe_api().startswith(expected)


def test_built_in_functions_that_the_robot_hides_are_named() -> None:
    assert "# slice() is the function above here, not Python's own." in (
        CodeFormat(Household).describe_api()
    )
    assert "Python's own" not in CodeFormat(Switcher).describe_api()


THOUGHTS = 'maybe <execute>print(goto("bed 1"))</execute>'


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("```\nYou see a mug 1.\n```\nSo:\n```python\nlook()\n```", "look()"),
        ("```\nYou see a mug 1.\n```\nSo:\n```\nlook()\n```", "look()"),
        ("```\n['mug 1']\n```\n```python\nlook()\n```", "look()"),
        ("```python\nYou see a mug 1.\n```\n```python\nlook()\n```", "look()"),
        ("```python\nlook()\n```\nThis prints:\n```\nYou see a mug 1.\n```", "look()"),
        ("```output\nlook()\n```", None),
        ("```\nNothing happens.\n```", None),
        ("```\nfor x in y\n    look()\n```", "for x in y\n    look()"),
        ("```\nname\n```", "name"),
        ("```python\nlook()\n\n```python\nwait()\n```", "look()\nwait()"),
        ("```python\nprint('```')\nlook()\n```", "print('```')\nlook()"),
        ("Use ``` for code. <execute>look()</execute>", "look()"),
        (f"Sure.\n<think>{THOUGHTS}</think>\n<execute>\nlook()\n</execute>", "look()"),
        (f"{THOUGHTS} no</think>\n```python\nlook()\n```", "look()"),
        (f"<think>{THOUGHTS}", None),
        (f"<execute>look()</execute>\n<think>{THOUGHTS}", "look()"),
        ("<execute>print('</think>')\nlook()</execute>", "print('</think>')\nlook()"),
        ("<execute>print('<think>a</think>')</execute>", "print('<think>a</think>')"),
        ("<execute>look()</execute", "look()"),
        ("<execute>look()\n</", "look()"),
        ("<execute>look() <", "look()"),
        ("<execute>look(</execute", "look("),
        ("I write <execute> and then <execute>look()</execute>", "look()"),
    ],
)
def test_what_stands_around_code_is_left_out(message: str, code: str | None) -> None:
    assert CodeFormat(Switcher).parse(Reply(message)).action == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("```python\n>>> look()\n```", "look()"),
        ("```\n>>> look()\nYou see a mug 1.\n```", "look()"),
        (
            "```\n>>> for x in y:\n...     look()\n...\n>>> wait()\n```",
            "for x in y:\n    look()\n\nwait()",
        ),
        ("```\n>>> for x in y:\n    look()\n```", "for x in y:\n    look()"),
        ("<execute>\nIn [1]: x = 1\n   ...: look()\n</execute>", "x = 1\nlook()"),
        (
            "> I look.\n>\n> ```python\n> if x:\n>     look()\n> ```\n> Then I see.",
            "if x:\n    look()",
        ),
        ("> <execute>\n> look()\n> </execute>", "look()"),
        ("<tool_code>\nlook()\n</tool_code>", "look()"),
        ("Thought: hm.\n<code>\nlook()\n</code>", "look()"),
        ("<execute_ipython>look()</execute_ipython>", "look()"),
        ("<python>\nlook()", "look()"),
        ("<python>a snake</python>", None),
        ("<execute>\nlook()\n<execute/>", "look()"),
        ("I write `<execute>...</execute>`.\n<execute>\nlook()\n</execute>", "look()"),
        ("I write <execute>...</execute>.\n<execute>\nlook()\n</execute>", "look()"),
        ("I run `<execute>on('left 1')</execute>`.", "on('left 1')"),
        ("hm</think><execute>look()</execute></think>", "look()"),
        ("hm</think><execute>look()</execute>\n</think>\n</think>", "look()"),
        ("x = 'left 1'\nprint(on(x))", "x = 'left 1'\nprint(on(x))"),
        ("print(on('left 1'))\n</execute>", "print(on('left 1'))"),
        ("print('hello')", None),
        ("on", None),
        ("```thinking\n<execute>wait()</execute>\n```\n```python\nlook()\n```", "look()"),
    ],
)
def test_what_models_write_in_place_of_the_right_form(message: str, code: str | None) -> None:
    assert CodeFormat(Switcher).parse(Reply(message)).action == code
