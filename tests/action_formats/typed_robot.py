"""A robot whose actions take parameters of every kind, and calls of them for property tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from hypothesis import strategies as st
from pydantic import BaseModel

from embodied import Controller, action
from embodied.action_formats.format import Call


class Gait(Enum):
    WALK = "walk"
    RUN = "run"
    THIRD = 3


@dataclass
class Point:
    x: float
    y: float = 0.0


class Route(BaseModel):
    title: str
    points: list[Point]
    then: Route | None = None


class Typed(Controller):
    """Every kind of parameter."""

    @action
    def say(self, text: str) -> str:
        """Say something.

        Example: say("hello, you")
        """
        return text

    @action
    def count(self, n: int, by: float = 1.0, *, loud: bool = False) -> str:
        """Count."""
        return str((n, by, loud))

    @action
    def switch(self, on: bool, names: list[str], levels: dict[str, int]) -> str:
        """Switch."""
        return str((on, names, levels))

    @action
    def aim(self, at: tuple[int, float], speed: Literal["slow", "fast", "None"]) -> str:
        """Aim."""
        return str((at, speed))

    @action
    def walk(self, gait: Gait, to: Point | None = None) -> str:
        """Walk."""
        return str((gait, to))

    @action
    def follow(self, route: Route) -> str:
        """Follow a route."""
        return str(route)

    @action
    def label(self, name: str, value: int | str, note: str | None = None) -> str:
        """Label."""
        return str((name, value, note))

    @action
    def first(self, a: str, b: int = 2, /, c: str = "", *, d: str = "x", e: str) -> str:
        """Positional-only, keyword-only and both."""
        return str((a, b, c, d, e))

    @action
    def nest(self, values: list[list[int]], title: str, depth: int = 5) -> str:
        """Nested lists, and a parameter called title."""
        return str((values, title, depth))


NASTY = [
    "",
    " ",
    " lead and trail ",
    "a, b",
    'say "hi"',
    "don't",
    "'quoted'",
    '"',
    "'",
    "'a', b",
    "line\nbreak",
    "line\r\nbreak",
    "\u2028 and \x85 and \x0c",
    "</execute>",
    "<execute>",
    "<solution>x</solution>",
    "<thought>",
    "```",
    "Action: go",
    "a = b",
    "text=5",
    "name=x",
    "a == b",
    "back\\slash \\n \\u0041",
    "\\",
    "None",
    "null",
    "true",
    "3",
    "1e5",
    "[1, 2]",
    '{"a": 1}',
    "(1)",
    "f(x)",
    ")",
    "- bullet",
    "1. first",
    "`code`",
    "日本語 🤖 é",
    "\x00\x1f",
]

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))
integers = st.integers(-(2**63), 2**63)
numbers = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(lambda x, y: {"x": x, "y": y}, numbers, numbers)
routes = st.recursive(
    st.builds(lambda t, p: {"title": t, "points": p}, texts, st.lists(points, max_size=2)),
    lambda inner: st.builds(lambda t, i: {"title": t, "points": [], "then": i}, texts, inner),
    max_leaves=3,
)
gaits = st.sampled_from(["walk", "run", 3])

_REQUIRED: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "say": {"text": texts},
    "count": {"n": integers},
    "switch": {
        "on": st.booleans(),
        "names": st.lists(texts, max_size=3),
        "levels": st.dictionaries(texts, integers, max_size=3),
    },
    "aim": {
        "at": st.tuples(integers, numbers).map(list),
        "speed": st.sampled_from(["slow", "fast", "None"]),
    },
    "walk": {"gait": gaits},
    "follow": {"route": routes},
    "label": {"name": texts, "value": st.one_of(integers, texts)},
    "first": {"a": texts, "e": texts},
    "nest": {"values": st.lists(st.lists(integers, max_size=3), max_size=3), "title": texts},
}
_OPTIONAL: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "count": {"by": numbers, "loud": st.booleans()},
    "walk": {"to": st.none() | points},
    "label": {"note": st.none() | texts},
    "first": {"b": integers, "c": texts, "d": texts},
    "nest": {"depth": integers},
}


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call that fits, its arguments by position or by name as Python allows."""
    name = draw(st.sampled_from(sorted(_REQUIRED)))
    values = draw(st.fixed_dictionaries(_REQUIRED[name], optional=_OPTIONAL.get(name, {})))
    args: list[Any] = []
    for parameter in Typed.actions()[name].signature.parameters.values():
        by_position = parameter.kind is parameter.POSITIONAL_ONLY or draw(st.booleans())
        missing = parameter.name not in values
        if parameter.kind is parameter.KEYWORD_ONLY or missing or not by_position:
            break
        args.append(values.pop(parameter.name))
    if name == "first":
        values.pop("b", None)
    return Call(name, tuple(args), values)
