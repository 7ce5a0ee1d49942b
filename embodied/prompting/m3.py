"""The wording and the rules of M3ToolEval, CodeAct's own benchmark (arXiv 2402.01030, section 2.3).

An action stands between `Action:` and `End Action`, an answer behind `Answer:`; a wrong answer gets
another turn. The wording here is this project's; the forms and the rules are the benchmark's.
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied.action_formats.format import ActionFormat
from embodied.environment import Observation
from embodied.interpreter.session import Output
from embodied.policy import Reply
from embodied.prompting.base import Conversation, Move, Remaining
from embodied.trajectory import Message

_OPENING = """\
You have these functions to solve a task:

{document}

In each turn, think first, then do one of two things.
{action}
2) Give your answer once the task is done, on a line of its own:
Answer: your answer

You have {turns} turns. A wrong answer does not end the task.
{examples}
Now, let's get started!
{task}"""

_ACTION = """\
1) Take an action. You then see what came of it. {form}"""

_ACTION_BLOCK = re.compile(r"\bAction:(.*?)(?:\bEnd Action\b|\Z)", re.DOTALL)
_ANSWER = re.compile(r"\bAnswer:\**\s*(.*)")
_TAGGED = re.compile(r"<execute>(.*)</execute>", re.DOTALL)


class M3Conversation(Conversation):
    """One user message with the API and the task; then what each action printed, bare."""

    def opening(self, observation: Observation) -> list[Message]:
        """Functions, rules, examples and task."""
        content = _OPENING.format(
            document=self.format.document(),
            action=_ACTION.format(form=_form(self.format)),
            turns=self.protocol.limits.turns,
            examples="".join(f"\nExample:\n{_as_text(e)}\n" for e in self.protocol.examples),
            task=observation.text,
        )
        return [Message(role="user", content=content)]

    def read(self, reply: Reply) -> Move:
        """The first action or answer counts; the benchmark cuts off what follows it."""
        block, answer = _ACTION_BLOCK.search(reply.content), _ANSWER.search(reply.content)
        if answer and not reply.tool_calls and (not block or answer.start() < block.start()):
            return Move(answer=answer[1].strip(), tries_to_answer=True)
        inner = _tagged(block[1].strip()) if block else ""
        reading = self.format.read(replace(reply, content=inner))
        return Move(action=reading.action, problem=reading.problem)

    @classmethod
    def worded(cls, content: str) -> str:
        """The action between the benchmark's words, which stand nowhere else."""
        found = _TAGGED.search(content)
        if found is None:
            return content
        thought = re.sub(r"\b(Action|Answer):", r"\1 -", content[: found.start()])
        return f"{thought}Action:\n{found[1].strip()}\nEnd Action{content[found.end() :]}"

    def body(self, move: Move, output: Output, remaining: Remaining) -> str:
        """What was printed or returned, then why the action stopped, if it did."""
        if move.action is None and move.answer is not None:
            return "Your answer is wrong."
        if move.action is None:
            problem = f" ({move.problem})" if move.problem else ""
            return f"No action and no answer could be read{problem}. {_form(self.format)}"
        return self.outcome(move.action, output) or "(no output)"

    def framed(self, body: str, remaining: Remaining) -> str:
        """The body as it is: the benchmark does not count down."""
        return body


def _form(action_format: ActionFormat) -> str:
    """How an action is written: between the benchmark's words, where others have tags."""
    if action_format.name == "tools":
        return "Call one or more of the functions."
    return f"Write it like this:\n{M3Conversation.worded(action_format.example())}"


def _tagged(action: str) -> str:
    """An action in tags; of one with a Markdown fence, what begins with the fence."""
    if "<execute>" in action:
        return action
    return f"<execute>\n{action[max(action.find('```'), 0) :]}\n</execute>"


def _as_text(example: tuple[Message, ...]) -> str:
    return "\n\n".join(map(_message_as_text, example))


def _message_as_text(message: Message) -> str:
    calls = [f"[calls {call.name} with {call.arguments}]" for call in message.tool_calls]
    content = message.content
    if message.role == "assistant":
        content = M3Conversation.worded(content)
    return "\n".join(part for part in (content.strip(), *calls) if part)
