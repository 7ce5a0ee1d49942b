"""How types, signatures and the bounds of values are written, wherever a robot's API is shown."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

_MODULES = re.compile(r"""('[^']*'|"[^"]*")|\b(?:[^\W\d]\w*\.)+(?=[^\W\d])""")
"""Texts in quotes, which stay, and the names of modules before others."""
_SIZES = {
    "character": ("minLength", "maxLength"),
    "item": ("minItems", "maxItems"),
    "key": ("minProperties", "maxProperties"),
}


def type_name(annotation: Any) -> str:
    """Write a type as Python does, without the names of modules."""
    return _MODULES.sub(lambda match: match[1] or "", inspect.formatannotation(annotation))


def value_text(value: object) -> str:
    """Write a default as Python does; a member of an enumeration by its name."""
    if isinstance(value, Enum) and value.name is not None:
        return f"{type(value).__name__}.{value.name}"
    return repr(value)


def signature_text(signature: inspect.Signature) -> str:
    """Write a signature, its types by their bare names."""
    parameters = [_shown(parameter) for parameter in signature.parameters.values()]
    returned = _Verbatim(type_name(signature.return_annotation))
    return str(signature.replace(parameters=parameters, return_annotation=returned))


def stub_line(name: str, signature: inspect.Signature, hints: Mapping[str, Any]) -> str:
    """Write the `def` line of a stub; each parameter on a line of its own, with what is said of
    its values behind it, where anything is.
    """
    notes = {parameter: constraints(hint) for parameter, hint in hints.items()}
    returned, result = notes.pop("return", ""), type_name(signature.return_annotation)
    end = f"-> {result}:" + (f"  # {returned}" if returned else "")
    if not any(notes.values()):
        return f"def {name}{signature_text(signature)}:" + (f"  # {returned}" if returned else "")
    lines: list[str] = []
    for text, parameter in _parts(signature):
        note = notes.get(parameter, "")
        lines.append(f"    {text}," + (f"  # {note}" if note else ""))
    return "\n".join([f"def {name}(", *lines, f") {end}"])


def constraints(hint: Any) -> str:
    """Say in words what a type hint asks of a value beyond its type, such as
    `metres; from -0.8 to 0.8`. Empty where it asks nothing.
    """
    return "" if isinstance(hint, type) else schema_words(_schema(hint))


def schema_words(schema: Mapping[str, Any]) -> str:
    """Say in words what a JSON schema asks of a value beyond its type."""
    described = [str(schema["description"])] if "description" in schema else []
    return "; ".join([*described, *_bounds(schema)]).replace("\n", " ")


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    words = _range(schema)
    if "multipleOf" in schema:
        words.append(f"a multiple of {schema['multipleOf']}")
    for unit, (least, most) in _SIZES.items():
        if "prefixItems" not in schema:
            words += _size(unit, schema.get(least), schema.get(most))
    if "pattern" in schema:
        words.append(f"matching {schema['pattern']}")
    if words:
        yield ", ".join(words)
    for option in schema.get("anyOf", ()):
        yield from _bounds(option)
    items = schema.get("items")
    if isinstance(items, dict) and (each := schema_words(items)):
        yield f"each {each}"


def _range(schema: Mapping[str, Any]) -> list[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return [f"from {low} to {high}"]
    words = {"minimum": "at least", "exclusiveMinimum": "above"}
    words |= {"maximum": "at most", "exclusiveMaximum": "below"}
    return [f"{word} {schema[key]}" for key, word in words.items() if key in schema]


def _size(unit: str, least: int | None, most: int | None) -> Iterator[str]:
    if least is not None and most is not None:
        number = str(least) if least == most else f"{least} to {most}"
        yield f"{number} {unit}{'' if most == 1 else 's'}"
    elif least is not None:
        yield f"at least {least} {unit}{'' if least == 1 else 's'}"
    elif most is not None:
        yield f"at most {most} {unit}{'' if most == 1 else 's'}"


def _schema(hint: Any) -> Mapping[str, Any]:
    try:
        return _schema_of(hint)
    except TypeError:  # a hint that has no hash
        return {}


@functools.lru_cache(maxsize=1000)
def _schema_of(hint: Any) -> Mapping[str, Any]:
    try:
        return TypeAdapter(hint).json_schema()
    except (PydanticUserError, PydanticSerializationError, NameError):
        return {}


class _Verbatim:
    """Stands for an annotation or a default, as a signature is to show it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _shown(parameter: inspect.Parameter) -> inspect.Parameter:
    default = parameter.default
    if default is not parameter.empty:
        default = _Verbatim(value_text(default))
    return parameter.replace(annotation=_Verbatim(type_name(parameter.annotation)), default=default)


def _parts(signature: inspect.Signature) -> Iterator[tuple[str, str]]:
    """Yield the parts of a list of parameters, `/` and `*` among them, and whose they are."""
    parameters = list(signature.parameters.values())
    for i, parameter in enumerate(parameters):
        before = parameters[i - 1].kind if i else None
        if parameter.kind is parameter.KEYWORD_ONLY and before is not parameter.KEYWORD_ONLY:
            yield "*", ""
        yield str(_shown(parameter)), parameter.name
        after = parameters[i + 1].kind if i + 1 < len(parameters) else None
        if parameter.kind is parameter.POSITIONAL_ONLY and after is not parameter.POSITIONAL_ONLY:
            yield "/", ""
