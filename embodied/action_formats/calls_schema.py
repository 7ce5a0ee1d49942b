"""The JSON schema of a whole action in the format `json`, for servers that constrain answers."""

from __future__ import annotations

import json
from typing import Any

from embodied.action_formats.schema import Schema, parameters_schema
from embodied.controller import ActionSpec, Controller


def calls_schema(controller: type[Controller]) -> Schema:
    """Make the schema of a call `{"name": ..., "arguments": {...}}`, or of a list of calls.

    Raises:
        TypeError: a parameter has a type that JSON cannot express.
    """
    shared: Schema = {}
    calls = [_call(spec, shared) for spec in controller.actions().values()]
    call = {"anyOf": calls}
    schema: Schema = {"anyOf": [*calls, {"type": "array", "items": call, "minItems": 1}]}
    return schema | ({"$defs": shared} if shared else {})


def _call(spec: ActionSpec, shared: Schema) -> Schema:
    """Make the schema of one action's calls; the types that it names go to `shared`."""
    arguments = _renamed(parameters_schema(spec), spec.name)
    for name, type_ in arguments.pop("$defs", {}).items():
        shared[f"{spec.name}.{name}"] = type_
    return {
        "type": "object",
        "properties": {"name": {"const": spec.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _renamed(schema: Schema, action: str) -> Schema:
    """Let references to types bear the action's name, as two actions may name different types
    alike.
    """
    text = json.dumps(schema)
    renamed: dict[str, Any] = json.loads(text.replace('"#/$defs/', f'"#/$defs/{action}.'))
    return renamed
