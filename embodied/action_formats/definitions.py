"""The types of a robot's API as Python, for the prompts of code."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum

from embodied.api_text import constraints, type_name, value_text
from embodied.controller import Controller
from embodied.handle import Handle
from embodied.plan_types import EMPTY, PlanField, PlanType

_BASES = {"tuple": "(NamedTuple)", "enum": "(Enum)"}
_ALIASES = {
    "text": "str",
    "number": "float",
    "list": "list  # nested lists of numbers",
}
_CONSTANTS = "  # constants: a value of this type is a plain number or text"
_HANDLE = "  # an object of the robot's: keep it and pass it on"


def definitions(controller: type[Controller]) -> tuple[str, ...]:
    """Define each type that the signatures name, in the form that it has in plans; without
    dictionaries, which have no names there.
    """
    types = controller.plan_types().values()
    return tuple(_definition(known) for known in types if known.form != "dict")


def _definition(known: PlanType) -> str:
    if known.form in _ALIASES:
        return f"{known.name} = {_ALIASES[known.form]}"
    decorator = "@dataclass\n" if known.form == "record" else ""
    note = _CONSTANTS if known.form == "constants" else ""
    note = _HANDLE if issubclass(known.python, Handle) else note
    body = textwrap.indent("\n".join(_body(known)), "    ")
    return f"{decorator}class {known.name}{_BASES.get(known.form, '')}:{note}\n{body}"


def _body(known: PlanType) -> Iterator[str]:
    documentation = _documentation(known.python)
    if documentation:
        yield f'"""{documentation}"""'
    for name, value in known.members.items():
        yield f"{name} = {value!r}"
    for name, part in known.fields.items():
        yield _field(name, part)
    if not (documentation or known.members or known.fields):
        yield "pass"


def _field(name: str, part: PlanField) -> str:
    default = "" if part.default is EMPTY else f" = {value_text(part.default)}"
    note = constraints(part.hint)
    return f"{name}: {type_name(_bare(part.hint))}{default}" + (f"  # {note}" if note else "")


def _bare(hint: object) -> object:
    """Return a hint without what `Annotated` says."""
    return getattr(hint, "__origin__", hint) if hasattr(hint, "__metadata__") else hint


def _documentation(kind: type) -> str:
    """Return the docstring that its author has written for a class."""
    text = inspect.cleandoc(str(vars(kind).get("__doc__") or ""))
    made_up = text.startswith(f"{kind.__name__}(") or (
        issubclass(kind, Enum) and text == "An enumeration."
    )
    return "" if made_up else text
