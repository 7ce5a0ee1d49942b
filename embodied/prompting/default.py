"""The default wording. It is the same for all action formats but for what each must explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from embodied.action_formats.blocks import split
from embodied.environment import Observation
from embodied.interpreter.session import Output
from embodied.policy import Reply
from embodied.prompting.base import Conversation, Move, Remaining
from embodied.trajectory import Message

_SYSTEM = """\
You control a robot {means}. In each turn, first say in a sentence or two what you have \
learned and what to do next, then {form}

{rules}

{functions}

You have {turns} turns{steps}. The episode ends by itself as soon as the goal is reached. If the \
task cannot be done, write <solution>give up</solution> instead of {noun}."""


class _Words(NamedTuple):
    """How the default wording speaks of an action format."""

    means: str
    write: str
    rules: str
    noun: str
    functions: str = "These functions control the robot:\n\n{document}"


_CALLS_RULE = (
    "The calls are made in order, and you see what each of them returned. The first call that "
    "fails ends the action."
)
_WORDS = {
    "code": _Words(
        "by writing Python",
        "write one code block:",
        "The code runs, and you see what it printed. Use variables, loops and conditions; look at "
        "what the functions return and decide in the code; variables and functions live on from "
        "turn to turn. The standard modules re, math, json, random, itertools and collections can "
        "be imported.",
        "code",
    ),
    "json": _Words(
        "by calling its functions in JSON",
        "write a call, or a list of calls:",
        _CALLS_RULE,
        "calls",
    ),
    "text": _Words(
        "by commands",
        "write a command, or several, one a line:",
        _CALLS_RULE.replace("call", "command"),
        "commands",
    ),
    "tools": _Words(
        "by calling its functions",
        "call one or more of them.",
        _CALLS_RULE,
        "calls",
        "{document}",
    ),
}

_UNREADABLE = {
    "code": "No code was found in your message. Write it like this:",
    "json": "No JSON call could be read in your message{problem}. Write it like this:",
    "text": "No command could be read in your message{problem}. Write it like this:",
    "tools": "Your message calls no function that could be read{problem}.",
}


class DefaultConversation(Conversation):
    """A system message with the robot's API, examples, the task, then actions and what came of
    them in turn.
    """

    def opening(self, observation: Observation) -> list[Message]:
        """The API from the controller's docstrings, examples, then the first observation."""
        system = Message(role="system", content=self._system())
        task = Message(role="user", content=observation.text)
        if not self.protocol.examples:
            return [system, task]
        messages = [system]
        for number, example in enumerate(self.protocol.examples, start=1):
            messages += _headed(example, f"Example {number}.")
        return _alternating([*messages, *_headed((task,), "Here is your task.")])

    def read(self, reply: Reply) -> Move:
        """Action and answer may stand in one message; the action runs first.

        A solution in the action, such as one that the code prints, or in a thought is none.
        """
        reading = self.format.read(reply)
        answers = split(reply.content).solutions
        return Move(
            action=reading.action,
            answer=answers[0].strip() if answers else None,
            tries_to_answer=bool(answers),
            problem=reading.problem,
        )

    def body(self, move: Move, output: Output, remaining: Remaining) -> str:
        """What was printed or returned, then why the action stopped, if it did."""
        if move.action is None:
            return self._unreadable(move) if move.answer is None else "The goal is not reached."
        return self.outcome(move.action, output) or "(the action ran and printed nothing)"

    def framed(self, body: str, remaining: Remaining) -> str:
        """The observation with what is left of turns and steps."""
        steps = "" if remaining.steps is None else f", {remaining.steps} robot actions"
        return f"Observation:\n{body}\n[left: {remaining.turns} turns{steps}]"

    def _system(self) -> str:
        limits, words = self.protocol.limits, _WORDS[self.format.name]
        example, document = self.format.example(), self.format.document()
        return _SYSTEM.format(
            means=words.means,
            form=words.write if self.format.name == "tools" else f"{words.write}\n\n{example}",
            rules=words.rules,
            noun=words.noun,
            functions=words.functions.format(document=document),
            turns=limits.turns,
            steps="" if limits.steps is None else f" and {limits.steps} robot actions in all",
        )

    def _unreadable(self, move: Move) -> str:
        problem = f": {move.problem}" if move.problem else ""
        text = _UNREADABLE[self.format.name].format(problem=problem)
        return text if self.format.name == "tools" else f"{text}\n{self.format.example()}"


def _headed(messages: Sequence[Message], heading: str) -> list[Message]:
    """A conversation whose first message has a heading."""
    first, *rest = messages
    return [first.model_copy(update={"content": f"{heading}\n\n{first.content}"}), *rest]


def _alternating(messages: Sequence[Message]) -> list[Message]:
    """The messages with a user's following ones joined, since some models take only one in turn."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role == "user":
            text = f"{joined[-1].content}\n\n{message.content}"
            joined[-1] = message.model_copy(update={"content": text})
        else:
            joined.append(message)
    return joined
