"""What actions return, as plans hold it, and what plans give back, as actions take it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from pydantic import RootModel
from pydantic_core import to_jsonable_python

from embodied._util.jsonable import coerce_result, is_basic
from embodied.handle import Handle, Handles
from embodied.image import Image
from embodied.interpreter.confined.values import Instance, Member
from embodied.plan_types import EMPTY, MADE, PlanType

_DATES = (date, time, timedelta)


def to_plan(value: object, types: Mapping[type, PlanType], handles: Handles) -> Any:
    """Convert what a robot returned into plain data, dates, instances and members.

    What is of a type that no signature names is converted as `coerce_result` does.

    Raises:
        TypeError: it has no form in plans; says which values have.
    """
    if is_basic(value):
        return value
    try:
        return _Converter(types, handles).convert(value)
    except RecursionError:
        raise TypeError("a value that holds itself cannot be given to code") from None


def to_plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Convert what `to_plan` made, or a plan has given, into plain data: instances as they say, as
    keys into texts; members into their values; sets of instances into lists.
    """
    match value:
        case Instance(plain="only"):
            return next(iter(value.fields.values()))
        case Instance(plain="list"):
            return [to_plain(part) for part in value.fields.values()]
        case Instance():
            return {name: to_plain(part) for name, part in value.fields.items()}
        case Member():
            return value.value
        case set() | frozenset() if any(isinstance(part, Instance) for part in value):
            return [to_plain(part) for part in value]
        case list() | tuple() | set() | frozenset():
            return _collection(value)([to_plain(part) for part in value])
        case dict():
            return {_key(key): to_plain(part) for key, part in value.items()}
    return value


def _key(key: Any) -> Any:
    if not isinstance(key, Instance):
        return to_plain(key)
    return f"{key.type}({', '.join(f'{n}={to_plain(v)!r}' for n, v in key.fields.items())})"


def to_record(value: Any) -> Any:
    """Convert what `to_plan` made into what records and formats of calls show."""
    return value if is_basic(value) else to_jsonable_python(to_plain(value))


def pictures_in(value: Any, handles: Handles) -> Iterator[Image]:
    """Yield the pictures in what `to_plan` made."""
    match value:
        case Instance(fields={"id": str(name)}) if isinstance(image := handles.get(name), Image):
            yield image
        case Instance():
            yield from pictures_in(list(value.fields.values()), handles)
        case dict():
            yield from pictures_in(list(value.values()), handles)
        case list() | tuple() | set() | frozenset():
            for part in value:
                yield from pictures_in(part, handles)


@dataclass(frozen=True)
class _Converter:
    types: Mapping[type, PlanType]
    handles: Handles

    def convert(self, value: Any) -> Any:
        known = next((self.types[k] for k in type(value).__mro__ if k in self.types), None)
        if known is not None and known.form in MADE:
            return self._typed(value, known)
        match value:
            case RootModel():
                return self.convert(value.root)
            case dict():
                return {self.convert(k): self.convert(part) for k, part in value.items()}
            case list() | tuple() | set() | frozenset():
                return _collection(value)([self.convert(part) for part in value])
            case datetime() if value.tzinfo is not None:
                return value.replace(tzinfo=timezone(value.utcoffset() or timedelta()))
        return value if isinstance(value, _DATES) else coerce_result(value)

    def _typed(self, value: Any, known: PlanType) -> Any:
        if known.form == "constants":
            return self.convert(value.value)
        if known.form == "enum":
            return Member(known.name, value.name, value.value)
        if isinstance(value, Handle):
            return Instance(known.name, {"id": self.handles.id_of(value)}, "only")
        fields = {name: self.convert(getattr(value, name)) for name in known.fields}
        return Instance(known.name, fields, "list" if isinstance(value, tuple) else "dict")


def _collection(value: object) -> type:
    """Return the built-in type of a collection, which may be of a subclass of it."""
    return next(kind for kind in (list, tuple, set, frozenset) if isinstance(value, kind))


class PlanTypes:
    """The types that plans know by name.

    Args:
        types: those of the robot.
    """

    def __init__(self, types: Mapping[type, PlanType]) -> None:
        self.named = {known.name: known for known in types.values() if known.form in MADE}
        self.fields = frozenset(
            name for known in self.named.values() for name in (*known.fields, *known.members)
        )
        self.has_pictures = any(issubclass(kind, Image) for kind in types)
        self._types = types

    def of_form(self, *forms: str) -> list[PlanType]:
        """Return those of some forms."""
        return [known for known in self.named.values() if known.form in forms]

    def defaults(self, known: PlanType) -> dict[str, Any]:
        """Return the defaults of the last fields, as plans hold them, up to one without."""
        found: dict[str, Any] = {}
        for name, part in reversed(list(known.fields.items())):
            try:
                if part.default is EMPTY:
                    break
                found[name] = to_plan(part.default, self._types, Handles())
            except TypeError:
                break
        return found

    def make(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Make what a plan makes by calling a type.

        Raises:
            TypeError: the arguments do not fit the fields.
            ValueError: no member has this value.
        """
        known = self.named[name]
        if known.form in ("record", "tuple"):
            return Instance(name, self._bound(known, args, kwargs))
        values = list(known.members.values())
        if len(args) != 1 or kwargs or args[0] not in values:
            shown = ", ".join(map(repr, [*args, *kwargs.values()]))
            raise ValueError(f"{shown} is not a valid {name}; there are: {values}")
        return args[0]

    def _bound(
        self, known: PlanType, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> dict[str, Any]:
        defaults = self.defaults(known)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            inspect.Parameter(name, kind, default=defaults.get(name, EMPTY))
            for name in known.fields
        ]
        try:
            bound = inspect.Signature(parameters).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{known.name}(): {error}") from None
        bound.apply_defaults()
        return {name: copy.deepcopy(bound.arguments[name]) for name in known.fields}
