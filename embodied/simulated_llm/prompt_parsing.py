"""Finds the task in a prompt, in the wording of each protocol."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from embodied.plugins.registry import names
from embodied.policy import Reply
from embodied.prompting import PROMPTS, Prompt, prompt_class
from embodied.simulated_llm.chat_schema import ChatMessage

GIVE_UP = Reply("<solution>give up</solution>")
"""Said where there is nothing more to say."""
_STUB = re.compile(r"^def \w+\(", re.MULTILINE)
_PICTURES = re.compile(r"(?:\n?\[(?:picture|file): [^\]\n]*\])+\Z")
"""The lines that stand for what is attached."""
_BARE = "default"
"""The prompt that shows the task alone in a user's message, where there are no examples."""
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
    prompt: type[Prompt]
    """The wording."""

    def worded(self, reply: Reply) -> Reply:
        """Put a message that an action format has rendered, or `GIVE_UP`, into the wording."""
        return replace(reply, content=self.prompt.wrap_action(reply.content))

    @property
    def wants_code(self) -> bool:
        """Whether the robot's functions are shown as Python: the action format `code`."""
        return _STUB.search(self.instructions) is not None


def parse_prompt(messages: Sequence[ChatMessage]) -> ParsedPrompt | None:
    """Split a conversation into its parts; None: no user has said anything."""
    texts = [_PICTURES.sub("", message.text) for message in messages]
    users = [number for number, message in enumerate(messages) if message.role == "user"]
    if not users:
        return None
    start, prompt = _find([(number, texts[number]) for number in users])
    before, mark, task = texts[start].rpartition(prompt.task_mark)
    later = [
        (message, text)
        for before_it, message, text in zip(
            messages[start:], messages[start + 1 :], texts[start + 1 :], strict=False
        )
        # Pictures of what function calls brought: no answer to a message.
        if not (message.role == "user" and before_it.role == "tool")
    ]
    return ParsedPrompt(
        task=task if mark else texts[start],
        instructions="\n".join([*texts[:start], before]),
        replies=tuple(text for message, text in later if message.role == "assistant"),
        observations=tuple(text for message, text in later if message.role != "assistant"),
        prompt=prompt,
    )


def _find(users: Sequence[tuple[int, str]]) -> tuple[int, type[Prompt]]:
    """Find the message that holds the task, and its wording.

    It is the first message of a user, except where examples come first.
    """
    exemplified = users[0][1].startswith(_EXAMPLES)
    for number, text in users if exemplified else users[:1]:
        for prompt in _prompts():
            if prompt.task_mark and prompt.task_mark in text:
                return number, prompt
    return users[0][0], prompt_class(_BARE)


@functools.cache
def _prompts() -> list[type[Prompt]]:
    return [prompt_class(name) for name in names(PROMPTS)]
