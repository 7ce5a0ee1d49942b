"""Tool actions: the policy makes native function calls of its server's API."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

from embodied._util.json_text import unwrapped
from embodied._util.jsonable import safe_repr
from embodied.action_formats import call_objects
from embodied.action_formats.arguments import to_named
from embodied.action_formats.blocks import whole_characters
from embodied.action_formats.examples import documentation, example_call
from embodied.action_formats.format import Call, CallFormat, FormatError, ParsedAction, Phrases
from embodied.action_formats.json_values import encode
from embodied.action_formats.schema import parameters_schema, result_note
from embodied.controller import Controller
from embodied.policy import Reply
from embodied.trajectory import ToolCall

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARACTERS = 64


class ToolsFormat(CallFormat):
    """An action is the list of a message's function calls."""

    native_calls = True
    phrases = Phrases(
        means="by calling its functions",
        instruction="call one or more of them.",
        noun="calls",
        written="native function calls",
        unreadable="Your message calls no function that could be read{problem}.",
        asynchronous_rules="The calls of one message run side by side, and you see what each of "
        "them returned; a call that must wait for another belongs in a later message.",
        heading="",
    )

    def __init__(self, controller: type[Controller]) -> None:
        super().__init__(controller)
        self._tool_names = _tool_names(controller)
        self._actions = {tool: action for action, tool in self._tool_names.items()}
        self._numbers = itertools.count(1)

    def describe_api(self) -> str:
        """Say in a sentence that the server shows the functions themselves."""
        return "The functions that control the robot are given to you as tools."

    def tools(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "function",
                "function": {
                    "name": self._tool_names[spec.name],
                    "description": documentation(spec, self._write) + result_note(spec),
                    "parameters": parameters_schema(spec),
                },
            }
            for spec in self.controller.actions().values()
        ]

    def _write(self, call: Call) -> str:
        tool = self._tool_names.get(call.name, call.name)
        return f"{tool} with {encode(to_named(self.controller, call))}"

    def example(self) -> str:
        """Say in words which function may be called with which arguments."""
        return f"the function {self._write(example_call(self.controller))}"

    def parse(self, reply: Reply) -> ParsedAction:
        """Take all function calls of the message, whatever its text says.

        Where one of them cannot be used, none is: they are meant to be made in order, or side by
        side where the robot can do so.
        """
        if reply.unusable_calls:
            return self._unread("; ".join(reply.unusable_calls))
        if not reply.tool_calls:
            return ParsedAction(
                problem=f"no function was called; to act, call one, e.g. {self.example()}"
            )
        if len(reply.tool_calls) > call_objects.MAX_CALLS:
            return self._unread(f"an action may hold no more than {call_objects.MAX_CALLS} calls")
        try:
            numbered = enumerate(reply.tool_calls, start=1)
            objects = [self._object(call, number) for number, call in numbered]
            aside = self.controller.asynchronous and len(objects) > 1
            action = encode([{call_objects.TOGETHER: objects}] if aside else objects)
            self.calls(action)
        except FormatError as error:
            return self._unread(str(error))
        return ParsedAction(action)

    def _unread(self, problem: str) -> ParsedAction:
        return ParsedAction(problem=f"{problem}; a right call is, e.g., {self.example()}")

    def _object(self, call: ToolCall, number: int) -> dict[str, Any]:
        which = f"call {number} ({safe_repr(call.name, 80)})"
        text = unwrapped(whole_characters(call.arguments)).strip() or "{}"
        arguments = call_objects.read_arguments(text, which)
        if not isinstance(arguments, dict):
            shown = safe_repr(arguments, 80)
            raise FormatError(f"the arguments of {which} are {shown}, not an object")
        name = whole_characters(call.name)
        return {"name": self._actions.get(name, name), "arguments": arguments}

    def calls(self, action: str) -> list[Call]:
        return call_objects.parse(action, self.controller)

    def render(self, thought: str, calls: Sequence[Call]) -> Reply:
        """Write the thought with the function calls. No id stands twice in what one object renders.

        Ids have nine letters and digits, the only form that Mistral's chat templates take.
        """
        return Reply(thought, tool_calls=tuple(self._tool_call(call) for call in calls))

    def _tool_call(self, call: Call) -> ToolCall:
        arguments = json.dumps(to_named(self.controller, call), ensure_ascii=False, allow_nan=False)
        name = self._tool_names.get(call.name, call.name)
        return ToolCall(id=f"call{next(self._numbers):05}", name=name, arguments=arguments)


def _tool_names(controller: type[Controller]) -> dict[str, str]:
    """Give each action a name that the API allows: mostly its own."""
    names: dict[str, str] = {}
    for action in controller.actions():
        stem = _NOT_IN_NAMES.sub("_", action)[:_NAME_CHARACTERS]
        numbered = (f"{stem[: _NAME_CHARACTERS - 4]}_{n}" for n in range(2, 1000))
        names[action] = next(n for n in (stem, *numbered) if n not in names.values())
    return names
