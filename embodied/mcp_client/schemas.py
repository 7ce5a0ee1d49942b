"""Python types for the JSON schemas by which a server describes the arguments of its tools."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, Union

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict, get_type_hints, is_typeddict

_MAX_DEPTH = 8
_MAX_NODES = 500
_MAX_CHOICES = 100
_MAX_ALTERNATIVES = 8
_MAX_WORD = 200
_LARGEST = 2.0**63
_LARGEST_SIZE = 2.0**31
_SIMPLE = {"string": str, "integer": int, "number": float, "boolean": bool, "null": type(None)}
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_SIZES = {
    "string": {"minLength": "min_length", "maxLength": "max_length"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
}


class TypeReader:
    """Makes types of the parts of one schema, of which there may be only so many.

    What has no type, is nested too deep or comes too late is of any type: the server checks it.

    Args:
        schema: the whole schema, to which the references in its parts lead.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._nodes = _MAX_NODES

    def type_of(self, part: object, name: str, depth: int = 0) -> Any:
        """Return the type of a part of the schema.

        Args:
            part: the part; anything, as it is the server's.
            name: for the types of objects, such as that of the parameter.
            depth: of the part in the schema.
        """
        self._nodes -= 1
        if not isinstance(part, dict) or depth > _MAX_DEPTH or self._nodes < 0:
            return Any
        if "$ref" in part:
            return self.type_of(self._referred(part["$ref"]), name, depth + 1)
        choices = [part["const"]] if "const" in part else part.get("enum")
        if choices is not None:
            return _literal(choices)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(alternatives := part.get(key), list):
                return self._union(
                    alternatives if key != "allOf" else alternatives[:1], name, depth
                )
        kinds = part.get("type")
        if isinstance(kinds, list):
            return self._union([{**part, "type": kind} for kind in kinds], name, depth)
        return self._of_kind(kinds, part, name, depth)

    def _union(self, parts: list[Any], name: str, depth: int) -> Any:
        if not 0 < len(parts) <= _MAX_ALTERNATIVES:
            return Any
        types = [self.type_of(part, name, depth + 1) for part in parts]
        return Any if Any in types else Union[tuple(types)]  # noqa: UP007 - their number varies

    def _of_kind(self, kind: object, part: Mapping[str, Any], name: str, depth: int) -> Any:
        if kind == "array":
            items = self.type_of(part.get("items"), name, depth + 1)
            return _bounded(list[items], part, _SIZES["array"], whole=True)  # type: ignore[valid-type]
        if kind == "object":
            return self._object(part, name, depth)
        if not isinstance(kind, str) or kind not in _SIMPLE:
            return Any
        if kind in ("integer", "number"):
            return _bounded(_SIMPLE[kind], part, _BOUNDS, whole=kind == "integer")
        return _bounded(_SIMPLE[kind], part, _SIZES.get(kind, {}), whole=True)

    def _object(self, part: Mapping[str, Any], name: str, depth: int) -> Any:
        properties, required = part.get("properties"), part.get("required")
        if not isinstance(properties, dict) or not properties:
            return dict[str, Any]
        needed = required if isinstance(required, list) else []
        fields = {
            key: (Required if key in needed else NotRequired)[
                self.type_of(value, f"{name}_{key}", depth + 1)
            ]
            for key, value in properties.items()
        }
        words = re.findall(r"[A-Za-z0-9]+", name)[-3:]
        make: Any = TypedDict
        kind = make("".join(map(str.title, words)) or "Object", fields)
        kind.__pydantic_config__ = ConfigDict(extra="allow")
        return kind

    def _referred(self, reference: object) -> object:
        """Follow a reference within the schema; no other is followed."""
        found: object = self._schema
        for key in str(reference).split("/")[1:] if str(reference).startswith("#/") else ["?"]:
            found = found.get(key) if isinstance(found, dict) else None
        return found


def shape_of(kind: Any) -> str:
    """Write the keys of an object and the types of their values; nothing of any other type."""
    if not is_typeddict(kind):
        return ""
    hints = get_type_hints(kind)
    fields = (
        f'"{key}": {shape_of(hint) or inspect.formatannotation(hint)}'
        for key, hint in hints.items()
    )
    return f"{{{', '.join(fields)}}}".replace("typing.", "")


def _literal(choices: object) -> Any:
    if not isinstance(choices, list) or not 0 < len(choices) <= _MAX_CHOICES:
        return Any
    if not all(type(each) in (str, int, bool, type(None)) for each in choices):
        return Any
    if any(len(each) > _MAX_WORD for each in choices if isinstance(each, str)):
        return str
    return Literal[tuple(choices)]


def _bounded(kind: Any, part: Mapping[str, Any], names: Mapping[str, str], *, whole: bool) -> Any:
    bounds: dict[str, Any] = {}
    for key, bound in names.items():
        value: Any = part.get(key)
        if type(value) not in (int, float) or not math.isfinite(value) or abs(value) >= _LARGEST:
            continue
        if names is not _BOUNDS and not 0 <= value < _LARGEST_SIZE:
            continue
        upper = bound in ("le", "lt", "max_length")
        rounded = (math.floor if upper != (bound in ("gt", "lt")) else math.ceil)(value)
        bounds[bound] = rounded if whole else value
    return Annotated[kind, Field(**bounds)] if bounds else kind
