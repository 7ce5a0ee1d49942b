"""The wording and the rules of MINT's ALFWorld runs (arXiv 2309.10691), as CodeAct used them.

Tool list, observation frame, truncation and the order of checks follow the recorded episodes, so
that replaying their messages gives back their observations.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from embodied._util import parsing
from embodied._util.thoughts import without_thoughts
from embodied.action_formats import CodeFormat
from embodied.controller import Controller
from embodied.environment import Observation
from embodied.errors import ConfigError
from embodied.interpreter.session import Output, Session
from embodied.policy import Reply
from embodied.prompting.base import Budget, ParsedReply, Prompt
from embodied.protocol import Protocol
from embodied.trajectory import ErrorRecord, Message

_TEMPLATE = """\
You are a helpful assistant assigned with the task of problem-solving. To achieve this, you will \
be using an interactive coding environment equipped with a variety of tool functions to assist \
you throughout the process.

At each turn, you should first provide your step-by-step thinking for solving the task. Your \
thought process should be enclosed using "<thought>" tag, for example: <thought> I need to print \
"Hello World!" </thought>.

After that, you have two options:

1) Interact with a Python programming environment and receive the corresponding output. Your code \
should be enclosed using "<execute>" tag, for example: <execute> print("Hello World!") </execute>.
2) Directly provide a solution that adheres to the required format for the given task. Your \
solution should be enclosed using "<solution>" tag, for example: The answer is <solution> A \
</solution>.

You have {turns} chances to interact with the environment or propose a solution. You can only \
propose a solution {answers} times.

Tool function available (already imported in <execute> environment):
{functions}



---

{examples}Task:
{task}
"""

_UNREADABLE = """\
I don't understand your input. 
If you want to execute code, please use <execute> YOUR_CODE_HERE </execute>.
If you want to give me an answer, please use <solution> YOUR_SOLUTION_HERE </solution>.
For example: The answer to the question is <solution> 42 </solution>. 
"""  # noqa: W291 - the recorded texts have these trailing spaces

OUTPUT_CHARACTERS = 2000


def task_prompt(observation: Observation) -> str:
    """Word the task as the benchmark does: the game's text without its welcome line."""
    shown = "\n".join(observation.text.split("\n\n")[1:])
    return f"Interact with a household to solve a task. \n{shown}"


class MintPrompt(Prompt):
    """Five turns, two answers; output is cut at 2000 characters; an answer drops the code."""

    preset = {
        "controller": "household-mint",
        "check": False,
        "limits": {"turns": 5, "steps": 50, "answers": 2},
        "after_end": "repeat",
    }
    template = _TEMPLATE
    task_mark = "\nTask:\n"
    bare_actions = False

    def __init__(self, protocol: Protocol, controller: type[Controller]) -> None:
        super().__init__(protocol, controller)
        if not isinstance(self.format, CodeFormat):
            raise ConfigError("the protocol mint knows only the action format code")
        self._cells = 0

    def initial_messages(self, observation: Observation) -> list[Message]:
        """Write one user message with instruction, tools and task."""
        specs = self.controller.actions().values()
        tools = [f"[{i}] {spec}\n{spec.documentation}" for i, spec in enumerate(specs, start=1)]
        limits = self.protocol.limits
        content = self.instructions(
            turns=limits.turns,
            answers=limits.answers,
            functions="\n\n".join(filter(None, [self.controller.introduction, *tools])),
            examples="".join(
                f"{_as_text(example)}\n\n---\n\n" for example in self.protocol.examples
            ),
            task=task_prompt(observation),
        )
        return [Message(role="user", content=content)]

    def parse_reply(self, reply: Reply) -> ParsedReply:
        """Take the answer before any code: the benchmark did not run code beside a solution.

        A solution without its closing tag was not understood, but counted. What models mark as
        thoughts by themselves is left out; the benchmark's own `<thought>` hides no code.
        """
        message = without_thoughts(reply.content, only_trained=True)
        if "<solution>" in message:
            answers = _tagged(message, "solution")
            answer = answers[0].strip() if answers else None
            return ParsedReply(answer=answer, tries_to_answer=True)
        blocks = _tagged(message, "execute")
        if not blocks:
            return ParsedReply()
        return ParsedReply(action="\n".join(block.strip() for block in blocks))

    def execute(self, action: str, session: Session) -> Output:
        """Run the action as IPython runs a cell: statement by statement, once it has parsed.

        So an error of form that CPython only finds when it compiles a statement, such as `break`
        outside a loop, comes after the statements before it have run.
        """
        self._cells += 1
        if len(action) > self.protocol.action_limits.code_characters:
            return session.run(action)
        try:
            statements = parsing.parse(action).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return Output(error=ErrorRecord(type=type(error).__name__, message=str(error)))
        output = session.run(action)
        if output.parsed or output.error is None:
            return output
        before = _before(action, statements, output.error.line or 1)
        ran = session.run(before) if before.strip() else Output()
        if ran.error is None and ran.limit is None and not ran.ended:
            ran.value, ran.error = None, output.error
        return ran

    def render_outcome(self, parsed: ParsedReply, output: Output, budget: Budget) -> str:
        """Show the output as an IPython cell does, cut to the benchmark's length."""
        if parsed.action is None:
            return _UNREADABLE if parsed.answer is None else "Your answer is wrong."
        echo = "" if output.value is None else f"Out[{self._cells}]: {output.value}"
        text = f"{output.stdout}{echo}".strip()
        if output.error is not None:
            text = f"{text}\n{output.error.type}: {output.error.message}".strip()
        if output.limit is not None:
            text = f"{text}\n{output.limit}".strip()
        if len(text) > OUTPUT_CHARACTERS:
            text = text[:OUTPUT_CHARACTERS] + "...\n[Output Truncated]"
        return text or "[Executed Successfully with No Output]"

    def frame_observation(self, body: str, budget: Budget) -> str:
        """Show the outcome with what is left of turns and answers."""
        frame = (
            f"Observation:\n{body}\n"
            f"You have {budget.turns} steps left and {budget.answers} chances to propose "
            "solution left.\n"
        )
        if budget.turns == 1:
            frame += "You should take the last step to propose a solution.\n"
        return frame


def _as_text(example: Sequence[Message]) -> str:
    """Write an example as one text: the task, then message and observation in turn."""
    task, *turns = (message.text.strip() for message in example)
    return "\n\n".join([f"Task:\n{task}", *turns])


def _tagged(message: str, tag: str) -> list[str]:
    """Find the texts between `<tag>` and `</tag>`, in order; one left open does not count."""
    *closed, _ = message.split(f"</{tag}>")
    return [part.partition(f"<{tag}>")[2] for part in closed if f"<{tag}>" in part]


def _before(code: str, statements: Sequence[ast.stmt], line: int) -> str:
    """Cut the code before the statement in which a line stands."""
    bad = next(node for node in reversed(statements) if node.lineno <= line)
    lines = code.splitlines(keepends=True)
    same_line = lines[bad.lineno - 1].encode()[: bad.col_offset].decode().rstrip("; ")
    return "".join(lines[: bad.lineno - 1]) + same_line
