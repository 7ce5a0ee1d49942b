"""The types in the signatures of a robot's actions, in the form that they have in plans.

A plan is model-written code in an interpreter of its own, so that it holds no object of the robot's
process. It holds values that look alike, the same ones in every interpreter.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from inspect import Parameter
from pathlib import PurePath
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from embodied.handle import Handle

Form = Literal["record", "tuple", "enum", "constants", "dict", "text", "number", "list"]

MADE = ("record", "tuple", "enum", "constants")
"""Forms whose types have a name in plans."""
_COLLECTIONS = {"UnionType", "Sequence", "MutableSequence", "Mapping", "MutableMapping", "Set"}
_COLLECTIONS |= {"MutableSet", "Collection", "Iterable"}
"""Origins of type hints for which a built-in collection stands in plans."""
_PLAIN = (type(None), bool, int, float, str, list, tuple, set, frozenset, dict, object)
_DATES = (date, datetime, time, timedelta)
_TEXTS = (PurePath, Decimal, UUID)
_HANDLE_FIELDS = {"id": str}
EMPTY = Parameter.empty


@dataclass(frozen=True)
class PlanField:
    """A field of a type."""

    hint: Any
    """Its type hint, with what `Annotated` says."""
    default: Any = EMPTY


@dataclass(frozen=True, eq=False)
class PlanType:
    """What a type of the robot's is in plans.

    `record` has fields that can be read and set; `tuple` is a named tuple, for what is frozen;
    `enum` has members with `name` and `value`; `constants` stands for enumerations whose members
    are numbers or texts, which is what plans hold; `dict` is a dictionary with the fields as keys;
    `text`, `number` and `list` are just that.
    """

    name: str
    form: Form
    python: type
    fields: Mapping[str, PlanField] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    """Values of an enumeration, by the names of its members, those that are the same among them."""

    @classmethod
    def of(cls, kind: type) -> PlanType | None:  # noqa: PLR0911 - one for each kind
        """Describe a class; None where plans have no equal of it."""
        if issubclass(kind, Enum):
            return _enumeration(kind)
        if issubclass(kind, Handle):
            fields = {name: PlanField(hint) for name, hint in _HANDLE_FIELDS.items()}
            return cls(kind.__name__, "tuple", kind, fields)
        if issubclass(kind, RootModel):
            return None
        if issubclass(kind, BaseModel):
            form: Form = "tuple" if kind.model_config.get("frozen") else "record"
        elif dataclasses.is_dataclass(kind):
            parameters: Any = getattr(kind, "__dataclass_params__", None)
            form = "tuple" if getattr(parameters, "frozen", False) else "record"
        elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
            form = "tuple"
        elif issubclass(kind, dict) and hasattr(kind, "__total__"):
            form = "dict"
        elif issubclass(kind, _TEXTS):
            return cls(kind.__name__, "text", kind)
        elif _is_numpy(kind):
            return cls(kind.__name__, "list" if kind.__name__ == "ndarray" else "number", kind)
        else:
            return None
        return cls(kind.__name__, form, kind, _fields(kind))


def plan_types(hints: Iterable[Any]) -> Mapping[type, PlanType]:
    """Describe all types in type hints, those within others before them, by their classes."""
    found: dict[type, PlanType] = {}
    for hint in hints:
        _collect(hint, found, set())
    return found


def refusal(hint: Any) -> str | None:
    """Say what in a type hint has no equal form in plans; None: all of it has."""
    for kind in _classes(hint):
        described = PlanType.of(kind)
        if described is not None:
            problem = _field_problem(described)
            if problem:
                return problem
        elif issubclass(kind, Enum):
            return (
                f"the members of {kind.__name__} have no form in plans; give them values that are "
                "text, numbers or tuples of them"
            )
        elif issubclass(kind, RootModel):
            return refusal(kind.model_fields["root"].annotation)
        elif not (issubclass(kind, _PLAIN[:-1]) or kind in (object, Any) or kind in _DATES):
            return (
                f"{kind.__name__} has no form in plans; return text, numbers, dates, collections, "
                "dataclasses, pydantic models, named tuples, enumerations or NumPy arrays, or make "
                "it a subclass of embodied.Handle, which plans can only pass on"
            )
    return None


def _field_problem(described: PlanType) -> str | None:
    if described.form in ("record", "tuple"):
        odd = [name for name in described.fields if name.startswith("_")]
        if odd:
            return f"the field {odd[0]!r} of {described.name} begins with an underscore"
    return None


def _collect(hint: Any, found: dict[type, PlanType], seen: set[type]) -> None:
    for kind in _classes(hint):
        if kind in seen or kind in found:
            continue
        seen.add(kind)
        described = PlanType.of(kind)
        inner = list(described.fields.values()) if described else []
        for part in inner:
            _collect(part.hint, found, seen)
        if issubclass(kind, RootModel):
            _collect(kind.model_fields["root"].annotation, found, seen)
        if described is not None:
            found[kind] = described


def _classes(hint: Any) -> Iterator[type]:
    """Yield the classes that a type hint names."""
    origin = get_origin(hint)
    if origin is Literal:
        yield from (type(value) for value in get_args(hint) if isinstance(value, Enum))
    elif origin is Annotated:
        yield from _classes(get_args(hint)[0])
    elif hasattr(hint, "__value__"):
        yield from _classes(hint.__value__)
    elif origin is not None:
        if isinstance(origin, type) and origin.__name__ not in _COLLECTIONS:
            yield origin
        if not _is_numpy(origin):
            for part in get_args(hint):
                yield from _classes(part)
    elif isinstance(hint, type):
        yield hint


def _enumeration(kind: type[Enum]) -> PlanType | None:
    members = {name: member.value for name, member in kind.__members__.items()}
    if not members or not all(map(_is_literal, members.values())):
        return None
    plain = issubclass(kind, int | str | Flag)
    return PlanType(kind.__name__, "constants" if plain else "enum", kind, members=members)


def _is_literal(value: object) -> bool:
    """Whether the value of a member can be written as Python, and told apart by its hash."""
    if isinstance(value, tuple):
        return all(map(_is_literal, value))
    finite = not isinstance(value, float) or math.isfinite(value)
    return type(value) in (type(None), bool, int, float, str) and finite


def _is_numpy(kind: Any) -> bool:
    """Whether it is a class of arrays or numbers of NumPy, which need not be installed."""
    numpy: Any = sys.modules.get("numpy")
    known = numpy is not None and isinstance(kind, type)
    return known and issubclass(kind, numpy.ndarray | numpy.generic)


def _fields(kind: type) -> dict[str, PlanField]:
    if issubclass(kind, BaseModel):
        return {name: _model_field(part) for name, part in kind.model_fields.items()}
    hints = _hints(kind)
    if dataclasses.is_dataclass(kind):
        parts = dataclasses.fields(kind)
        return {part.name: PlanField(hints[part.name], _default(part)) for part in parts}
    defaults = getattr(kind, "_field_defaults", {})
    names = getattr(kind, "_fields", tuple(hints))
    return {name: PlanField(hints.get(name, Any), defaults.get(name, EMPTY)) for name in names}


def _hints(kind: type) -> dict[str, Any]:
    """Return the type hints of a class; those that name what is not there stay as they are."""
    try:
        return get_type_hints(kind, include_extras=True)
    except NameError:
        return {k: v for base in reversed(kind.__mro__) for k, v in _own_hints(base).items()}


def _own_hints(kind: type) -> dict[str, Any]:
    return dict(vars(kind).get("__annotations__", {}))


def _model_field(part: FieldInfo) -> PlanField:
    hint: Any = Annotated.__class_getitem__((part.annotation, part))  # type: ignore[attr-defined]
    if part.default is not PydanticUndefined:
        return PlanField(hint, part.default)
    return PlanField(hint, _made(part.default_factory))


def _default(part: dataclasses.Field[Any]) -> Any:
    if part.default is not dataclasses.MISSING:
        return part.default
    made = part.default_factory
    return _made(None if made is dataclasses.MISSING else made)


def _made(factory: Any) -> Any:
    """Return the default that a factory of an empty collection makes; others are not called."""
    return factory() if factory in (list, dict, set) else EMPTY
