"""The default wording."""

from __future__ import annotations

from embodied.actions import as_code
from embodied.conversations.base import Conversation, Move, Remaining
from embodied.environment import Observation
from embodied.interpreter.session import Output
from embodied.trajectory import Message

_SYSTEM = """\
You control a robot by writing Python. In each turn, first say in a sentence or two what you have \
learned and what to do next, then write one code block:

<execute>
{example}
</execute>

The code runs, and you see what it printed. Use variables, loops and conditions; look at what the \
functions return and decide in the code; variables and functions live on from turn to turn. \
The standard modules re, math, json, random, itertools and collections can be imported.

These functions control the robot:

{functions}

You have {turns} turns{steps}. The episode ends by itself as soon as the goal is reached. If the \
task cannot be done, write <solution>give up</solution> instead of code."""

_UNREADABLE = """\
No code was found in your message. Write it like this:
<execute>
{example}
</execute>"""


class DefaultConversation(Conversation):
    """A system message with the robot's API, the task, then code and what it printed in turn."""

    def opening(self, observation: Observation) -> list[Message]:
        """The API from the controller's docstrings, then the first observation."""
        limits = self.protocol.limits
        steps = "" if limits.steps is None else f" and {limits.steps} robot actions in all"
        system = _SYSTEM.format(
            example=as_code.example(self.controller),
            functions=as_code.document(self.controller),
            turns=limits.turns,
            steps=steps,
        )
        return [
            Message(role="system", content=system),
            Message(role="user", content=observation.text),
        ]

    def read(self, message: str) -> Move:
        """Code and answer may stand in one message; the code runs first."""
        answers = as_code.tagged(message, "solution")
        return Move(
            action=as_code.parse(message),
            answer=answers[0].strip() if answers else None,
            tries_to_answer=bool(answers),
        )

    def observation(self, output: Output, remaining: Remaining) -> str:
        """What was printed, then the error or the limit, then what is left."""
        parts = [output.stdout.rstrip("\n")]
        if output.value is not None:
            parts.append(output.value)
        if output.error is not None:
            where = f" (line {output.error.line})" if output.error.line else ""
            parts.append(f"{output.error.type}{where}: {output.error.message}")
        if output.limit is not None:
            parts.append(f"Stopped: {output.limit}")
        text = "\n".join(part for part in parts if part)
        return self._framed(text or "(the code ran and printed nothing)", remaining)

    def wrong_answer(self, remaining: Remaining) -> str:
        """The goal is not reached."""
        return self._framed("The goal is not reached.", remaining)

    def unreadable(self, remaining: Remaining) -> str:
        """Shows the right form."""
        return self._framed(_UNREADABLE.format(example=as_code.example(self.controller)), remaining)

    def _framed(self, text: str, remaining: Remaining) -> str:
        steps = "" if remaining.steps is None else f", {remaining.steps} robot actions"
        return f"Observation:\n{text}\n[left: {remaining.turns} turns{steps}]"
