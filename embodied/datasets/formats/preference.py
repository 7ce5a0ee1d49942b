"""Good and bad messages from the samples of a task: preference pairs and KTO rows."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from embodied.datasets.columns import ColumnType
from embodied.datasets.conversation import Exchange, Line, Training, exchanges, text_of
from embodied.datasets.files import Row
from embodied.datasets.formats.base import Format, all_to_chat
from embodied.datasets.part import Part
from embodied.datasets.sources import Episode
from embodied.protocol import History
from embodied.trajectory import Message, Outcome


class Preference(Format):
    """One row for a success and another sample of its task: `prompt`, all that both were shown up
    to where they first say something else, and what they say there, `chosen` and `rejected`.

    The successes and the other scored samples of a task are paired in their order, each once.
    """

    name = "preference"
    needs = (
        "no task has both a success and another scored sample that say something else after the "
        "same; take runs with tasks.samples above 1, and no rule that keeps successes only"
    )

    def columns(self) -> dict[str, ColumnType]:
        message: ColumnType = [self.message_type()]
        return self.about(prompt=message, chosen=message, rejected=message)

    def rows(self, part: Part) -> Iterator[Row]:
        for samples in part.by_task():
            good = [each for each in samples if each.success]
            bad = [each for each in samples if each.outcome in _NOT_REACHED]
            for better, worse in zip(good, bad, strict=False):
                yield from self._pair(part.load(better), part.load(worse))

    def _pair(self, better: Episode, worse: Episode) -> Iterator[Row]:
        all_said = Training("none", self.training.thoughts)
        theirs = exchanges(worse.trajectory, _history(worse), all_said)
        mine = exchanges(better.trajectory, _history(better), self.training)
        for chosen, rejected in zip(mine, theirs, strict=False):
            if _content(chosen.shown) != _content(rejected.shown):
                return
            if _content([chosen.said.message]) != _content([rejected.said.message]):
                if chosen.said.trained and rejected.said.trained:
                    yield self._row(better, worse, chosen, rejected)
                return

    def _row(self, better: Episode, worse: Episode, chosen: Exchange, rejected: Exchange) -> Row:
        return self.row(
            better,
            f"{chosen.number}/{worse.id}",
            prompt=all_to_chat(map(Line, chosen.shown)),
            chosen=all_to_chat([chosen.said]),
            rejected=all_to_chat([rejected.said]),
        )


class KTO(Format):
    """One row a message, `completion` to a `prompt`; `label` says whether its episode reached the
    goal. Of successes, messages that are not trained on are left out.
    """

    name = "kto"

    def columns(self) -> dict[str, ColumnType]:
        message: ColumnType = [self.message_type()]
        return self.about(prompt=message, completion=message, label="bool")

    def rows(self, part: Part) -> Iterator[Row]:
        for candidate in part.candidates:
            if not (candidate.success or candidate.outcome in _NOT_REACHED):
                continue
            episode = part.load(candidate)
            mask = self.training.mask if candidate.success else "none"
            training = Training(mask, self.training.thoughts)
            for turn in exchanges(episode.trajectory, _history(episode), training):
                if turn.said.trained:
                    yield self.row(
                        episode,
                        turn.number,
                        prompt=all_to_chat(map(Line, turn.shown)),
                        completion=all_to_chat([turn.said]),
                        label=candidate.success,
                    )


_NOT_REACHED = (Outcome.FAILURE, Outcome.TRUNCATED)


def _history(episode: Episode) -> History:
    return episode.source.protocol.protocol.history


def _content(messages: Sequence[Message]) -> Hashable:
    """Make what two conversations are compared by: all but the ids of function calls."""
    return tuple(
        (each.role, text_of(each), *((call.name, call.arguments) for call in each.tool_calls))
        for each in messages
    )
