"""Finds the task in a prompt, in the wording of each protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embodied.prompting.m3 import M3Conversation
from embodied.simulated_llm.chat_schema import ChatMessage

GIVE_UP = "<solution>give up</solution>"
"""Said where there is nothing more to say."""
_STUB = re.compile(r"^def \w+\(", re.MULTILINE)


@dataclass(frozen=True)
class _Wording:
    mark: str
    """What stands before the task in its message."""
    worded: Callable[[str], str]
    """See `ParsedPrompt.worded`."""


def _as_it_is(content: str) -> str:
    return content


def _as_in_m3(content: str) -> str:
    return "Answer: give up" if content == GIVE_UP else M3Conversation.worded(content)


_WORDINGS = (
    _Wording("Here is your task.\n\n", _as_it_is),
    _Wording("Now, let's get started!\n", _as_in_m3),
    _Wording("\nTask:\n", _as_it_is),
)
_BARE = _Wording("", _as_it_is)
"""The default wording where there are no examples: the first user message is the task."""
_EXAMPLES = "Example 1.\n\n"
"""The default wording where there are some begins with this."""


@dataclass(frozen=True)
class ParsedPrompt:
    """The parts of a conversation."""

    task: str
    """The first observation, as far as the protocol shows it."""
    instructions: str
    """All before the task."""
    replies: tuple[str, ...]
    """What the policy said since."""
    observations: tuple[str, ...]
    """What it was shown since."""
    worded: Callable[[str], str]
    """Puts `GIVE_UP`, or an action in `<execute>` tags, into the protocol's form."""

    @property
    def wants_code(self) -> bool:
        """Whether the robot's functions are shown as Python: the action format `code`."""
        return _STUB.search(self.instructions) is not None


def parse_prompt(messages: Sequence[ChatMessage]) -> ParsedPrompt | None:
    """Split a conversation into its parts; None: no user has said anything."""
    texts = [message.text for message in messages]
    users = [number for number, message in enumerate(messages) if message.role == "user"]
    if not users:
        return None
    start, wording = _find([(number, texts[number]) for number in users])
    before, mark, task = texts[start].rpartition(wording.mark) if wording.mark else ("", "", "")
    later = list(zip(messages[start + 1 :], texts[start + 1 :], strict=True))
    return ParsedPrompt(
        task=task if mark else texts[start],
        instructions="\n".join([*texts[:start], before]),
        replies=tuple(text for message, text in later if message.role == "assistant"),
        observations=tuple(text for message, text in later if message.role != "assistant"),
        worded=wording.worded,
    )


def _find(users: Sequence[tuple[int, str]]) -> tuple[int, _Wording]:
    """Find the message that holds the task, and its wording.

    It is the first message of a user, except where examples come first.
    """
    exemplified = users[0][1].startswith(_EXAMPLES)
    for number, text in users if exemplified else users[:1]:
        for wording in _WORDINGS:
            if wording.mark in text:
                return number, wording
    return users[0][0], _BARE
