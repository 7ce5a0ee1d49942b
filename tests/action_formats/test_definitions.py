"""Types and the bounds of values stand in the prompts of all formats, and in errors."""

from __future__ import annotations

import ast
import json
from typing import Annotated, Any, Literal

import annotated_types
import pytest
from pydantic import Field

from embodied import Controller, Observation, action
from embodied.action_formats import make_format
from embodied.testing import CorridorRobot
from embodied.testing.corridor import Corridor
from tests.interpreter.surveyor import Surveyor

Metres = Annotated[float, Field(ge=-0.8, le=0.8, description="metres")]
Name = Annotated[str, Field(pattern="^a+$", max_length=9)]


class Arm(Controller):
    """An arm over a table. Base frame; metres."""

    @action
    def move_to(
        self,
        x: Metres,
        names: Annotated[list[Name], annotated_types.Len(1, 3)],
        mode: Literal["a", "b"] = "a",
        *,
        n: Annotated[int, Field(gt=0, multiple_of=5)] = 5,
        o: Annotated[float | None, annotated_types.Ge(0)] = None,
    ) -> Annotated[float, Field(description="metres left")]:
        """Move.

        Example: move_to(0.5, ["aa"])
        """
        return 1.0


STUB = '''\
def move_to(
    x: float,  # metres; from -0.8 to 0.8
    names: list[str],  # 1 to 3 items; each at most 9 characters, matching ^a+$
    mode: Literal['a', 'b'] = 'a',
    *,
    n: int = 5,  # above 0, a multiple of 5
    o: float | None = None,  # at least 0
) -> float:  # metres left
    """Move.
'''


def test_code_shows_bounds_beside_the_parameters() -> None:
    document = make_format("code", Arm).describe_api()
    assert document.startswith(STUB)
    ast.parse(document)


def test_text_shows_bounds_below_the_command() -> None:
    document = make_format("text", Arm).describe_api()
    for line in (
        "x: metres; from -0.8 to 0.8",
        "names: 1 to 3 items; each at most 9 characters, matching ^a+$",
        "n: above 0, a multiple of 5",
        "o: at least 0",
        "Returns: metres left",
    ):
        assert f"\n    {line}" in document


@pytest.mark.parametrize("form", ["json", "tools"])
def test_schemas_hold_bounds(form: str) -> None:
    made = make_format(form, Arm)
    document = made.describe_api() + json.dumps(made.tools())
    assert '"maximum": 0.8, "minimum": -0.8, "description": "metres"' in document
    assert "Returns: metres left" in document
    for bound in ('"minItems": 1', '"maxItems": 3', '"pattern": "^a+$"', '"multipleOf": 5'):
        assert bound in document


@pytest.mark.parametrize("form", ["code", "json", "text", "tools"])
def test_the_robots_docstring_is_shown(form: str) -> None:
    from embodied import Protocol
    from embodied.prompting import make_prompt

    made = make_prompt(Protocol.model_validate({"action": form}), Arm)
    first = made.initial_messages(Observation("A table."))[0]
    assert "An arm over a table. Base frame; metres." in str(first.content)


ERRORS: list[tuple[tuple[Any, ...], str]] = [
    ((3.0, ["a"]), "x cannot be 3.0; it takes: metres; from -0.8 to 0.8."),
    ((0.1, []), "names cannot be []; it takes: 1 to 3 items; each at most 9 characters"),
    ((0.1, ["b"]), "names cannot be ['b']; names.0: String should match pattern '^a+$'."),
    (("x", ["a"]), "x cannot be 'x'; it takes: metres; from -0.8 to 0.8."),
]


@pytest.mark.parametrize(("args", "message"), ERRORS)
def test_errors_name_the_value_and_the_bounds(args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TypeError) as raised:
        Arm(Corridor()).call("move_to", args)
    assert message in str(raised.value)


DEFINITIONS = """\
@dataclass
class Pose:
    x: float
    y: float = 0.0
    tags: list[str] = []

class Gait(Enum):
    WALK = 'walk'
    RUN = 'run'
    THIRD = 3
    STROLL = 'walk'

@dataclass
class Goal:
    title: str
    pose: Pose
    gait: Gait = Gait.RUN
    then: Goal | None = None

class Level:  # constants: a value of this type is a plain number or text
    LOW = 1
    HIGH = 2
"""


def test_code_defines_the_types_above_the_functions() -> None:
    document = make_format("code", Surveyor).describe_api()
    assert document.startswith(DEFINITIONS)
    assert "class Cell(NamedTuple):\n    row: int\n    column: int\n" in document
    assert (
        "class Grasp(NamedTuple):  # an object of the robot's: keep it and pass it on" in document
    )
    assert "\n\nPath = str\n\n" in document
    assert (
        "def move(pose: Pose, gait: Gait = Gait.WALK, level: Level = Level.LOW) -> str" in document
    )
    ast.parse(document)


@pytest.mark.parametrize("form", ["json", "text", "tools"])
def test_other_formats_show_what_comes_back_as_a_schema(form: str) -> None:
    made = make_format(form, Surveyor)
    document = made.describe_api() + "".join(
        tool["function"]["description"] for tool in made.tools()
    )
    assert 'Returns, as JSON schema: {"properties": {"x": {"type": "number"}' in document
    assert "id of a Grasp that was returned" in document


@pytest.mark.parametrize("form", ["code", "json", "text", "tools"])
def test_robots_without_types_are_shown_as_before(form: str) -> None:
    made = make_format(form, CorridorRobot)
    assert "Returns:" not in made.describe_api() + json.dumps(made.tools())
