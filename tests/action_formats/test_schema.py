"""The schemas say what calls may hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied import Controller, action
from embodied.action_formats.as_json import JsonFormat
from embodied.action_formats.format import Call
from embodied.action_formats.schema import parameters_schema
from tests.action_formats.typed_robot import Typed, calls

fractions = st.floats(-1e6, 1e6).filter(lambda x: not x.is_integer())
"""To JSON schema, 1.0 is an integer; to Python it is none."""

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | fractions
    | st.text(max_size=3)
    | st.sampled_from(["walk", "slow", "3", "None"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.text(max_size=2) | st.sampled_from(["x", "y", "title"]), inner, max_size=2
        )
    ),
    max_leaves=5,
)


def is_valid(name: str, arguments: Any) -> bool:
    schema = parameters_schema(Typed.actions()[name])
    return bool(jsonschema.Draft202012Validator(schema).is_valid(arguments))


def is_accepted(name: str, arguments: dict[str, Any]) -> bool:
    text = json.dumps({"name": name, "arguments": arguments})
    (call,) = JsonFormat(Typed).calls(text)
    try:
        Typed.actions()[name].bind(call.args, call.kwargs)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", Typed.actions())
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(parameters_schema(Typed.actions()[name]))


@given(calls())
def test_what_fits_the_signature_is_valid(call: Call) -> None:
    bound = Typed.actions()[call.name].signature.bind(*call.args, **call.kwargs)
    assert is_valid(call.name, bound.arguments)


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call with an argument that was changed, added or left out."""
    call = draw(calls())
    bound = Typed.actions()[call.name].signature.bind(*call.args, **call.kwargs)
    arguments = dict(bound.arguments)
    name = draw(st.sampled_from([*Typed.actions()[call.name].signature.parameters, "extra"]))
    if draw(st.booleans()):
        arguments[name] = draw(values)
    else:
        arguments.pop(name, None)
    return call.name, arguments


@given(changed())
def test_what_is_valid_is_accepted(call: tuple[str, dict[str, Any]]) -> None:
    assert is_accepted(*call) or not is_valid(*call)


@given(changed().filter(lambda call: call[0] in ("say", "count", "first")))
def test_of_text_and_numbers_exactly_what_is_valid_is_accepted(
    call: tuple[str, dict[str, Any]],
) -> None:
    assert is_accepted(*call) == is_valid(*call)


def test_titles_are_left_out_but_not_parameters_of_that_name() -> None:
    nest = parameters_schema(Typed.actions()["nest"])
    assert nest["properties"]["title"] == {"type": "string"}
    follow = parameters_schema(Typed.actions()["follow"])
    assert follow["$defs"].keys() == {"Route", "Point"}
    assert follow["$defs"]["Route"]["properties"]["title"] == {"type": "string"}
    assert "title" not in follow["$defs"]["Route"]


def test_defaults_stand_in_the_schema() -> None:
    count = parameters_schema(Typed.actions()["count"])
    assert count["properties"]["by"] == {"type": "number", "default": 1.0}
    assert count["required"] == ["n"]


def test_a_type_that_json_cannot_express_is_refused() -> None:
    class Robot(Controller):
        @action
        def wait(self, until: Callable[[], bool]) -> str:
            """Wait."""
            return ""

    with pytest.raises(TypeError, match=r"wait\(until"):
        parameters_schema(Robot.actions()["wait"])
