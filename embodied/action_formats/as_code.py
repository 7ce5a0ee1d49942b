"""Code actions: the policy writes Python that calls the controller's functions."""

from __future__ import annotations

import ast
import builtins
import functools
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace

from embodied._util import parsing
from embodied.action_formats.blocks import Verdict, in_tags
from embodied.action_formats.definitions import definitions
from embodied.action_formats.diagnostics import explain_code
from embodied.action_formats.examples import example_call
from embodied.action_formats.fences import CODE
from embodied.action_formats.format import ActionFormat, Call, ParsedAction, Phrases
from embodied.action_formats.schema import types_note
from embodied.api_text import stub_line
from embodied.controller import ActionSpec
from embodied.interpreter.session import Output
from embodied.plan_types import plan_types
from embodied.policy import Reply

_MEANT = re.compile(
    r"\w\(|[\w\])][ \t]*[-+*/|&]?=(?!=)|^[ \t]*[!%]\w"
    r"|^[ \t]*(?:for|while|if|def|class|import|from|with|try|return|print)\b.*[:(]?",
    re.MULTILINE,
)
"""What code holds, also where it has a mistake."""
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|In \[\d{1,5}\]:|\.\.\.:)(?: |$)")
"""What interactive interpreters write before each line of code."""
_LONGEST = 50_000
"""Characters that are judged by parsing them."""


_RULES = (
    "The code runs, and you see what it printed. Use variables, loops and conditions; look at what "
    "the functions return and decide in the code; variables and functions live on from turn to "
    "turn. The standard modules re, math, json, random, itertools and collections can be imported."
)


class CodeFormat(ActionFormat):
    """Python between `<execute>` tags or in Markdown fences."""

    phrases = Phrases(
        means="by writing Python",
        instruction="write one code block:",
        rules=_RULES,
        asynchronous_rules=f"{_RULES} A call waits for its result. To run calls side by side, "
        "import asyncio and write `await asyncio.gather(...)` around them.",
        noun="code",
        written="Python",
        unreadable="No code was found in your message. Write it like this:",
    )

    languages = CODE

    def describe_api(self) -> str:
        """Write the types of the controller and its functions as Python stubs, and which built-in
        functions they hide.
        """
        actions = self.controller.actions()
        hidden = [name for name in actions if hasattr(builtins, name)]
        notes = (f"# {name}() is the function above here, not Python's own." for name in hidden)
        stubs = [_stub(spec) for spec in self._alone()]
        return "\n\n".join([*definitions(self.controller), *stubs, *self._robots(), *notes])

    def _alone(self) -> list[ActionSpec]:
        """List the actions that belong to none of several robots."""
        robots = self.controller.robots().values()
        taken = {name for actions in robots for name in actions.values()}
        return [spec for name, spec in self.controller.actions().items() if name not in taken]

    def _robots(self) -> Iterator[str]:
        """Write each of several robots as a class of its functions."""
        specs = self.controller.actions()
        for robot, actions in self.controller.robots().items():
            own = (replace(specs[full], name=name) for name, full in actions.items())
            stubs = self._dotted("\n\n".join(map(_stub, own)))
            head = f"class {robot}:  # call {robot}.{next(iter(actions))}(...)"
            yield f"{head}\n{textwrap.indent(stubs, '    ')}"

    def _dotted(self, text: str) -> str:
        """Write the calls in a text as code writes those of several robots."""
        for robot, actions in self.controller.robots().items():
            for name, full in actions.items():
                text = text.replace(f"{full}(", f"{robot}.{name}(")
        return text

    def example(self) -> str:
        return self.render("", [example_call(self.controller)]).content

    def parse(self, reply: Reply) -> ParsedAction:
        """Take the code of all `<execute>` blocks, else of all Markdown fences, else the whole
        message where it is code that calls the robot.

        Several blocks run as one, joined by a newline. A block that the message leaves open, as at
        a token limit, ends with the message.
        """
        parts = self.split(reply.content)
        code = "\n".join(_code(block.text) for block in parts.actions)
        if not code and self.calls_robot(bare := _code(parts.rest)):
            code = bare
        return ParsedAction(code or None)

    def verdict(self, text: str) -> Verdict:
        """Take Python that does something for an action; a bare name or value may be quoted."""
        code = _code(text)
        if len(code) > _LONGEST:
            return Verdict.BROKEN
        try:
            statements = parsing.parse(code).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Verdict.BROKEN if _MEANT.search(code) else Verdict.PROSE
        if any(map(_does_something, statements)):
            return Verdict.ACTION
        only_values = code != "..." and all(isinstance(node, ast.Expr) for node in statements)
        return Verdict.BROKEN if statements and only_values else Verdict.PROSE

    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        """Write one line a call, each of which prints its result."""
        return self.render_code(thought, "\n".join(map(self.line, calls)))

    @staticmethod
    def render_code(thought: str, code: str) -> Reply:
        """Write a message that `parse` reads back: the thought in words, then the code."""
        return Reply(in_tags(thought, code))

    def line(self, call: Call) -> str:
        """Write the line that makes a call and prints its result."""
        spec = self.controller.actions().get(call.name)
        try:  # by position as far as the signature lets them be
            bound = spec.signature.bind(*call.args, **call.kwargs) if spec else call
        except TypeError:
            bound = call
        arguments = [*map(_literal, bound.args)]
        arguments += [f"{name}={_literal(value)}" for name, value in bound.kwargs.items()]
        return f"print({self._callee(call.name)}({', '.join(arguments)}))"

    def _callee(self, action: str) -> str:
        return self._dotted(f"{action}(")[:-1]

    def calls_robot(self, action: str) -> bool:
        """Tell whether it is Python that calls one of the controller's functions by its name."""
        if len(action) > _LONGEST:
            return False
        try:
            nodes = list(ast.walk(parsing.parse(action)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        called = {_dotted_name(n.func) for n in nodes if isinstance(n, ast.Call)}
        actions = self.controller.actions()
        return not called.isdisjoint([*actions, *map(self._callee, actions)])

    def explain(self, action: str, output: Output) -> Iterator[str]:
        """Yield the failing line with its variables, the calls made, the lines not run."""
        return explain_code(action, output)


def _code(text: str) -> str:
    """Take code without common indentation, and without the prompts and the output of an
    interactive interpreter.
    """
    code = textwrap.dedent(text).strip()
    if not _PROMPT.match(code) or code.startswith("..."):
        return code
    lines = code.split("\n")
    typed = "\n".join(_PROMPT.sub("", line, count=1) for line in lines if _PROMPT.match(line))
    whole = "\n".join(_PROMPT.sub("", line, count=1) for line in lines)
    return typed if _parses(typed) or not _parses(whole) else whole


def _parses(code: str) -> bool:
    try:
        parsing.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _dotted_name(function: ast.expr) -> str:
    """Write a name, or an attribute of a name; nothing for any other function."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            return f"{owner}.{name}"
    return ""


def _does_something(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr():
            return any(isinstance(node, ast.Call | ast.NamedExpr) for node in ast.walk(statement))
        case ast.AnnAssign():
            return statement.value is not None
    return True


@functools.cache
def _stub(spec: ActionSpec) -> str:
    types = plan_types(hint for name, hint in spec.hints.items() if name != "return").values()
    dictionaries = any(known.form == "dict" for known in types)
    text = spec.documentation + (types_note(spec) if dictionaries else "")
    end = "\n" if "\n" in text or text.endswith('"') else ""
    quoted = f'"""{text}{end}"""'
    line = stub_line(spec.name, spec.signature, spec.hints)
    return f"{line}\n{textwrap.indent(quoted, '    ')}"


def _literal(value: object) -> str:
    """Write a value in Python, so that no tag can be read in it."""
    return repr(value).replace("<", "\\x3c")
