"""When a robot at an MCP server has reached its goal, as a tool or a function of the user says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embodied.errors import ConfigError, ErrorBoundary, InfrastructureError
from embodied.mcp_client.answer import ToolAnswer
from embodied.plugins.plugin_file import is_file, load_file

_WORDS = {"true": True, "false": False}


@dataclass(frozen=True)
class ToolStep:
    """A step of the robot, for a goal function to judge."""

    tool: str
    arguments: Mapping[str, Any]
    answer: ToolAnswer
    call: Callable[..., ToolAnswer]
    """Calls another tool, by its name and keyword arguments; that is no step."""


class Goal:
    """The goal of an episode.

    Args:
        source: `path/to/file.py:function`, which takes a `ToolStep`, or the name of a tool.

    Raises:
        ConfigError: there is no such function.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha256: str | None = None
        """Of the function's file; None: it is a tool."""
        self._function: Callable[[ToolStep], object] | None = None
        if is_file(source):
            file, name = load_file(source, "goal")
            self.sha256, self._function = file.sha256, file.get(name, "function")
            if not callable(self._function):
                raise ConfigError(f"the goal {source} is no function")

    @property
    def tool(self) -> str | None:
        """The tool that says it, which is none of the robot's."""
        return self.source if self._function is None else None

    @property
    def words(self) -> str:
        """The goal in words: the function's docstring."""
        return inspect.getdoc(self._function) or "" if self._function is not None else ""

    def is_reached(self, step: ToolStep) -> bool:
        """Judge a step.

        Raises:
            InfrastructureError: the function fails, or the tool says neither yes nor no.
        """
        if self._function is not None:
            with ErrorBoundary(f"the goal {self.source}"):
                return bool(self._function(step))
        said = step.call(self.source)
        word = said.data if isinstance(said.data, bool) else _WORDS.get(said.text.strip().lower())
        if said.failed or word is None:
            raise InfrastructureError(
                f"the tool {self.source!r}, which says whether the goal is reached, answers "
                f"neither true nor false: {said.text:.200}"
            )
        return word
