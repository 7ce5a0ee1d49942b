"""Requests and answers in the shapes of the chat-completions API.

Of an answer only what is needed is read, strictly; all else is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from embodied._util.jsonable import truncate
from embodied._util.thoughts import split_thoughts
from embodied.llm.config import LLMConfig
from embodied.llm.token_ids import read_tokens
from embodied.llm.tool_calls import SentCall, accept_calls, sendable_message
from embodied.trajectory import Message, TokenRecord, ToolCall, Usage

_LONGEST_REASON = 100
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


def request_body(
    config: LLMConfig,
    messages: Sequence[Message],
    *,
    seed: int | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Build the request for an answer to a conversation."""
    request: dict[str, Any] = {
        "model": config.model,
        "messages": [sendable_message(message) for message in messages],
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": config.max_tokens,
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
    said = choice.said
    if said is None:
        raise MalformedResponseError("an answer without content that does not say why", content)
    calls, unusable = ((), ()) if used_ids is None else accept_calls(_calls(choice), used_ids)
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
        reasoning="\n".join(filter(None, (choice.message.thoughts, thoughts))) or None,
        model=truncate(answer.model, _LONGEST_NAME) if isinstance(answer.model, str) else None,
    )


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


_Shape = TypeVar("_Shape", bound=_Part)


class _Model(_Part):
    id: str


class _ModelList(_Part):
    data: list[_Model]


class _PromptDetails(_Part):
    cached_tokens: int | None = Field(None, ge=0, lt=2**31)


class _Usage(_Part):
    prompt_tokens: int = Field(0, ge=0, lt=2**31)
    completion_tokens: int = Field(0, ge=0, lt=2**31)
    prompt_tokens_details: _PromptDetails | None = None

    @property
    def counted(self) -> Usage:
        cached = self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cached_tokens=min(cached or 0, self.prompt_tokens),
        )


class _Said(_Part):
    content: str | None = None
    refusal: str | None = None
    reasoning: object = None
    reasoning_content: object = None
    tool_calls: object = None
    """Read only where functions were offered."""

    @property
    def thoughts(self) -> str | None:
        """VLLM says it in `reasoning`, before 0.12 and elsewhere it is `reasoning_content`."""
        fields = (self.reasoning, self.reasoning_content)
        return next((text for text in fields if text and isinstance(text, str)), None)


class _Choice(_Part):
    message: _Said
    finish_reason: str | None = None
    token_ids: object = None
    logprobs: object = None

    @property
    def said(self) -> str | None:
        """The policy's message; None where the server lost it.

        A model may say nothing: it thought until its tokens were used up, or called a tool.
        """
        message = self.message
        if message.content is not None or message.refusal is not None:
            return message.content or message.refusal or ""
        explained = message.reasoning or message.reasoning_content or message.tool_calls
        return "" if explained or self.finish_reason not in (None, "stop") else None


class _Answer(_Part):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    model: object = None
    prompt_token_ids: object = None


_SENT_CALLS = TypeAdapter(list[SentCall] | None)


def _calls(choice: _Choice) -> list[SentCall]:
    try:
        return _SENT_CALLS.validate_python(choice.message.tool_calls) or []
    except ValidationError as error:
        raise _unreadable(error, str(choice.message.tool_calls)) from None


def _read(shape: type[_Shape], content: str) -> _Shape:
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        raise _unreadable(error, content) from None


def _unreadable(error: ValidationError, content: str) -> MalformedResponseError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    message = f"{place}: {first['msg']}" if place else first["msg"]
    return MalformedResponseError(f"an answer that cannot be read ({message})", content)
