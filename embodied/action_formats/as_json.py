"""JSON actions: the policy writes calls as JSON objects."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence

from embodied.action_formats import call_objects
from embodied.action_formats.blocks import Verdict, in_tags
from embodied.action_formats.examples import documentation, example_call
from embodied.action_formats.fences import JSON
from embodied.action_formats.format import Call, CallFormat, FormatError, ParsedAction, Phrases
from embodied.action_formats.json_values import JsonError, decode, decode_whole
from embodied.action_formats.schema import Schema, calls_schema, parameters_schema, result_note
from embodied.controller import ActionSpec
from embodied.policy import Reply

_KEYS = "|".join(
    (
        *call_objects.NAME_KEYS,
        *call_objects.ARGUMENT_KEYS,
        *call_objects.OTHER_KEYS,
        call_objects.TOGETHER,
    )
)
_START = re.compile(rf'(?:\[\s*)?\{{\s*"(?:{_KEYS})"\s*:')


class JsonFormat(CallFormat):
    """An action is one call or a list of calls: `{"name": ..., "arguments": {...}}`."""

    phrases = Phrases(
        means="by calling its functions in JSON",
        instruction="write a call, or a list of calls:",
        noun="calls",
        written="JSON calls",
        asynchronous_rules="The calls are made in order, and you see what each of them returned. "
        'Those in an object {"together": [...]} of the list run side by side. The first call that '
        "fails ends the action.",
        unreadable="No JSON call could be read in your message{problem}. Write it like this:",
    )

    languages = JSON

    def describe_api(self) -> str:
        """Write each action's name, description and JSON schema of its parameters."""
        return "\n\n".join(self._describe(spec) for spec in self.controller.actions().values())

    def _describe(self, spec: ActionSpec) -> str:
        description = documentation(spec, lambda call: self._write([call])) + result_note(spec)
        parameters = json.dumps(parameters_schema(spec), ensure_ascii=False)
        body = textwrap.indent(f"{description}\nParameters: {parameters}", "    ")
        return f"{spec.name}\n{body}"

    def _write(self, calls: Sequence[Call]) -> str:
        return call_objects.write(self.controller, calls)

    def example(self) -> str:
        return in_tags("", self._write([example_call(self.controller)]))

    def parse(self, reply: Reply) -> ParsedAction:
        """Take the JSON of all tagged or fenced blocks, else every call in the message."""
        parts = self.split(reply.content)
        try:
            texts = [text for block in parts.actions for text in self._within(block.text.strip())]
            texts = texts if parts.actions else _bare(parts.rest)
            action = "\n".join(text for text in texts if text)
            if not action:
                return ParsedAction()
            if not self.calls(action):
                return ParsedAction(problem="the list of calls is empty")
        except FormatError as error:
            return ParsedAction(problem=str(error))
        return ParsedAction(action)

    def verdict(self, text: str) -> Verdict:
        """Take JSON that is calls for an action; other JSON is quoted."""
        try:
            return Verdict.ACTION if self.calls(text) else Verdict.PROSE
        except FormatError:
            meant = _START.search(text) or (text.lstrip()[:1] in ("{", "[") and not _is_json(text))
            return Verdict.BROKEN if meant else Verdict.PROSE

    def _within(self, text: str) -> list[str]:
        """Find the calls behind words in what is marked as an action."""
        return [text] if text[:1] in ("{", "[") else _bare(text) or [text]

    def calls(self, action: str) -> list[Call]:
        return call_objects.parse(action, self.controller)

    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        return Reply(in_tags(thought, self._write(calls)))

    def action_schema(self) -> Schema:
        return calls_schema(self.controller)


def _is_json(text: str) -> bool:
    try:
        decode_whole(text)
    except JsonError:
        return False
    return True


def _bare(text: str) -> list[str]:
    """Find the JSON values that begin as calls do; a text that is all JSON is taken as it is.

    What a backtick opens and is no JSON, such as `{"name": ...}`, is only spoken of.
    """
    found: list[str] = []
    position = 0
    while len(found) <= call_objects.MAX_CALLS and (match := _START.search(text, position)):
        start = match.start()
        try:
            _, size = decode(text[start:])
        except JsonError:
            if text.startswith("`", max(start - 1, 0)) and _START.search(text, match.end()):
                position = match.end()
                continue
            raise
        position = start + size
        found.append(text[start:position])
    if not found and text.lstrip()[:1] in ("{", "["):
        return [text.strip()]
    return found
