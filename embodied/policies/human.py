"""Human: a person plays in the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from embodied.actions import as_code
from embodied.policy import Policy, Reply
from embodied.trajectory import Message

_HELP = "Write Python and end it with an empty line; an empty line alone gives up."


class HumanPolicy(Policy):
    """Shows each message and reads a code action from the terminal."""

    name = "human"

    def __init__(self) -> None:
        self._shown = 0

    async def reply(self, messages: Sequence[Message]) -> Reply | None:
        """What the person typed, as a code action; None at end of input."""
        for message in messages[self._shown :]:
            if message.role != "assistant":
                print(message.content, flush=True)
        self._shown = len(messages) + 1
        code = await asyncio.to_thread(_read_code)
        return Reply(as_code.render("", code)) if code else None


def _read_code() -> str:
    print(_HELP)
    lines: list[str] = []
    try:
        while line := input(">>> " if not lines else "... "):
            lines.append(line)
    except EOFError:
        pass
    return "\n".join(lines)
