"""Conversations of other data sets, recognised by the shapes in which they are published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from embodied.datasets.conversation import Line, text_of
from embodied.datasets.files import Row
from embodied.datasets.formats.chat import from_chat
from embodied.errors import DataError
from embodied.trajectory import Message

_ROLES = {
    "system": "system",
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "assistant", "bing", "bard", "model"), "assistant"),
}


def conversation_of(row: Row, where: str) -> list[Line]:
    """Read a conversation; what assistants say is trained on, unless messages say that themselves.

    Returns:
        No line for a row that has its shape but cannot be used: nothing in it is trained on, or a
        message has no text or an unknown role.

    Raises:
        DataError: the row has none of the known shapes.
    """
    read = next((read for columns, read in _SHAPES.items() if columns <= row.keys()), None)
    if read is None:
        known = "; ".join(", ".join(sorted(columns)) for columns in _SHAPES)
        raise DataError(
            f"{where} has the columns {', '.join(row)[:200]}; known are those of chat, ShareGPT, "
            f"CapyBara and OpenOrca: {known}"
        )
    try:
        lines = list(read(row))
    except (KeyError, TypeError, ValueError, AttributeError, ValidationError):
        return []
    return lines if any(line.trained for line in lines) else []


def _chat(row: Row) -> Iterator[Line]:
    said = any("train" in message for message in row["messages"])
    for line in from_chat(row):
        yield line if said else _line(line.message)


def _sharegpt(row: Row) -> Iterator[Line]:
    for turn in row["conversations"]:
        role = turn["from"] if "from" in turn else turn["role"]
        text = turn["value"] if "value" in turn else turn["content"]
        yield _message(_ROLES[role], text)


def _capybara(row: Row) -> Iterator[Line]:
    for turn in row["conversation"]:
        yield _message("user", turn["input"])
        yield _message("assistant", turn["output"])


def _openorca(row: Row) -> Iterator[Line]:
    if row.get("system_prompt"):
        yield _message("system", row["system_prompt"])
    yield _message("user", row["question"])
    yield _message("assistant", row["response"])


_SHAPES: Mapping[frozenset[str], Callable[[Row], Iterator[Line]]] = {
    frozenset({"messages"}): _chat,
    frozenset({"conversations"}): _sharegpt,
    frozenset({"conversation"}): _capybara,
    frozenset({"question", "response"}): _openorca,
}
"""By the columns that a shape is known by."""


def _message(role: Any, text: Any) -> Line:
    return _line(Message(role=role, content=text))


def _line(message: Message) -> Line:
    if not (text_of(message) or message.tool_calls):
        raise ValueError("a message says nothing")
    return Line(message, message.role == "assistant")
