"""A robot whose actions are the tools of a server."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from embodied.controller import Controller, action
from embodied.mcp_client.catalog import Catalog, ToolSpec


class ToolRobot(Controller):
    """Base of the robots that `make_robot` makes. Each action calls one tool, which is a step."""

    _tools: ClassVar[Mapping[str, ToolSpec]] = {}
    """By the names that the server has for them."""

    @classmethod
    def command_call(cls, command: str) -> tuple[str, dict[str, Any]]:
        """Return the call of the action whose tool the command names."""
        name, arguments = read_command(command)
        tool = cls._tools[name]
        names = {each.name: each.python_name for each in tool.parameters}
        return tool.python_name, {names[key]: value for key, value in arguments.items()}


def make_robot(catalog: Catalog, tools: Sequence[ToolSpec]) -> type[ToolRobot]:
    """Make the class of a robot with some of a server's tools."""
    members: dict[str, Any] = {tool.python_name: action(_method(tool)) for tool in tools}
    members["_tools"] = {tool.name: tool for tool in tools}
    return type("Robot", (ToolRobot,), {**members, "introduction": catalog.instructions})


def _use(robot: Controller, tool: ToolSpec, arguments: Mapping[str, Any]) -> Any:
    """Call a tool and return its result, structured where the server says how.

    Raises:
        ValueError: the tool failed; the message is what it said.
    """
    text = robot.send(write_command(tool.name, arguments))
    assert robot.last_result is not None  # noqa: S101 - a step has just been taken
    info = robot.last_result.info
    if info["failed"]:
        raise ValueError(text)
    data = info["data"]
    structured = isinstance(data, str) or (tool.returns is not str and data is not None)
    return data if structured else text


def write_command(tool: str, arguments: Mapping[str, Any]) -> str:
    """Write a call as a command of the environment.

    Raises:
        ValueError: JSON cannot hold an argument.
    """
    try:
        return json.dumps({"tool": tool, "arguments": arguments}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from None


def read_command(command: str) -> tuple[str, dict[str, Any]]:
    """Read what `write_command` wrote.

    Raises:
        ValueError: it is no such command.
    """
    try:
        match json.loads(command):
            case {"tool": str(tool), "arguments": dict(arguments)}:
                return tool, arguments
    except (ValueError, RecursionError):
        pass
    raise ValueError('a command is {"tool": NAME, "arguments": {...}}')


def _method(tool: ToolSpec) -> Callable[..., Any]:
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [
        inspect.Parameter(p.python_name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=p.default)
        for p in tool.parameters
    ]
    signature = inspect.Signature([own, *parameters])

    def method(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        robot = bound.arguments.pop("self")
        return _use(robot, tool, tool.arguments(bound.arguments))

    method.__name__ = tool.python_name
    method.__qualname__ = f"Robot.{tool.python_name}"
    method.__doc__ = tool.documentation
    method.__signature__ = signature  # type: ignore[attr-defined]
    method.__annotations__ = {p.python_name: p.type for p in tool.parameters}
    method.__annotations__["return"] = tool.returns
    return method
