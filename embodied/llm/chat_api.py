"""Requests and answers in the shapes of the chat-completions API.

Of an answer only what is needed is read, strictly; all else is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from embodied._util.jsonable import truncate
from embodied._util.thoughts import split_thoughts
from embodied.image import Image
from embodied.llm.config import LLMConfig
from embodied.llm.token_ids import read_tokens
from embodied.llm.tool_calls import SentCall, accept_calls, sendable_message
from embodied.trajectory import Message, TextPart, TokenRecord, ToolCall, Usage

EMPTY_MESSAGE = "(empty message)"
"""What is sent for a message of the conversation that says nothing, which many servers refuse."""
_THOUGHT_KINDS = {"thinking", "reasoning", "thought", "reasoning.text", "reasoning.summary"}
_PART_TEXTS = ("text", "thinking", "reasoning", "content", "summary", "refusal")
_LONGEST_REASON = 100
_PIXELS = 64
"""Of a side of a picture that no model finds too small."""
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Completion:
    """One answer of a model."""

    content: str
    """What it says, without what it thought before."""
    usage: Usage
    """Tokens as the server counted them; zeros where it does not."""
    finish_reason: str | None
    """Why the answer ends, in the server's word: `stop`, `length`, …"""
    tool_calls: tuple[ToolCall, ...] = ()
    """The functions that it calls, where functions were offered: each with an id of its own and a
    JSON object as arguments. Calls that are not so are text at the end of `content`."""
    unusable_calls: tuple[str, ...] = ()
    """What is wrong with each of those, in words."""
    reasoning: str | None = None
    """What a thinking model thought; no part of the conversation."""
    tokens: TokenRecord | None = None
    """The tokens of prompt and answer, where the server sends them."""
    model: str | None = None
    """What the server calls the model that answered."""
    cached: bool = False
    """Whether it was kept from an earlier run; its tokens are those of then."""
    retries: tuple[str, ...] = ()
    """What each failed attempt before it met, in words."""


class MalformedResponseError(Exception):
    """An answer is of no use; the text says what is wrong with it."""

    def __init__(self, problem: str, content: str) -> None:
        super().__init__(problem)
        self.content = content
        """The answer, or the part that is wrong, as it came."""


def picture_question() -> Message:
    """Write what a server is asked to find out whether it takes pictures."""
    red = Image.from_array([[[255, 0, 0]] * _PIXELS] * _PIXELS, "picture")
    question = Message(role="user", content="Which colour is it? Answer with one word.")
    return question.with_parts([red.as_part()])


def has_pictures(request: Mapping[str, Any]) -> bool:
    """Tell whether a request has pictures."""
    return any(
        part["type"] == "image_url"
        for message in request["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
    )


def request_body(
    config: LLMConfig,
    messages: Sequence[Message],
    *,
    seed: int | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    schema: Mapping[str, Any] | None = None,
    system_role: bool = True,
) -> dict[str, Any]:
    """Build the request for an answer to a conversation.

    Where the model takes no system messages (`system_role`), the first user message begins with
    what they say.
    """
    sent = messages if system_role else _without_system(messages)
    sampling = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        config.max_tokens_name: config.max_tokens,
    }
    request: dict[str, Any] = {
        "model": config.model,
        "messages": [_sent(message) for message in sent],
        **{name: value for name, value in sampling.items() if value is not None},
        **config.extra_body,
    }
    if config.stop:
        request["stop"] = list(config.stop)
    if (seed := config.seed if seed is None else seed) is not None:
        request["seed"] = seed
    if tools:
        request |= {"tools": list(tools), "tool_choice": "auto"}
    if schema is not None:
        form = {"name": "action", "schema": dict(schema)}
        request["response_format"] = {"type": "json_schema", "json_schema": form}
    if config.record_tokens:
        request |= {"return_token_ids": True, "logprobs": True}
    return request


def _sent(message: Message) -> dict[str, Any]:
    """Convert a message to the shape that servers take: none takes every empty text."""
    sent = sendable_message(message)
    if isinstance(sent["content"], str) and not sent["content"].strip():
        sent["content"] = None if "tool_calls" in sent else EMPTY_MESSAGE
    return sent


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """Make system messages those of the user, and join the messages of the user in a row."""
    sent: list[Message] = []
    for message in messages:
        role = "user" if message.role == "system" else message.role
        if sent and sent[-1].role == role == "user":
            sent[-1] = sent[-1].with_parts([TextPart(text=""), *message.parts])
        else:
            sent.append(message.model_copy(update={"role": role}))
    return sent


def read_models(content: str) -> list[str]:
    """Read the names of the models that a server lists.

    Raises:
        MalformedResponseError: the content is no such list.
    """
    return [model.id for model in _read(_ModelList, content).data]


def read_completion(content: str, used_ids: set[str] | None, *, tokens: bool = False) -> Completion:
    """Read the answer that a body holds.

    Args:
        content: the body.
        used_ids: ids of earlier function calls; None: functions were not offered.
        tokens: whether the tokens of prompt and answer were asked for.

    Raises:
        MalformedResponseError: it holds none that can be used.
    """
    answer = _read(_Answer, content)
    choice = answer.choices[0]
    if choice.error:
        raise MalformedResponseError("an answer that broke off", content)
    message, said = choice.message or _Said(), choice.said
    if said is None:
        raise MalformedResponseError("an answer without content that does not say why", content)
    calls: tuple[ToolCall, ...] = ()
    unusable: tuple[str, ...] = ()
    if used_ids is not None:
        calls, unusable = accept_calls(_read_calls(message.tool_calls), used_ids)
    lines = [f"[{problem}]" for problem in unusable]
    thoughts, said = split_thoughts(said)
    reason = choice.finish_reason
    record = None
    if tokens:
        record = read_tokens(answer.prompt_token_ids, choice.token_ids, choice.logprobs)
    return Completion(
        content="\n".join(part for part in (said, *lines) if part),
        usage=(answer.usage or _Usage()).counted,
        finish_reason=None if reason is None else truncate(reason, _LONGEST_REASON),
        tool_calls=calls,
        unusable_calls=unusable,
        tokens=record,
        reasoning="\n".join(filter(None, (message.thoughts, thoughts))) or None,
        model=truncate(answer.model, _LONGEST_NAME) if isinstance(answer.model, str) else None,
    )


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


_Shape = TypeVar("_Shape", bound=_Part)


class _Model(_Part):
    id: str = Field(validation_alias=AliasChoices("id", "name", "model"))


class _ModelList(_Part):
    data: list[_Model] = Field(validation_alias=AliasChoices("data", "models"))

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, content: Any) -> Any:
        """Take a list that stands alone, as Together and GitHub send it."""
        return {"data": content} if isinstance(content, list) else content


def _whole(value: Any) -> Any:
    """Take a number such as 5.0, as some gateways write it, for the whole number that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Count = Annotated[int, Field(ge=0, lt=2**31), BeforeValidator(_whole)]


class _PromptDetails(_Part):
    cached_tokens: _Count | None = None


class _Usage(_Part):
    prompt_tokens: _Count | None = 0
    completion_tokens: _Count | None = 0
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def counted(self) -> Usage:
        cached = self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens
        prompt = self.prompt_tokens or 0
        return Usage(
            prompt_tokens=prompt,
            completion_tokens=self.completion_tokens or 0,
            cached_tokens=min(cached or 0, prompt),
        )


class _Said(_Part):
    content: str | None = None
    refusal: str | None = None
    reasoning: object = None
    reasoning_content: object = None
    reasoning_details: object = None
    reasoning_text: object = None
    thinking: object = None
    thinking_parts: str = ""
    """The thoughts among the parts of the content."""
    tool_calls: object = None
    """Read only where functions were offered."""

    @model_validator(mode="before")
    @classmethod
    def _join_parts(cls, message: Any) -> Any:
        """Join a content of parts: what is said, and what is thought."""
        if not (isinstance(message, dict) and isinstance(message.get("content"), list | dict)):
            return message
        said, thought = _split_parts(message["content"])
        return {**message, "content": said, "thinking_parts": thought}

    @property
    def thoughts(self) -> str | None:
        """VLLM says it in `reasoning`, before 0.12 and elsewhere it is `reasoning_content`; others
        have names of their own.
        """
        fields = (
            *(self.thinking_parts, self.reasoning, self.reasoning_content),
            *(self.reasoning_text, self.thinking, self.reasoning_details),
        )
        return next((text for text in map(_text, fields) if text), None)


def _split_parts(content: list[Any] | dict[str, Any]) -> tuple[str, str]:
    """Split the parts of a content into what is said and what is thought.

    Parts without a text, such as references, say nothing.
    """
    parts = content if isinstance(content, list) else [content]
    said: list[str] = []
    thought: list[str] = []
    for part in parts:
        if not isinstance(part, str | dict):
            raise ValueError(f"a part of the content is neither text nor an object: {part!r:.50}")
        thinks = isinstance(part, dict) and (
            part.get("type") in _THOUGHT_KINDS or part.get("thought") is True
        )
        (thought if thinks else said).append(_text(part))
    return "".join(said), "\n".join(filter(None, thought))


def _text(value: object) -> str:
    """Return the text of a part, or of parts within it; empty where it has none."""
    match value:
        case str():
            return value
        case list():
            return "".join(map(_text, value))
        case dict():
            return next((text for name in _PART_TEXTS if (text := _text(value.get(name)))), "")
    return ""


class _Choice(_Part):
    message: _Said | None = None
    finish_reason: str | None = None
    error: object = None
    """What failed while the model wrote (OpenRouter)."""
    token_ids: object = None
    logprobs: object = None

    @property
    def said(self) -> str | None:
        """The policy's message; None where the server lost it.

        A model may say nothing: it thought until its tokens were used up, or called a tool.
        """
        message = self.message or _Said()
        if message.content is not None or message.refusal is not None:
            return message.content or message.refusal or ""
        explained = message.thoughts or message.tool_calls
        return "" if explained or self.finish_reason not in (None, "stop") else None


class _Answer(_Part):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    model: object = None
    prompt_token_ids: object = None


_SENT_CALLS = TypeAdapter(list[SentCall] | None)


def _read_calls(calls: object) -> list[SentCall]:
    try:
        return _SENT_CALLS.validate_python(calls) or []
    except ValidationError as error:
        raise _unreadable(error, str(calls)) from None


def _read(shape: type[_Shape], content: str) -> _Shape:
    try:
        try:
            return shape.model_validate_json(content)
        except ValidationError:
            if "\\ud" not in content.lower():
                raise
            return shape.model_validate_json(_with_whole_characters(content))
    except ValidationError as error:
        raise _unreadable(error, content) from None


def _with_whole_characters(content: str) -> bytes:
    """Put question marks for half characters (lone surrogates) in JSON; keep what is none."""
    try:
        return json.dumps(json.loads(content), ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        return content.encode()


def _unreadable(error: ValidationError, content: str) -> MalformedResponseError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = f"{place}: {first['msg']}" if place else first["msg"]
    return MalformedResponseError(f"an answer that cannot be read ({message})", content)
