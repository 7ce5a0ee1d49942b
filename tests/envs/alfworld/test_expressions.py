"""Grammar expressions: what ALFWorld's grammars use works, all else is refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from embodied_envs.alfworld.expressions import UnsupportedExpressionError, compile_expression

MUG = SimpleNamespace(id="mug_1", name="mug 1", indefinite="a", type="object", definite="the")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("o.name", "mug 1"),
        (" o.indefinite + ' ' + o.name ", "a mug 1"),
        ("o.name or o.id", "mug 1"),
        ("'x'", "x"),
        ("o", MUG),
    ],
)
def test_what_grammars_use(text: str, value: object) -> None:
    assert compile_expression(text)({"o": MUG}) == value
    assert eval(text.strip(), {"o": MUG}) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "o.__class__",
        "o.name.upper()",
        "o.name[0]",
        "(lambda: 1)()",
        "[x for x in o.name]",
        "f'{o.name}'",
        "'a' * 10**9",
        "o.name; 1",
        "",
        "(" * 500 + "o" + ")" * 500,
        "-" * 900 + "1",
        "o" * 2000,
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedExpressionError):
        compile_expression(text)
