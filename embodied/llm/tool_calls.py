"""Native function calls as chat-completions servers send and take them.

What a model called is kept only where the next request can hold it: servers parse the arguments of
earlier calls again (vLLM when it applies the chat template) and refuse the whole conversation where
one of them is not a JSON object. Any other call is a mistake of the model, not of the server, so it
becomes text that the model can read.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import from_json

from embodied._util.json_text import unwrapped
from embodied._util.jsonable import truncate
from embodied._util.thoughts import without_thoughts
from embodied.trajectory import Message, PicturePart, TextPart, ToolCall, join_parts

MAX_CALLS = 64
"""Calls of one message; further ones are dropped."""
MAX_ARGUMENT_CHARACTERS = 100_000
"""Characters of one call's arguments."""
_SHOWN_CHARACTERS = 2000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_AROUND_NAME = re.compile(
    r"\A\s*(?:<\|\w{1,20}\|>)?(?:(?:functions|default_api|tools)\.)?|<\|.*\Z|\s+\Z", re.DOTALL
)
"""What servers leave around a function's name: namespaces, and special tokens of gpt-oss."""
_ID = re.compile(r"[!-~]{1,64}")


_LEFT = re.compile(
    r"<(?:\w{1,20}[:_])?(?:tool_?calls?|function_?calls?|start_function_call|tools?)\b[^<>\n]{0,80}>"
    r"|<(?:function|invoke|tool)[= ][^<>\n]{1,80}>|</(?:tool_call|function)>"
    r"|\[TOOL_(?:CALLS?|REQUEST)\]|\[Calling tool|functools\[|✿FUNCTION✿"
    r"|<[|\uff5c](?:python_tag|tool|action_start|plugin|start_action)[^|\uff5c<>\n]{0,40}[|\uff5c]>"
    r"|<[|\uff5c]DSML[|\uff5c]|```tool_code\b|\bAction:\s{0,4}```json\s{0,4}\[\s{0,4}\{"
    r"|<\|channel\|>\w{1,20}\s{0,4}to=|\bto=functions\.\w"
    r"|\A\s*(?:```(?:json|tool_call)?\s*)?\[?\s*\{\s*(?:\"type\"\s*:\s*\"function\"\s*,\s*)?"
    r"\"(?:name|function|tool_name)\"\s*:|\A\s*\[\w{1,64}\([^\n]*\)\]\s*\Z",
    re.IGNORECASE,
)
"""How models write function calls: Hermes and Qwen, GLM, MiniMax, Mistral, Llama, Phi, Granite,
InternLM, DeepSeek, Kimi, LFM, gpt-oss, and those that write bare JSON or Python."""


class SentFunction(BaseModel):
    """What a server says that the model called."""

    model_config = ConfigDict(strict=True)

    name: str
    arguments: JsonValue = None


class SentCall(BaseModel):
    """A call in a server's answer."""

    model_config = ConfigDict(strict=True)

    id: JsonValue = None
    function: SentFunction


def accept_calls(
    calls: Sequence[SentCall], used_ids: Iterable[str]
) -> tuple[tuple[ToolCall, ...], tuple[str, ...]]:
    """Split calls into those that a conversation can hold and descriptions of the others.

    Args:
        calls: as the server sent them.
        used_ids: ids of earlier calls. No call gets one of these, nor the id of another; ids that
            are missing or cannot be used are replaced.
    """
    used = set(used_ids)
    kept: list[ToolCall] = []
    problems: list[str] = []
    for call in calls[:MAX_CALLS]:
        arguments = _text(call.function.arguments)
        name = _AROUND_NAME.sub("", call.function.name) or call.function.name
        problem = _problem(name, arguments)
        if problem is not None:
            problems.append(problem)
            continue
        id_ = _own_id(call.id, used)
        used.add(id_)
        kept.append(ToolCall(id=id_, name=name, arguments=arguments))
    if (left_out := len(calls) - MAX_CALLS) > 0:
        problems.append(f"{left_out} more calls: a message holds at most {MAX_CALLS}")
    return tuple(kept), tuple(problems)


def leaves_calls(content: str) -> bool:
    """Tell whether a message's text holds function calls that its server should have read.

    A server without the model's tool-call parser leaves them there, as the model marks them.
    """
    return _LEFT.search(without_thoughts(content)) is not None


def sendable_message(message: Message) -> dict[str, Any]:
    """Convert a message to the shape that servers take, with only the keys of its role."""
    sent: dict[str, Any] = {"role": message.role, "content": _sendable_content(message)}
    if message.role == "assistant" and message.tool_calls:
        sent["tool_calls"] = [sendable_call(call) for call in message.tool_calls]
    if message.role == "tool":
        sent["tool_call_id"] = sendable_text(message.tool_call_id or "")
    return sent


def _sendable_content(message: Message) -> str | list[dict[str, Any]]:
    """Convert a content; pictures become data URLs, each behind a line with its name."""
    labelled: list[TextPart | PicturePart] = []
    for part in message.parts:
        has_picture = isinstance(part, PicturePart) and part.data is not None
        if isinstance(part, PicturePart):
            labelled.append(TextPart(text=part.label) if has_picture else part.absent)
        if has_picture or isinstance(part, TextPart):
            labelled.append(part)
    content = join_parts(labelled)
    if isinstance(content, str):
        return sendable_text(content)
    return [_sendable_part(part) for part in content]


def _sendable_part(part: TextPart | PicturePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": sendable_text(part.text)}
    data = base64.b64encode(part.data or b"").decode()
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}


def sendable_text(text: str) -> str:
    """Replace lone surrogates, which a program can print but UTF-8 cannot encode."""
    return text.encode(errors="replace").decode()


def sendable_call(call: ToolCall) -> dict[str, Any]:
    """Convert a call to the shape that servers take and send."""
    function = {"name": sendable_text(call.name), "arguments": sendable_text(call.arguments)}
    return {"id": sendable_text(call.id), "type": "function", "function": function}


def _text(arguments: JsonValue) -> str:
    """Return arguments as JSON text: some servers send the object itself, some nothing, and some
    the text within another one.
    """
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    text = unwrapped(text)
    return "{}" if text.strip() in ("", "null") else text


def _problem(name: str, arguments: str) -> str | None:
    """Describe why a conversation cannot hold a call, and the call; None: it can."""
    shown = truncate(arguments, _SHOWN_CHARACTERS)
    if not _NAME.fullmatch(name):
        return f"call of {truncate(name, 100)!r}, which cannot be a function's name: {shown}"
    if len(arguments) > MAX_ARGUMENT_CHARACTERS:
        return (
            f"call {name} with more than {MAX_ARGUMENT_CHARACTERS} characters of arguments: {shown}"
        )
    if not _is_object(arguments):
        return f"call {name} with arguments that are not a JSON object: {shown}"
    return None


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)
    except ValueError:
        return False


def _own_id(given: JsonValue, used: set[str]) -> str:
    """Keep an id that can serve, or make one of nine letters and digits.

    Mistral's chat templates take no other form.
    """
    if isinstance(given, str) and _ID.fullmatch(given) and given not in used:
        return given
    return next(id_ for n in itertools.count() if (id_ := f"call{n:05}") not in used)
