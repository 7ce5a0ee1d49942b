"""The wording and the rules of M3ToolEval, CodeAct's own benchmark (arXiv 2402.01030, section 2.3).

An action stands between `Action:` and `End Action`, an answer behind `Answer:`; a wrong answer gets
another turn. The wording here is this project's; the forms and the rules are the benchmark's.
"""

from __future__ import annotations

import re
from dataclasses import replace

from embodied._util.thoughts import without_thoughts
from embodied.action_formats.format import ActionFormat
from embodied.environment import Observation
from embodied.interpreter.session import Output
from embodied.policy import Reply
from embodied.prompting.base import Budget, ParsedReply, Prompt
from embodied.trajectory import Message

_TEMPLATE = """\
You have these functions to solve a task:

{functions}

In each turn, think first, then do one of two things.
{action}
2) Give your answer once the task is done, on a line of its own:
Answer: your answer

You have {turns} turns. A wrong answer does not end the task.
{examples}
Now, let's get started!
{task}"""

_ACTION_BLOCK = re.compile(
    r"\bAction:(.*?)(?:\bEnd Action\b|\n\s{0,9}E(?:nd?)?(?: A\w{0,4})?\s*\Z|\Z)", re.DOTALL
)
"""From `Action:` to `End Action`, which a token limit or a stop string may have cut."""
_ANSWER = re.compile(r"\bAnswer:\**\s*(.*)")
_NOTHING = "(no output)"
_TAGGED = re.compile(r"<execute>(.*)</execute>", re.DOTALL)
_SOLUTION = re.compile(r"<solution>(.*)</solution>", re.DOTALL)


class M3Prompt(Prompt):
    """One user message with the API and the task; then what each action printed, bare."""

    preset = {"limits": {"turns": 10, "steps": None, "answers": 10}}
    template = _TEMPLATE
    task_mark = "Now, let's get started!\n"
    bare_actions = False

    def initial_messages(self, observation: Observation) -> list[Message]:
        """Write functions, rules, examples and task."""
        functions = [self.controller.introduction, self.format.describe_api()]
        content = self.instructions(
            functions="\n\n".join(filter(None, functions)),
            action=f"1) Take an action. You then see what came of it. {_form(self.format)}",
            turns=self.protocol.limits.turns,
            examples="".join(
                "\nExample:\n{}\n".format("\n\n".join(map(_as_text, example)))
                for example in self.protocol.examples
            ),
            task=observation.text,
        )
        return [Message(role="user", content=content)]

    def parse_reply(self, reply: Reply) -> ParsedReply:
        """Take the first action or answer; the benchmark cuts off what follows it."""
        said = without_thoughts(reply.content)
        block, answer = _ACTION_BLOCK.search(said), _ANSWER.search(said)
        if answer and not reply.tool_calls and (not block or answer.start() < block.start()):
            return ParsedReply(answer=answer[1].strip(), tries_to_answer=True)
        inner = _tagged(block[1].strip()) if block else ""
        found = self.format.parse(replace(reply, content=inner))
        return ParsedReply(action=found.action, problem=found.problem)

    @classmethod
    def wrap_action(cls, content: str) -> str:
        """Put the action between the benchmark's words, which stand nowhere else, or the answer
        behind them.
        """
        found = _TAGGED.search(content)
        if found is None:
            return _SOLUTION.sub(r"Answer: \1", content)
        thought = re.sub(r"\b(Action|Answer):", r"\1 -", content[: found.start()])
        return f"{thought}Action:\n{found[1].strip()}\nEnd Action{content[found.end() :]}"

    def render_outcome(self, parsed: ParsedReply, output: Output, budget: Budget) -> str:
        """Show what was printed or returned, then why the action stopped, if it did."""
        if parsed.action is None and parsed.answer is not None:
            return "Your answer is wrong."
        if parsed.action is None:
            problem = f" ({parsed.problem})" if parsed.problem else ""
            return f"No action and no answer could be read{problem}. {_form(self.format)}"
        return self.describe_output(parsed.action, output) or _NOTHING

    @classmethod
    def outcome_of(cls, observation: str) -> str:
        """Take the observation as it is: nothing surrounds the outcome."""
        return "" if observation == _NOTHING else observation

    def frame_observation(self, body: str, budget: Budget) -> str:
        """Leave the outcome as it is: the benchmark does not count down."""
        return body


def _form(action_format: ActionFormat) -> str:
    """Show how to write an action: between the benchmark's words, where others have tags."""
    if action_format.native_calls:
        return "Call one or more of the functions."
    return f"Write it like this:\n{M3Prompt.wrap_action(action_format.example())}"


def _tagged(action: str) -> str:
    """Put an action in tags, if it is not."""
    return action if "<execute>" in action else f"<execute>\n{action}\n</execute>"


def _as_text(message: Message) -> str:
    calls = [f"[calls {call.name} with {call.arguments}]" for call in message.tool_calls]
    content = message.text
    if message.role == "assistant":
        content = M3Prompt.wrap_action(content)
    return "\n".join(part for part in (content.strip(), *calls) if part)
