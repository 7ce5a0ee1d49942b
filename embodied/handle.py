"""Objects of the robot's own that plans hold and pass on without looking into them."""

from __future__ import annotations

from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import core_schema

from embodied._util.jsonable import safe_repr

_MOST_OBJECTS = 10_000
_MOST_BYTES = 256 * 1024 * 1024


class Handle:
    """Base class of what an action returns for other actions to take, such as a picture or a grasp.

    A plan sees `Grasp(id='grasp-1')`, and gives that to an action that takes a `Grasp`; in formats
    without code the id alone is given. The action gets the object itself. An id that the robot has
    not given out in this episode is refused; of very many, only the last ones are kept.
    """

    def held_bytes(self) -> int:
        """Return what it takes of the memory that an episode has for handles."""
        return 0

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            cls._resolve,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "description": f"id of a {cls.__name__} that was returned"}

    @classmethod
    def _resolve(cls, value: Any, info: core_schema.ValidationInfo) -> Any:
        """Find the object of an id; without a table of them, take any id."""
        found = value.get("id") if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(found, str):
            found = found if info.context is None else info.context.get(found)
            if info.context is None or isinstance(found, cls):
                return found
        elif isinstance(value, cls):
            return value
        raise ValueError(
            f"there is no {cls.__name__} {safe_repr(value, 80)}; give one that an action returned"
        )


class Handles:
    """The handles that one episode has given out: the last 10,000 of at most 256 MiB."""

    def __init__(self) -> None:
        self._objects: dict[str, Handle] = {}
        self._ids: dict[int, str] = {}
        self._count = 0
        self._bytes = 0

    def id_of(self, handle: Handle) -> str:
        """Return the id of an object, which it keeps throughout the episode."""
        known = self._ids.get(id(handle))
        if known is None:
            self._count += 1
            known = f"{type(handle).__name__.lower()}-{self._count}"
            self._ids[id(handle)] = known
            self._objects[known] = handle
            self._bytes += handle.held_bytes()
            self._forget_oldest()
        return known

    def _forget_oldest(self) -> None:
        while len(self._objects) > _MOST_OBJECTS or self._bytes > _MOST_BYTES:
            handle = self._objects.pop(next(iter(self._objects)))
            del self._ids[id(handle)]
            self._bytes -= handle.held_bytes()

    def get(self, name: str) -> Handle | None:
        """Return the object of an id, if there is one."""
        return self._objects.get(name)
