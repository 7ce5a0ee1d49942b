"""Which part of an episode's conversation the policy is shown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from embodied.prompting.pictures import drop_oldest
from embodied.protocol import History
from embodied.trajectory import Message, TextPart, Turn

_REQUEST = """\
Before you go on, sum up turns {first} to {last}: from now on, your summary stands in their place. \
Keep what you will need: what you did, what you saw and where, what failed and why, and the names \
of variables and functions that you defined. Write the summary and nothing else; take no action \
now."""
_SUMMARY = "Summary of turns {first} to {last}:\n{text}"


class ConversationHistory:
    """The prompt and the turns so far, as the protocol's `history` has them shown.

    Summaries are appended to the prompt and never changed, so that servers can cache it.

    Args:
        prompt: the messages before the first turn.
        settings: which turns are shown.
        pictures: how many of the last pictures stay; None: all.
    """

    def __init__(
        self, prompt: Sequence[Message], settings: History, pictures: int | None = None
    ) -> None:
        self._prompt = list(prompt)
        self._settings = settings
        self._pictures = pictures
        self._turns: list[list[Message]] = []
        """The messages of each turn that is shown."""
        self._summed_up = 0
        self._drop_pictures()

    def add(self, turn: Turn) -> None:
        """Append a turn."""
        self._turns.append(turn.messages)
        if self._settings.kind == "last":
            del self._turns[: -(self._settings.turns or 0)]
        self._drop_pictures()

    def shown(self) -> list[Message]:
        """List the messages that the policy is to answer."""
        return [*self._prompt, *itertools.chain.from_iterable(self._turns)]

    def summary_request(self) -> list[Message] | None:
        """Ask for a summary of the oldest turns; None: none is due.

        One is due when twice as many turns as the settings keep have gathered; it takes the place
        of the older half.
        """
        kept = self._settings.turns
        if self._settings.kind != "summary" or kept is None or len(self._turns) < 2 * kept:
            return None
        request = _REQUEST.format(first=self._summed_up + 1, last=self._summed_up + kept)
        return join_users([*self.shown(), Message(role="user", content=request)])

    def replace_oldest(self, summary: str) -> None:
        """Show a summary in place of the turns that the request named."""
        kept = self._settings.turns or 0
        first, last = self._summed_up + 1, self._summed_up + kept
        text = _SUMMARY.format(first=first, last=last, text=summary)
        self._prompt = join_users([*self._prompt, Message(role="user", content=text)])
        del self._turns[:kept]
        self._summed_up = last

    def _drop_pictures(self) -> None:
        """Put lines in the place of the oldest pictures, once twice as many as stay are shown."""
        shown = sum(len(message.pictures) for message in self.shown())
        if self._pictures is None or shown < 2 * self._pictures:
            return
        left = iter(drop_oldest(self.shown(), shown - self._pictures))
        self._prompt = [next(left) for _ in self._prompt]
        self._turns = [[next(left) for _ in turn] for turn in self._turns]


def join_users(messages: Sequence[Message]) -> list[Message]:
    """Join a user's following messages, since some models take only one in turn."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role == "user":
            joined[-1] = joined[-1].with_parts([TextPart(text=""), *message.parts])
        else:
            joined.append(message)
    return joined
