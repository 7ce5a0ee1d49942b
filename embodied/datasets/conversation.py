"""Episodes as conversations: what the policy was shown, what it said, what is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import is_

from embodied.datasets.turns import MaskKind, is_trained
from embodied.prompting.history import ConversationHistory
from embodied.protocol import History
from embodied.trajectory import Message, Trajectory, Turn


@dataclass(frozen=True)
class Training:
    """What of an episode is trained on."""

    mask: MaskKind = "errors"
    thoughts: bool = False
    """Whether what a thinking model thought is part of its messages."""


def text_of(message: Message) -> str:
    """Return what a message says, with a line in the place of each picture. All that datasets hold
    of it comes from here.
    """
    return message.text


@dataclass(frozen=True)
class Line:
    """One message of a conversation."""

    message: Message
    trained: bool = False
    thoughts: str | None = None
    """What was thought before the message; None where nothing was, or thoughts are left out."""

    @property
    def text(self) -> str:
        """The message's text."""
        return text_of(self.message)


@dataclass(frozen=True)
class Exchange:
    """One turn: what the policy was shown, and what it said."""

    number: int
    """Of the turn, counted from 1."""
    shown: Sequence[Message]
    said: Line


def exchanges(
    trajectory: Trajectory, history: History, training: Training = Training()
) -> Iterator[Exchange]:
    """Yield an episode turn by turn, each with what the protocol's `history` had shown by then.

    What answers the last turn is not there: the policy was never shown it.
    """
    shown = ConversationHistory(trajectory.prompt, history)
    for number, turn in enumerate(trajectory.turns, start=1):
        if turn.summary is not None:
            shown.replace_oldest(turn.summary)
        yield Exchange(number, shown.shown(), _said(turn, training))
        shown.add(turn)


def _said(turn: Turn, training: Training) -> Line:
    thoughts = turn.reasoning if training.thoughts else None
    return Line(turn.messages[0], is_trained(turn, training.mask), thoughts or None)


def conversations(
    trajectory: Trajectory, history: History, training: Training = Training()
) -> Iterator[list[Line]]:
    """Yield an episode as the fewest conversations that show each turn what the policy was shown.

    There is one where the protocol shows all turns. A conversation begins anew where older turns
    are left out or summed up; in it, messages that stood in the one before are not trained on
    again. Conversations with nothing to train on are left out.
    """
    lines: list[Line] = []
    shown: Sequence[Message] = ()
    for exchange in exchanges(trajectory, history, training):
        goes_on = len(exchange.shown) > len(shown) and all(map(is_, shown, exchange.shown))
        if not (lines and goes_on):
            yield from _trained(lines)
            lines = []
        lines += [Line(message) for message in exchange.shown[len(lines) :]]
        lines.append(exchange.said)
        shown = exchange.shown
    yield from _trained(lines)


def _trained(lines: list[Line]) -> Iterator[list[Line]]:
    if any(line.trained for line in lines):
        yield lines


def join_lines(lines: Sequence[Line], role: str) -> list[Line]:
    """Join lines of one role that follow each other."""
    joined: list[Line] = []
    for line in lines:
        if joined and joined[-1].message.role == line.message.role == role:
            text = f"{joined[-1].text}\n\n{line.text}"
            joined[-1] = replace(line, message=line.message.model_copy(update={"content": text}))
        else:
            joined.append(line)
    return joined
