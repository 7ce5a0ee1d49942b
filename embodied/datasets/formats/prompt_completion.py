"""One row a turn: what the policy was shown, and what it said."""

from __future__ import annotations

from collections.abc import Iterator

from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Line, exchanges
from embodied.datasets.files import Row
from embodied.datasets.formats.base import Format, all_to_chat
from embodied.datasets.part import Part


class PromptCompletion(Format):
    """One row a turn that is trained on: `prompt` and `completion`, lists of messages."""

    name = "prompt-completion"

    def columns(self) -> dict[str, ColumnType]:
        return self.about(prompt=[self.message_type()], completion=[self.message_type()])

    def rows(self, part: Part) -> Iterator[Row]:
        for episode in part:
            history = episode.source.protocol.protocol.history
            for turn in exchanges(episode.trajectory, history, self.training):
                if turn.said.trained:
                    prompt = all_to_chat(map(Line, turn.shown))
                    completion = all_to_chat([turn.said])
                    yield self.row(episode, turn.number, prompt=prompt, completion=completion)
