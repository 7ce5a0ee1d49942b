"""The contract of a format: which rows and columns an episode becomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Line, Training
from embodied.datasets.files import Row
from embodied.datasets.part import Part
from embodied.datasets.sources import Episode

_ABOUT: Mapping[str, ColumnType] = dict.fromkeys(("id", "environment", "kind", "task"), "string")


@dataclass(frozen=True)
class Shape:
    """Which columns a dataset needs beyond those that all have."""

    tools: bool = False
    """Messages have native function calls."""
    thoughts: bool = False
    """Messages have thoughts."""


class Format(ABC):
    """One way to write episodes as rows."""

    name: ClassVar[str]
    needs: ClassVar[str] = "no message of theirs is trained on; see the mask"
    """What is missing where episodes give no row."""
    note: str = ""
    """What whoever trains on it has to know, in a sentence; empty where there is nothing."""

    def __init__(self, training: Training, shape: Shape) -> None:
        self.training = training
        self.shape = shape

    @abstractmethod
    def columns(self) -> dict[str, ColumnType]:
        """Name the columns with their types."""

    @abstractmethod
    def rows(self, part: Part) -> Iterator[Row]:
        """Yield the rows of a part."""

    def files_beside(self, data: Mapping[str, str]) -> dict[str, bytes]:
        """Return further files that readers of the format need, by their names.

        Args:
            data: names of the files of rows, by their parts.
        """
        return {}

    def about(self, **columns: ColumnType) -> dict[str, ColumnType]:
        """Name the columns that say what a row is of, then some more, then `tools` if needed."""
        tools: dict[str, ColumnType] = {"tools": "string"} if self.shape.tools else {}
        return {**_ABOUT, **columns, **tools}

    def row(self, episode: Episode, suffix: object = None, /, **values: Any) -> Row:
        """Make a row of an episode; a suffix tells apart those of one episode."""
        task = episode.trajectory.task
        row = {
            "id": episode.id if suffix is None else f"{episode.id}/{suffix}",
            "environment": task.environment,
            "kind": task.kind,
            "task": task.id,
            **values,
        }
        return row | {"tools": episode.source.tools} if self.shape.tools else row

    def message_type(self) -> dict[str, ColumnType]:
        """Name the fields of a message with their types."""
        fields: dict[str, ColumnType] = {"role": "string", "content": "string"}
        if self.shape.thoughts:
            fields["reasoning_content"] = "string"
        if self.shape.tools:
            function: dict[str, ColumnType] = {"name": "string", "arguments": "string"}
            fields["tool_calls"] = [{"id": "string", "type": "string", "function": function}]
            fields["tool_call_id"] = "string"
        return fields


def to_chat(line: Line) -> Row:
    """Write a message in the shape of the chat-completions API."""
    message = line.message
    chat: Row = {"role": message.role, "content": line.text}
    if line.thoughts is not None:
        chat["reasoning_content"] = line.thoughts
    if message.tool_calls:
        chat["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        chat["tool_call_id"] = message.tool_call_id
    return chat


def all_to_chat(lines: Iterable[Line]) -> list[Row]:
    """Write messages in the shape of the chat-completions API."""
    return [to_chat(line) for line in lines]
