"""Text actions: the policy writes one command a line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from embodied._util.jsonable import truncate
from embodied.action_formats import command_line, labels
from embodied.action_formats.blocks import Block, Verdict, in_tags
from embodied.action_formats.call_objects import MAX_CALLS
from embodied.action_formats.command_line import LineError
from embodied.action_formats.examples import documentation, example_call
from embodied.action_formats.fences import TEXT
from embodied.action_formats.format import Call, CallFormat, FormatError, ParsedAction, Phrases
from embodied.action_formats.hints import meant_action
from embodied.action_formats.json_values import JsonError, decode_whole
from embodied.action_formats.labels import bare_command
from embodied.action_formats.schema import result_note, types_note, values_note
from embodied.controller import ActionSpec
from embodied.policy import Reply

_CALL = re.compile(r"[^\W\d]\w*[,(]")
_NO_INPUT = frozenset(("", "none", "null", "n/a", "{}", "[]", "()"))
"""What models write for arguments where there are none."""
_JUDGED = 20
"""Lines that are looked at for what they may mean."""

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

    languages = TEXT

    def describe_api(self) -> str:
        """Say how commands are written, then the pattern and docstring of each."""
        specs = self.controller.actions().values()
        return "\n\n".join([_FORM, *(self._describe(spec) for spec in specs)])

    def _describe(self, spec: ActionSpec) -> str:
        body = documentation(spec, lambda call: f"`{self._line(call)}`")
        body += values_note(spec) + types_note(spec) + result_note(spec)
        return f"{command_line.pattern(spec)}\n{textwrap.indent(body, '    ')}"

    def _line(self, call: Call) -> str:
        return command_line.write(self.controller, call)

    def example(self) -> str:
        return in_tags("", self._line(example_call(self.controller)))

    def parse(self, reply: Reply) -> ParsedAction:
        """Take the lines of all tagged or fenced blocks, else those that begin with `Action:`, else
        the whole message where each of its lines is a command of the robot.

        Where nothing follows `Action:` on its line, the next line is meant, with the commands of
        the robot that stand right below it. Before `Action:` a thought may stand on its line.
        """
        parts = self.split(reply.content)
        named = [] if parts.actions else self._after_label(parts.rest)
        texts = [self._commands(block) for block in parts.actions] or named or [parts.rest]
        action = "\n".join(texts).strip()
        try:
            if parts.actions and (missing := _cut_at(parts.actions[-1])):
                what = f"the message ends before the commands do; end them with {missing}"
                raise FormatError(what)
            if not self._calls(action, known=not parts.actions and not named):
                return ParsedAction()
        except FormatError as error:
            return ParsedAction(problem=str(error))
        return ParsedAction(action)

    def verdict(self, text: str) -> Verdict:
        """Take lines that are commands of the robot for an action."""
        lines = [line for line in text.split("\n") if line.strip()][: MAX_CALLS + 1]
        commands = [command for line in lines if (command := bare_command(line))]
        known = [self._is_command(command) for command in commands]
        if commands and all(known):
            return Verdict.ACTION
        meant = any(known) or any(map(self._is_meant, commands[:_JUDGED]))
        return Verdict.BROKEN if meant or self._after_label(text) else Verdict.PROSE

    def _is_meant(self, command: str) -> bool:
        """Tell whether a line may be a command with a mistake: prose ends with a full stop."""
        if command.endswith((".", "!", "?", ":")):
            return False
        return (
            bool(_CALL.match(command))
            or meant_action(command, self.controller.actions()) is not None
        )

    def calls(self, action: str) -> list[Call]:
        return self._calls(action, known=False)

    def _calls(self, action: str, *, known: bool) -> list[Call]:
        calls: list[Call] = []
        for number, line in enumerate(action.split("\n"), start=1):
            command = bare_command(line)
            if not command:
                continue
            if len(calls) == MAX_CALLS:
                raise FormatError(f"an action may hold no more than {MAX_CALLS} commands")
            try:
                calls.append(command_line.parse(command, self.controller, known=known))
            except LineError as error:
                what = f"line {number}, `{truncate(command, 80)}`: {error}{self._hint(command)}"
                raise FormatError(what) from None
        return calls

    def _commands(self, block: Block) -> str:
        """Leave out what stands around the labels in a block; one without labels stays whole."""
        if self.verdict(block.text) is Verdict.ACTION:
            return block.text
        return "\n".join(self._after_label(block.text)) or block.text

    def _after_label(self, text: str) -> list[str]:
        """Find the commands behind labels; one in the line of a thought may hold a mistake only
        where there is no other.
        """
        return self._labelled_lines(text, strict=True) or self._labelled_lines(text, strict=False)

    def _labelled_lines(self, text: str, *, strict: bool) -> list[str]:
        found: list[str] = []
        waiting = below = False
        for line in text.split("\n"):
            labelled = self._labelled(line, strict)
            if labelled is not None:
                found.append(labelled)
                waiting = below = not bare_command(labelled)
            elif found and (given := labels.given_input(line)) is not None:
                found[-1] = self._with_input(found[-1], given)
            elif (waiting and line.strip()) or (
                below and not waiting and self._is_command(bare_command(line))
            ):
                found.append(line)
                waiting = False
            else:
                below = waiting
        return found

    def _labelled(self, line: str, strict: bool) -> str | None:
        """Find the part of a line that begins with `Action:`; None: there is none."""
        if labels.is_plainly_labelled(line):
            return line
        if labels.is_labelled(line):
            command = bare_command(line)
            return line if not command or self._is_command(command) else None
        part = labels.last_labelled_part(line)
        meant = labels.is_thought(line) and not strict
        return part if part and (meant or self._is_command(bare_command(part))) else None

    def _with_input(self, line: str, given: str) -> str:
        """Add the arguments that stand in a line of their own to a command that has none."""
        name = bare_command(line)
        if given.lower() in _NO_INPUT or name not in self.controller.actions():
            return line
        try:
            value = decode_whole(given)
            if isinstance(value, dict):
                return command_line.write(self.controller, Call(name, kwargs=value))
        except (JsonError, ValueError):
            pass
        return f"{name}, {given}"

    def _is_command(self, command: str) -> bool:
        try:
            command_line.parse(command, self.controller, known=True)
        except LineError:
            return False
        return True

    def _hint(self, command: str) -> str:
        """Show the form of the action that a line may have meant, if there is one."""
        actions = self.controller.actions()
        meant = meant_action(command, actions)
        return "" if meant is None else f"; did you mean: {command_line.pattern(actions[meant])}"

    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        return Reply(in_tags(thought, "\n".join(self._line(call) for call in calls)))


def _cut_at(block: Block) -> str:
    """Say what is missing where the last line of a block may be cut."""
    whole = not block.text.strip() or block.text.endswith("\n")
    return "" if whole else block.missing
