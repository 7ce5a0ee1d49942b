"""Text actions: the policy writes one command a line."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Sequence

from embodied._util.jsonable import truncate
from embodied.action_formats import command_line
from embodied.action_formats.blocks import in_tags, split
from embodied.action_formats.call_objects import MAX_CALLS
from embodied.action_formats.command_line import LineError
from embodied.action_formats.examples import documentation, example_call
from embodied.action_formats.format import Call, CallFormat, FormatError, ParsedAction, Phrases
from embodied.action_formats.schema import types_note
from embodied.controller import ActionSpec
from embodied.policy import Reply

_LANGUAGES = ("text", "txt", "plaintext", "")
_BULLET = re.compile(r"(?:[-*•]|\d{1,4}[.)])\s+")
_ACTION = re.compile(r"\*{0,2}action(?:\s+\d{1,4})?\s*:\*{0,2}", re.IGNORECASE)
_FIRST_WORD = re.compile(r"\w{1,40}")

_FORM = """\
A command is one line: its name, then its arguments, separated by commas. Text that holds a comma \
stands in double quotes; lists and objects are JSON."""


class TextFormat(CallFormat):
    """An action is a list of commands, one a line: `name, argument, ...`.

    The simulator's own commands are read as well, where the controller knows them.
    """

    phrases = Phrases(
        means="by commands",
        instruction="write a command, or several, one a line:",
        rules=Phrases.rules.replace("call", "command"),
        noun="commands",
        written="commands, one a line",
        unreadable="No command could be read in your message{problem}. Write it like this:",
    )

    def describe_api(self) -> str:
        """Say how commands are written, then the pattern and docstring of each."""
        specs = self.controller.actions().values()
        return "\n\n".join([_FORM, *(self._describe(spec) for spec in specs)])

    def _describe(self, spec: ActionSpec) -> str:
        body = documentation(spec, lambda call: f"`{self._line(call)}`") + types_note(spec)
        return f"{command_line.pattern(spec)}\n{textwrap.indent(body, '    ')}"

    def _line(self, call: Call) -> str:
        return command_line.write(self.controller, call)

    def example(self) -> str:
        return in_tags("", self._line(example_call(self.controller)))

    def parse(self, reply: Reply) -> ParsedAction:
        """Take the lines of all tagged or fenced blocks, else those that begin with `Action:`, else
        the whole message where each of its lines is a command of the robot.

        Where nothing follows `Action:` on its line, the next line is meant, with the commands of
        the robot that stand right below it.
        """
        parts = split(reply.content)
        blocks = parts.marked(_LANGUAGES)
        named = [] if blocks else self._after_action(parts.rest)
        texts = [block.text for block in blocks] or named or [parts.rest]
        action = "\n".join(texts).strip()
        left_open = blocks and not blocks[-1].closed
        try:
            if left_open and texts[-1].strip() and not texts[-1].endswith("\n"):
                what = "the message ends before the commands do; end them with </execute>"
                raise FormatError(what)
            if not self._calls(action, known=not blocks and not named):
                return ParsedAction()
        except FormatError as error:
            return ParsedAction(problem=str(error))
        return ParsedAction(action)

    def calls(self, action: str) -> list[Call]:
        return self._calls(action, known=False)

    def _calls(self, action: str, *, known: bool) -> list[Call]:
        calls: list[Call] = []
        for number, line in enumerate(action.split("\n"), start=1):
            command = _command(line)
            if not command:
                continue
            if len(calls) == MAX_CALLS:
                raise FormatError(f"an action may hold no more than {MAX_CALLS} commands")
            try:
                calls.append(command_line.parse(command, self.controller, known=known))
            except LineError as error:
                shown, form = truncate(command, 80), self._nearest(command)
                what = f"line {number}, `{shown}`: {error}; did you mean: {form}"
                raise FormatError(what) from None
        return calls

    def _after_action(self, text: str) -> list[str]:
        found: list[str] = []
        waiting = below = False
        for line in text.split("\n"):
            bullet = _BULLET.match(line.strip())
            if _ACTION.match(line.strip(), bullet.end() if bullet else 0):
                found.append(line)
                waiting = below = not _command(line)
            elif (waiting and line.strip()) or (below and not waiting and self._is_command(line)):
                found.append(line)
                waiting = False
            else:
                below = waiting
        return found

    def _is_command(self, line: str) -> bool:
        try:
            command_line.parse(_command(line), self.controller, known=True)
        except LineError:
            return False
        return True

    def _nearest(self, command: str) -> str:
        """Show the form of the action that a line may have meant, or an example."""
        actions = self.controller.actions()
        word = _FIRST_WORD.search(command)
        close = difflib.get_close_matches(word[0], actions, n=1, cutoff=0.4) if word else []
        if close:
            return command_line.pattern(actions[close[0]])
        return self._line(example_call(self.controller))

    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        return Reply(in_tags(thought, "\n".join(self._line(call) for call in calls)))


def _command(line: str) -> str:
    """Strip a line of bullet, number, `Action:` and backticks."""
    text = line.strip()
    for ornament in (_BULLET, _ACTION):
        match = ornament.match(text)
        text = text[match.end() :].strip() if match else text
    return text.strip("`").strip() if text.startswith("`") else text
