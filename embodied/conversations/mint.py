"""The wording and the rules of MINT's ALFWorld runs (arXiv 2309.10691), as CodeAct used them.

Tool list, observation frame, truncation and the order of checks follow the recorded episodes, so
that replaying their messages gives back their observations.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from embodied.conversations.base import Conversation, Move, Remaining
from embodied.environment import Observation
from embodied.interpreter.session import Output, Session
from embodied.trajectory import ErrorRecord, Message

_OPENING = """\
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
{tools}



---

Task:
{task}
"""

_TASK = "Interact with a household to solve a task. \n"

_UNREADABLE = """\
I don't understand your input. 
If you want to execute code, please use <execute> YOUR_CODE_HERE </execute>.
If you want to give me an answer, please use <solution> YOUR_SOLUTION_HERE </solution>.
For example: The answer to the question is <solution> 42 </solution>. 
"""  # noqa: W291 - the recorded texts have these trailing spaces

_BLOCK = re.compile(r"<execute>(.*?)</execute>", re.DOTALL)
_ANSWER = re.compile(r"<solution>(.*?)</solution>", re.DOTALL)

OUTPUT_CHARACTERS = 2000


def task_prompt(observation: Observation) -> str:
    """The task as the benchmark words it: the game's text without its welcome line."""
    return _TASK + "\n".join(observation.text.split("\n\n")[1:])


class MintConversation(Conversation):
    """Five turns, two answers; output is cut at 2000 characters; an answer drops the code."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._cells = 0

    def opening(self, observation: Observation) -> list[Message]:
        """One user message with instruction, tools and task."""
        specs = self.controller.actions().values()
        tools = "\n\n".join(
            f"[{i}] {spec}\n{spec.documentation}" for i, spec in enumerate(specs, start=1)
        )
        limits = self.protocol.limits
        content = _OPENING.format(
            turns=limits.turns,
            answers=limits.answers,
            tools=tools,
            task=task_prompt(observation),
        )
        return [Message(role="user", content=content)]

    def read(self, message: str) -> Move:
        """An answer wins over code: the benchmark did not run code beside a solution.

        A solution without its closing tag was not understood, but counted.
        """
        if "<solution>" in message:
            answer = _ANSWER.search(message)
            text = answer.group(1).strip() if answer else None
            return Move(answer=text, tries_to_answer=True)
        blocks = _BLOCK.findall(message)
        if not blocks:
            return Move()
        return Move(action="\n".join(block.strip() for block in blocks))

    def execute(self, action: str, session: Session) -> Output:
        """Run the statements one at a time, once the whole cell has parsed."""
        self._cells += 1
        total = Output()
        try:
            statements = list(_statements(action))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            total.error = ErrorRecord(type=type(error).__name__, message=str(error))
            return total
        for statement in statements:
            output = session.run(statement)
            total.stdout += output.stdout
            total.calls += output.calls
            total.value, total.error, total.limit = output.value, output.error, output.limit
            if output.error or output.limit or output.ended:
                break
        return total

    def observation(self, output: Output, remaining: Remaining) -> str:
        """The output as an IPython cell shows it, cut to the benchmark's length."""
        text = visible_output(output, self._cells)
        if output.error is not None:
            text = f"{text}\n{output.error.type}: {output.error.message}".strip()
        if output.limit is not None:
            text = f"{text}\n{output.limit}".strip()
        if len(text) > OUTPUT_CHARACTERS:
            text = text[:OUTPUT_CHARACTERS] + "...\n[Output Truncated]"
        return _framed(text or "[Executed Successfully with No Output]", remaining)

    def wrong_answer(self, remaining: Remaining) -> str:
        """The benchmark's sentence."""
        return _framed("Your answer is wrong.", remaining)

    def unreadable(self, remaining: Remaining) -> str:
        """The benchmark's sentence."""
        return _framed(_UNREADABLE, remaining)


def visible_output(output: Output, cell: int) -> str:
    """What an action printed, with the echo of its last expression, before any error."""
    echo = "" if output.value is None else f"Out[{cell}]: {output.value}"
    return f"{output.stdout}{echo}".strip()


def _framed(text: str, remaining: Remaining) -> str:
    frame = (
        f"Observation:\n{text}\n"
        f"You have {remaining.turns} steps left and {remaining.answers} chances to propose "
        "solution left.\n"
    )
    if remaining.turns == 1:
        frame += "You should take the last step to propose a solution.\n"
    return frame


def _statements(code: str) -> Iterator[str]:
    """The top-level statements, each at its own line number and without the code around it."""
    lines = code.splitlines(keepends=True)
    for node in ast.parse(code).body:
        segment = ast.get_source_segment(code, node) or ""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(d.lineno for d in decorators)])
        prefix = "".join(lines[first - 1 : node.lineno - 1])
        yield "\n" * (first - 1) + prefix + segment
