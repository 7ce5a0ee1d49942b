"""ShareGPT conversations as LLaMA-Factory reads them, with the entry of its `dataset_info.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json

from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Line, Training, conversations, exchanges, join_lines
from embodied.datasets.files import Row
from embodied.datasets.formats.base import Format, Shape
from embodied.datasets.part import Part
from embodied.datasets.sources import Episode

_ROLES = {"user": "human", "assistant": "gpt", "tool": "observation"}


class ShareGPT(Format):
    """`conversations` of human and gpt in turn, `system` apart.

    LLaMA-Factory has no mask for single messages. With the mask `errors` there is one row for each
    turn that is trained on, which ends with it; with the mask `none` one row a conversation.
    """

    name = "sharegpt"

    def __init__(self, training: Training, shape: Shape) -> None:
        super().__init__(training, shape)
        if training.mask == "errors":
            self.note = "Train with `mask_history: true`: only the last message of a row is meant."

    def columns(self) -> dict[str, ColumnType]:
        return self.about(conversations=[{"from": "string", "value": "string"}], system="string")

    def rows(self, part: Part) -> Iterator[Row]:
        for episode in part:
            for suffix, lines in self._conversations(episode):
                system = lines[0].text if lines[0].message.role == "system" else ""
                said = [line for line in lines if line.message.role != "system"]
                written = [_written(line) for line in join_lines(said, "user")]
                joined = _joined_observations(written)
                yield self.row(episode, suffix, conversations=joined, system=system)

    def _conversations(self, episode: Episode) -> Iterator[tuple[object, list[Line]]]:
        history = episode.source.protocol.protocol.history
        if self.training.mask == "none":
            found = conversations(episode.trajectory, history, self.training)
            for number, lines in enumerate(found, start=1):
                yield None if number == 1 else number, lines
            return
        for turn in exchanges(episode.trajectory, history, self.training):
            if turn.said.trained:
                yield turn.number, [*map(Line, turn.shown), turn.said]

    def files_beside(self, data: Mapping[str, str]) -> dict[str, bytes]:
        """Write `dataset_info.json`, with an entry for each part."""
        columns = {"messages": "conversations", "system": "system"}
        columns |= {"tools": "tools"} if self.shape.tools else {}
        entries = {
            f"embodied_{part}": {"file_name": name, "formatting": "sharegpt", "columns": columns}
            for part, name in data.items()
        }
        return {"dataset_info.json": json.dumps(entries, indent=2).encode() + b"\n"}


def _written(line: Line) -> Row:
    """Write a message. Text beside function calls is left out: there is no place for it."""
    if line.message.tool_calls:
        calls = [
            {"name": call.name, "arguments": _arguments(call.arguments)}
            for call in line.message.tool_calls
        ]
        return {"from": "function_call", "value": _thought(line) + to_json(calls).decode()}
    return {"from": _ROLES[line.message.role], "value": _thought(line) + line.text}


def _thought(line: Line) -> str:
    return "" if line.thoughts is None else f"<think>\n{line.thoughts}\n</think>\n\n"


def _arguments(text: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return text


def _joined_observations(written: Sequence[Row]) -> list[Row]:
    """Join what answers several calls of one message: roles must take turns."""
    joined: list[Row] = []
    for message in written:
        if joined and joined[-1]["from"] == message["from"] == "observation":
            joined[-1] = {**message, "value": f"{joined[-1]['value']}\n{message['value']}"}
        else:
            joined.append(message)
    return joined
