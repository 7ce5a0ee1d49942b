"""The default wording. It is the same for all action formats but for what each must explain."""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied.environment import Observation
from embodied.interpreter.session import Output
from embodied.policy import Reply
from embodied.prompting.base import Budget, ParsedReply, Prompt
from embodied.prompting.history import join_users
from embodied.trajectory import Message

_TEMPLATE = """\
You control a robot {means}. In each turn, first say in a sentence or two what you have \
learned and what to do next, then {form}

{rules}

{functions}

You have {turns} turns{steps}. The episode ends by itself as soon as the goal is reached. If the \
task cannot be done, write <solution>give up</solution> instead of {noun}."""


_NOTHING = "(the action ran and printed nothing)"
_FRAMED = re.compile(r"\AObservation:\n(.*)\n\[left: \d+ turns", re.DOTALL)


class DefaultPrompt(Prompt):
    """A system message with the robot's API, examples, the task, then actions and what came of
    them in turn.
    """

    template = _TEMPLATE
    task_mark = "Here is your task.\n\n"

    def initial_messages(self, observation: Observation) -> list[Message]:
        """Write the API from the controller's docstrings, examples, then the first observation."""
        system = Message(role="system", content=self._system())
        task = Message(role="user", content=observation.text)
        if not self.protocol.examples:
            return [system, task]
        messages = [system]
        for number, example in enumerate(self.protocol.examples, start=1):
            messages += _headed(example, f"Example {number}.")
        return join_users([*messages, *_headed((task,), self.task_mark.strip())])

    def parse_reply(self, reply: Reply) -> ParsedReply:
        """Find action and answer, which may stand in one message; the action runs first.

        A solution in the action, such as one that the code prints, or in a thought is none.
        """
        found = self.format.parse(reply)
        answers = self.format.split(reply.content).solutions
        return ParsedReply(
            action=found.action,
            answer=answers[0].strip() if answers else None,
            tries_to_answer=bool(answers),
            problem=found.problem,
        )

    def render_outcome(self, parsed: ParsedReply, output: Output, budget: Budget) -> str:
        """Show what was printed or returned, then why the action stopped, if it did."""
        if parsed.action is None:
            return self._unreadable(parsed) if parsed.answer is None else "The goal is not reached."
        return self.describe_output(parsed.action, output) or _NOTHING

    @classmethod
    def outcome_of(cls, observation: str) -> str:
        """Take the outcome out of its frame."""
        framed = _FRAMED.match(observation)
        outcome = framed[1] if framed else observation
        return "" if outcome == _NOTHING else outcome

    def frame_observation(self, body: str, budget: Budget) -> str:
        """Show the outcome with what is left of turns and steps."""
        steps = "" if budget.steps is None else f", {budget.steps} robot actions"
        return f"Observation:\n{body}\n[left: {budget.turns} turns{steps}]"

    def _system(self) -> str:
        limits, phrases = self.protocol.limits, self.format.phrases
        functions = [self.controller.introduction, phrases.heading + self.format.describe_api()]
        return self.instructions(
            means=phrases.means,
            form=self._with_example(phrases.instruction, "\n\n"),
            rules=self.format.rules,
            noun=phrases.noun,
            functions="\n\n".join(filter(None, functions)),
            turns=limits.turns,
            steps="" if limits.steps is None else f" and {limits.steps} robot actions in all",
        )

    def _unreadable(self, parsed: ParsedReply) -> str:
        problem = f": {parsed.problem}" if parsed.problem else ""
        text = self.format.phrases.unreadable.format(problem=problem)
        return self._with_example(text, "\n")

    def _with_example(self, text: str, separator: str) -> str:
        """Add the right form of an action, where actions are text."""
        return text if self.format.native_calls else f"{text}{separator}{self.format.example()}"


def _headed(messages: Sequence[Message], heading: str) -> list[Message]:
    """Put a heading above a conversation's first message."""
    first, *rest = messages
    return [first.model_copy(update={"content": f"{heading}\n\n{first.text}"}), *rest]
