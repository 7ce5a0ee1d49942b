"""The JSON schemas of an action's parameters and of its calls."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from embodied.api_text import constraints, type_name
from embodied.controller import ActionSpec, Controller
from embodied.plan_types import plan_types

Schema = dict[str, Any]


@functools.cache
def parameters_schema(spec: ActionSpec) -> Schema:
    """Make the schema of the object that holds an action's arguments by name; not to be changed.

    Types that have a name of their own stand in `$defs`, once each.

    Raises:
        TypeError: a parameter has a type that JSON cannot express.
    """
    if not spec.validators:
        return {"type": "object", "properties": {}, "additionalProperties": False}
    try:
        schemas, shared = TypeAdapter.json_schemas(
            [(name, "validation", adapter) for name, adapter in spec.validators.items()]
        )
    except PydanticInvalidForJsonSchema as error:
        raise TypeError(f"{spec}: a type cannot be written as JSON: {error.message}") from None
    parameters = spec.signature.parameters
    schema: Schema = {
        "type": "object",
        "properties": {
            name: _untitled(schemas[name, "validation"]) | _default(parameter)
            for name, parameter in parameters.items()
        },
        "additionalProperties": False,
    }
    required = [name for name, p in parameters.items() if p.default is p.empty]
    if required:
        schema["required"] = required
    schema.update(_untitled(shared))
    return schema


def calls_schema(controller: type[Controller]) -> Schema:
    """Make the schema of a call `{"name": ..., "arguments": {...}}`, or of a list of calls: a whole
    action in the format `json`, for servers that constrain answers. Where calls can run side by
    side, the list may hold objects `{"together": [...]}`.

    Raises:
        TypeError: a parameter has a type that JSON cannot express.
    """
    shared: Schema = {}
    calls = [_call(spec, shared) for spec in controller.actions().values()]
    several = {"type": "array", "items": {"anyOf": calls}, "minItems": 1}
    schema: Schema = {"anyOf": [*calls, several]}
    if controller.asynchronous:
        together = {
            "type": "object",
            "properties": {"together": several},
            "required": ["together"],
            "additionalProperties": False,
        }
        listed = {"type": "array", "items": {"anyOf": [*calls, together]}, "minItems": 1}
        schema = {"anyOf": [*calls, together, listed]}
    return schema | ({"$defs": shared} if shared else {})


def _call(spec: ActionSpec, shared: Schema) -> Schema:
    """Make the schema of one action's calls; the types that it names go to `shared`, under names
    that bear the action's, as two actions may name different types alike.
    """
    text = json.dumps(parameters_schema(spec))
    arguments = json.loads(text.replace('"#/$defs/', f'"#/$defs/{spec.name}.'))
    for name, type_ in arguments.pop("$defs", {}).items():
        shared[f"{spec.name}.{name}"] = type_
    return {
        "type": "object",
        "properties": {"name": {"const": spec.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def types_note(spec: ActionSpec) -> str:
    """Write a line on the types of an action's parameters that have names of their own.

    Nothing where there are none, or JSON cannot express one, which code may do without.
    """
    try:
        types = parameters_schema(spec).get("$defs")
    except TypeError:
        return ""
    return f"\nTypes, as JSON schema: {json.dumps(types, ensure_ascii=False)}" if types else ""


def values_note(spec: ActionSpec) -> str:
    """Write a line on each parameter of whose values more is asked than their type."""
    hints = {name: hint for name, hint in spec.hints.items() if name != "return"}
    words = {name: constraints(hint) for name, hint in hints.items()}
    return "".join(f"\n{name}: {said}" for name, said in words.items() if said)


def result_note(spec: ActionSpec) -> str:
    """Write a line on what an action returns, where its type has a name of its own, or more is said
    of its values.
    """
    hint: Any = spec.hints.get("return")
    words, types = constraints(hint), plan_types([hint]).values()
    if all(known.form == "list" for known in types):
        words = words or ("nested lists of numbers" if types else "")
        return f"\nReturns: {words}" if words else ""
    try:
        schema = _untitled(TypeAdapter(hint).json_schema(mode="serialization"))
    except (PydanticUserError, PydanticInvalidForJsonSchema, NameError):
        return f"\nReturns: {words or type_name(hint)}"
    return f"\nReturns, as JSON schema: {json.dumps(schema, ensure_ascii=False)}"


def _default(parameter: inspect.Parameter) -> Schema:
    if parameter.default is parameter.empty:
        return {}
    try:
        return {"default": to_jsonable_python(parameter.default)}
    except PydanticSerializationError:
        return {}


_MAPS = ("properties", "patternProperties", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "propertyNames", "not", "contains")


def _untitled(schema: Any) -> Any:
    """Drop the titles that only repeat names from a schema."""
    if not isinstance(schema, dict):
        return schema
    cleaned = {key: value for key, value in schema.items() if key != "title"}
    for key, value in cleaned.items():
        if key in _MAPS:
            cleaned[key] = {name: _untitled(part) for name, part in value.items()}
        elif key in _LISTS:
            cleaned[key] = [_untitled(part) for part in value]
        elif key in _SINGLE:
            cleaned[key] = _untitled(value)
    return cleaned
