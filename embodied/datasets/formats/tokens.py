"""Rows of token ids as the server had them: nothing is tokenised again, no template is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from embodied.datasets.columns import ColumnType
from embodied.datasets.files import Row
from embodied.datasets.formats.base import Format
from embodied.datasets.part import Part
from embodied.datasets.turns import is_trained
from embodied.trajectory import TokenRecord, Turn

UNTRAINED = -100
"""The label that PyTorch's cross entropy leaves out."""


class Tokens(Format):
    """`input_ids`, `labels` (the ids of what is trained on, else -100) and `attention_mask`.

    There is one row for as many turns as each begin with all ids of the turn before. Turns without
    recorded ids are left out.
    """

    name = "tokens"
    needs = "no turn that is trained on has recorded ids; play with llm.record_tokens"
    note = (
        "The ids are the server's, thoughts included; they fit only the model that played. Turns "
        "without recorded ids (`llm.record_tokens`) are left out."
    )

    def columns(self) -> dict[str, ColumnType]:
        ids: ColumnType = ["int64"]
        return {**self.about(), "input_ids": ids, "labels": ids, "attention_mask": ids}

    def rows(self, part: Part) -> Iterator[Row]:
        for episode in part:
            found = _sequences(episode.trajectory.turns, self)
            for number, each in enumerate(found, start=1):
                yield self.row(
                    episode,
                    None if number == 1 else number,
                    input_ids=each.ids,
                    labels=each.labels,
                    attention_mask=[1] * len(each.ids),
                )


@dataclass
class _Sequence:
    ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def begins(self, tokens: TokenRecord) -> bool:
        """Tell whether what a turn's model read begins with this sequence."""
        return tokens.prompt_ids[: len(self.ids)] == self.ids

    def add(self, tokens: TokenRecord, trained: bool) -> None:
        """Append what is new of a turn that this sequence begins."""
        read, written = tokens.prompt_ids[len(self.ids) :], tokens.completion_ids
        self.ids += read + written
        self.labels += [UNTRAINED] * len(read)
        self.labels += written if trained else [UNTRAINED] * len(written)

    @property
    def trained(self) -> bool:
        """Whether any of it is trained on."""
        return any(label != UNTRAINED for label in self.labels)


def _sequences(turns: list[Turn], tokens: Tokens) -> Iterator[_Sequence]:
    sequence = _Sequence()
    for turn in turns:
        if turn.tokens is None:
            continue
        if not sequence.begins(turn.tokens):
            if sequence.trained:
                yield sequence
            sequence = _Sequence()
        sequence.add(turn.tokens, is_trained(turn, tokens.training.mask))
    if sequence.trained:
        yield sequence
