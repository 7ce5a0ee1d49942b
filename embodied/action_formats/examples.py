"""An example call of a robot's API, and the examples in docstrings, for every action format."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from embodied._util import parsing
from embodied.action_formats.arguments import to_positional
from embodied.action_formats.format import Call
from embodied.action_formats.json_values import enclosed, literal
from embodied.action_formats.schema import Schema, parameters_schema
from embodied.controller import ActionSpec, Controller

_EXAMPLE = re.compile(r"\bexamples?:\s*(?P<name>\w+)(?=\()", re.IGNORECASE)
_DEEP = 3


def example_call(controller: type[Controller]) -> Call:
    """Make the simplest call that fits an action's signature.

    That is an action without required parameters; else one that its docstring gives as its
    `Example:`; else one with made-up values.

    Raises:
        ValueError: the controller has no actions.
    """
    specs = list(controller.actions().values())
    if not specs:
        raise ValueError(f"{controller.__name__} has no actions")
    simple = (Call(spec.name) for spec in specs if not _required(spec))
    documented = (call for spec in specs for _, _, call in documented_calls(spec))
    made_up = (_made_up(controller, spec) for spec in specs)
    return next(call for calls in (simple, documented, made_up) for call in calls)


def documentation(spec: ActionSpec, write: Callable[[Call], str]) -> str:
    """Take the docstring of an action, with its `Example:` calls as `write` writes them."""
    text = spec.documentation
    for start, end, call in reversed(list(documented_calls(spec))):
        text = text[:start] + write(call) + text[end:]
    return text


def _required(spec: ActionSpec) -> list[str]:
    return [name for name, p in spec.signature.parameters.items() if p.default is p.empty]


def documented_calls(spec: ActionSpec) -> Iterator[tuple[int, int, Call]]:
    """Find the calls of an action that its docstring gives as examples, and where they stand."""
    for match in _EXAMPLE.finditer(spec.documentation):
        end = enclosed(spec.documentation, match.end())
        if match["name"] != spec.name or end is None:
            continue
        call = _literal_call(spec, spec.documentation[match.start("name") : end])
        if call is not None:
            yield match.start("name"), end, call


def _literal_call(spec: ActionSpec, text: str) -> Call | None:
    try:
        tree = parsing.parse_expression(text).body
        if not isinstance(tree, ast.Call):
            return None
        args = tuple(literal(argument) for argument in tree.args)
        kwargs = {word.arg: literal(word.value) for word in tree.keywords if word.arg}
        spec.bind(args, kwargs)
    except (SyntaxError, ValueError, TypeError):
        return None
    return Call(spec.name, args, kwargs)


def _made_up(controller: type[Controller], spec: ActionSpec) -> Call:
    schema = parameters_schema(spec)
    kwargs = {
        name: _value(name, schema["properties"][name], schema.get("$defs", {}))
        for name in _required(spec)
    }
    return to_positional(controller, Call(spec.name, kwargs=kwargs))


def _value(name: str, schema: Schema, shared: Schema, depth: int = 0) -> Any:  # noqa: PLR0911
    """Make up a value that fits a schema, as far as its kind goes."""
    match schema:
        case (
            {"default": value}
            | {"const": value}
            | {"enum": [value, *_]}
            | {"examples": [value, *_]}
        ):
            return value
        case {"$ref": str(reference)}:
            return _value(name, shared[reference.rsplit("/", 1)[-1]], shared, depth)
        case {"anyOf": [*options]} | {"oneOf": [*options]}:
            plain = [option for option in options if option.get("type") == "null"]
            chosen = plain if plain and depth >= _DEEP else options
            return _value(name, chosen[0], shared, depth + 1)
        case {"type": "string"}:
            return name
        case {"type": "integer" | "number" as kind}:
            least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return least if kind == "integer" else float(least)
        case {"type": "boolean"}:
            return True
        case {"type": "array"}:
            parts = schema.get("prefixItems")
            if parts is None:
                parts = [schema["items"]] if "items" in schema and depth < _DEEP else []
            return [_value(name, part, shared, depth + 1) for part in parts]
        case {"type": "object", "properties": properties}:
            required = schema.get("required", [])
            return {key: _value(key, properties[key], shared, depth + 1) for key in required}
        case {"type": "object"}:
            return {}
    return None
