"""Whole conversations in the shape of the chat-completions API: TRL, Axolotl, verl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Line, conversations
from embodied.datasets.files import Row
from embodied.datasets.formats.base import Format, to_chat
from embodied.datasets.part import Part
from embodied.trajectory import Message, ToolCall


class Chat(Format):
    """One row a conversation: `messages`, of which each says whether it is trained on (`train`)."""

    name = "chat"
    note = (
        "Train on the messages whose `train` is true. Axolotl: `message_field_training: train` and "
        "`roles_to_train: []`; TRL needs a chat template with generation marks around these, or "
        "the format prompt-completion; trainers that know no such marks, as verl, need --mask none."
    )

    def columns(self) -> dict[str, ColumnType]:
        return self.about(messages=[{**self.message_type(), "train": "bool"}])

    def rows(self, part: Part) -> Iterator[Row]:
        for episode in part:
            history = episode.source.protocol.protocol.history
            found = conversations(episode.trajectory, history, self.training)
            for number, lines in enumerate(found, start=1):
                messages = [{**to_chat(line), "train": line.trained} for line in lines]
                yield self.row(episode, None if number == 1 else number, messages=messages)


def from_chat(row: Mapping[str, Any]) -> list[Line]:
    """Read the messages of a chat row, as it was written or as a reader with columns gives it.

    Raises:
        KeyError, TypeError, ValueError: the row has not the shape.
    """
    return [_line(message) for message in row["messages"]]


def _line(chat: Mapping[str, Any]) -> Line:
    calls = [
        ToolCall(id=call["id"], **call["function"]) for call in _listed(chat.get("tool_calls"))
    ]
    message = Message(
        role=chat["role"],
        content=chat["content"] or "",
        tool_calls=calls,
        tool_call_id=chat.get("tool_call_id"),
    )
    return Line(message, bool(chat.get("train")), chat.get("reasoning_content"))


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value)
