"""The robot's types, as classes of the session's process."""

from __future__ import annotations

import collections
import copy
import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any

from .robot_pictures import Ask, picture_class
from .values import Instance, Member, decode


class RobotTypes:
    """Makes the classes, and their values.

    Args:
        definitions: of each type its `name`, `form`, and its `fields`, the `defaults` of the last
            ones, its `members`, each encoded, and whether it is a `picture`.
        ask: calls the host.
    """

    def __init__(self, definitions: Sequence[Mapping[str, Any]], ask: Ask) -> None:
        self.classes: dict[str, Any] = {}
        """By name."""
        self._forms: dict[type, str] = {}
        for definition in definitions:
            made = _MAKERS[definition["form"]](self, definition)
            made = picture_class(made, ask) if definition["picture"] else made
            self.classes[definition["name"]] = made
            self._forms[made] = definition["form"]

    def make(self, described: Instance | Member) -> Any:
        """Make a value that the host describes."""
        kind = self.classes[described.type]
        return kind[described.name] if isinstance(described, Member) else kind(**described.fields)

    def plain(self, value: object) -> object:  # noqa: PLR0911 - one for each kind
        """Turn a value of one of the types into plain data: a dictionary of its fields, as a key
        into a text; the value of a member; a list of what stands in a set. Leave any other.
        """
        if not self._forms:
            return value
        if isinstance(value, set | frozenset) and any(map(self._has_fields, value)):
            return list(value)
        if isinstance(value, dict) and any(map(self._has_fields, value)):
            return {repr(k) if self._has_fields(k) else k: part for k, part in value.items()}
        match self._forms.get(type(value)):
            case "record":
                return dict(vars(value))
            case "tuple":
                fields: Any = value
                return dict(zip(fields._fields, fields, strict=True))
            case "enum":
                member: Any = value
                return member.value
        return value

    def _has_fields(self, value: object) -> bool:
        return self._forms.get(type(value)) in ("record", "tuple")

    def _record(self, definition: Mapping[str, Any]) -> type:
        defaults = self._defaults(definition)
        fields = [
            (name, Any, dataclasses.field(default_factory=defaults[name]))
            if name in defaults
            else (name, Any)
            for name in definition["fields"]
        ]
        return dataclasses.make_dataclass(
            definition["name"], fields, namespace={"__module__": "__main__"}
        )

    def _tuple(self, definition: Mapping[str, Any]) -> type:
        defaults = [default() for default in self._defaults(definition).values()]
        return collections.namedtuple(
            definition["name"], definition["fields"], defaults=defaults, module="__main__"
        )

    def _defaults(self, definition: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _copies(decode(value, made=self.make))
            for name, value in definition["defaults"].items()
        }

    def _enum(self, definition: Mapping[str, Any]) -> type:
        members = {name: decode(value) for name, value in definition["members"].items()}
        make: Any = enum.Enum
        kind: type = make(definition["name"], members, module="__main__")
        return kind

    def _constants(self, definition: Mapping[str, Any]) -> type:
        members = {name: decode(value) for name, value in definition["members"].items()}
        name, values = definition["name"], list(members.values())

        def find(_kind: type, value: object) -> object:
            if value not in values:
                raise ValueError(f"{value!r} is not a valid {name}; there are: {values}")
            return value

        return type(name, (), {**members, "__new__": find, "__module__": "__main__"})


_MAKERS = {
    "record": RobotTypes._record,
    "tuple": RobotTypes._tuple,
    "enum": RobotTypes._enum,
    "constants": RobotTypes._constants,
}


def _copies(value: Any) -> Any:
    return lambda: copy.deepcopy(value)
