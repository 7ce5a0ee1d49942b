"""What a server offers, read into what Python and models can take."""

from __future__ import annotations

import builtins
import hashlib
import inspect
import json
import keyword
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from embodied._util.jsonable import safe_repr
from embodied.controller import Controller
from embodied.mcp_client.schemas import TypeReader, shape_of
from embodied.mcp_client.text import clean

MAX_TOOLS = 128
_MAX_PARAMETERS = 50
_MAX_SCHEMA = 50_000
_MAX_NAME = 64
_DESCRIPTION = 4_000
_REMARK = 500
_INSTRUCTIONS = 8_000
_EMPTY = inspect.Parameter.empty
_KEYWORDS = {*keyword.kwlist, "self"}
_OWN = {"environment", "first_observation", "max_steps", "after_end", "steps", "last_result"}
_OWN |= {"last_answer", "robot", *dir(Controller), *dir(builtins), *keyword.softkwlist}
"""What a tool may not be called: attributes of a robot, and what code needs under its own name."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ToolParameter:
    """One argument of a tool."""

    name: str
    """As the server calls it."""
    python_name: str
    type: Any
    default: Any
    """What the server takes where nothing is given; `None`: the argument is left out then;
    `inspect.Parameter.empty`: it must be given."""


@dataclass(frozen=True)
class ToolSpec:
    """A tool as an action of a robot."""

    name: str
    """As the server calls it."""
    python_name: str
    documentation: str
    parameters: tuple[ToolParameter, ...]
    returns: Any
    """The type of what it returns; a text where the server says nothing of it."""

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments by the server's names, without those that are left out."""
        values = ((each, given[each.python_name]) for each in self.parameters)
        return {p.name: v for p, v in values if not (v is None and p.default is None)}


@dataclass(frozen=True)
class Catalog:
    """A server, as far as a robot is made of it."""

    server: str
    version: str
    instructions: str
    tools: tuple[ToolSpec, ...]
    tools_sha256: str
    """Of all that the server said of its tools."""
    resources: frozenset[str] = frozenset()

    def names(self) -> list[str]:
        """Return the names of the tools, as the server calls them."""
        return [tool.name for tool in self.tools]


def read_catalog(
    server: str,
    version: str,
    instructions: object,
    tools: Sequence[Mapping[str, Any]],
    resources: Iterable[str] = (),
) -> Catalog:
    """Read what a server says of itself.

    A tool that cannot be an action is left out, with a warning.

    Args:
        server: its name.
        version: its version.
        instructions: how it is used; a text, or nothing.
        tools: for each its name, description, input_schema and output_schema.
        resources: what else it has, by address.
    """
    specs: list[ToolSpec] = []
    if len(tools) > MAX_TOOLS:
        _log.warning("the MCP server has %d tools; the first %d are used", len(tools), MAX_TOOLS)
    for tool in tools[:MAX_TOOLS]:
        try:
            specs.append(_tool(tool, {spec.python_name for spec in specs}))
        except Exception as error:  # of pydantic and of Python, at what a server makes up
            _log.warning("the tool %s is left out: %.300s", safe_repr(tool.get("name"), 80), error)
    written = json.dumps(tools, sort_keys=True, default=str).encode("utf-8", "replace")
    return Catalog(
        server=clean(server, _MAX_NAME) or "unknown",
        version=clean(version, _MAX_NAME),
        instructions=clean(instructions, _INSTRUCTIONS),
        tools=tuple(specs),
        tools_sha256=hashlib.sha256(written).hexdigest(),
        resources=frozenset(resources),
    )


def python_name(name: str, taken: Iterable[str], stem: str) -> str:
    """Make a name of Python of any text: no keyword, and none that is taken."""
    words = re.sub(r"[^0-9a-zA-Z_]+", "_", name)[:_MAX_NAME].strip("_")
    made = words if words and not words[0].isdigit() else f"{stem}_{words}".rstrip("_")
    taken = {*taken, *_KEYWORDS}
    numbered = (f"{made}_{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (made, f"{made}_", *numbered) if each not in taken)


def _tool(tool: Mapping[str, Any], taken: set[str]) -> ToolSpec:
    name, schema = tool.get("name"), tool.get("input_schema")
    if not isinstance(name, str) or not name or not isinstance(schema, dict):
        raise ValueError("it has no name or no schema of its arguments")
    if len(json.dumps(schema)) > _MAX_SCHEMA:
        raise ValueError(f"the schema of its arguments has over {_MAX_SCHEMA:,} characters")
    parameters, remarks = _parameters(schema)
    said = clean(tool.get("description"), _DESCRIPTION).strip() or f"Call the tool {name}."
    returns, shape = _returned(tool.get("output_schema"))
    listed = [f"    {each}: {remark}" for each, remark in remarks.items()]
    sections = [said] + (["\n".join(["Args:", *listed])] if listed else [])
    sections += [f"Returns:\n    {shape}"] if shape else []
    return ToolSpec(
        name=name,
        python_name=python_name(name, taken | _OWN, "tool"),
        documentation="\n\n".join(sections),
        parameters=parameters,
        returns=returns,
    )


def _parameters(schema: dict[str, Any]) -> tuple[tuple[ToolParameter, ...], dict[str, str]]:
    """Read the parameters, those that are needed first, and what is to be said of them."""
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    if not isinstance(properties, dict) or len(properties) > _MAX_PARAMETERS:
        raise ValueError(f"it has no readable list of at most {_MAX_PARAMETERS} arguments")
    reader, parameters = TypeReader(schema), list[ToolParameter]()
    remarks: dict[str, str] = {}
    for name, part in properties.items():
        made = python_name(name, (each.python_name for each in parameters), "argument")
        kind = reader.type_of(part, made)
        default = _EMPTY if name in required else _default(part, kind)
        kind = kind | None if default is None else kind
        TypeAdapter(kind)
        parameters.append(ToolParameter(name, made, kind, default))
        if remark := _remark(part):
            remarks[made] = remark
    return tuple(sorted(parameters, key=lambda each: each.default is not _EMPTY)), remarks


def _default(part: object, kind: Any) -> Any:
    """Return the default that the schema gives, where it is one."""
    value = part.get("default") if isinstance(part, dict) else None
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return None


def _remark(part: object) -> str:
    """Say what the schema says of a parameter that its type does not show."""
    if not isinstance(part, dict):
        return ""
    return " ".join(clean(part.get("description"), _REMARK).split())


def _returned(schema: object) -> tuple[Any, str]:
    """Return the type of a tool's structured results, and the keys that they have, in words.

    Results of the one key `result` are its value. A tool that says nothing of them returns a text.
    """
    if not isinstance(schema, dict) or len(json.dumps(schema)) > _MAX_SCHEMA:
        return str, ""
    properties = schema.get("properties")
    if isinstance(properties, dict) and list(properties) == ["result"]:
        schema = {
            **schema,
            **(properties["result"] if isinstance(properties["result"], dict) else {}),
        }
    reader = TypeReader(schema)
    kind = reader.type_of(schema, "result")
    return (dict[str, Any] if is_typeddict(kind) else kind), shape_of(kind)
