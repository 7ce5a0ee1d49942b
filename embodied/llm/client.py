"""A client for any server with OpenAI's chat-completions API, vLLM first.

Everything a server sends is doubted: its size, its shape and its time are bounded. A failure that
may pass is tried again; any other is an error in words that a user can act on.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai
from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from embodied.errors import ConfigError, ContextOverflow, EmbodiedError, InfrastructureError
from embodied.llm.tool_calls import SentCall, accepted, sendable_message
from embodied.trajectory import Message, ToolCall, Usage

_MOST_BYTES = 10_000_000
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 8.0
_LONGEST_RETRY_AFTER = 120.0
_RETRIED_STATUSES = {408, 409, 429}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_OVERFLOW = re.compile(
    r"context.?(?:length|size|window)|max(?:imum)?.model.len|prompt is too long", re.IGNORECASE
)
_CONTEXT_SIZE = re.compile(r"(?:context (?:length|size|window)|model length)\D{0,12}(\d+)")
_LOAD_HINT = "is the server overloaded? run fewer episodes at once, or allow longer waits"
_ADDRESS_HINT = "is base_url an OpenAI-compatible API? its address mostly ends in /v1"
_NO_TOOLS = re.compile(
    r"--enable-auto-tool-choice|--tool-call-parser|--jinja|unsupported param: tool"
    r"|not support (?:tool|function)",
    re.IGNORECASE,
)
"""What vLLM, llama.cpp (two generations of it) and Ollama say where they take no functions."""
_TOOLS_HINT = (
    "start it with function calling: `vllm serve {model} --enable-auto-tool-choice "
    "--tool-call-parser NAME` (NAME fits the model, e.g. hermes for Qwen 2.5 and 3) or "
    "`llama-server --jinja`; if the model cannot call functions, choose another action format"
)
_FIXED_PARAMETERS = {"messages", "n", "stream", "tools", "tool_choice"}


class LLMConfig(BaseModel):
    """Which model answers, how it samples and how long to wait for it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    base_url: str = "http://127.0.0.1:8000/v1"
    """Address of the API, without `/chat/completions`."""
    model: str = Field(min_length=1)
    """The model's name as the server lists it."""
    api_key_environment: str = Field("OPENAI_API_KEY", min_length=1)
    """Name of the environment variable that holds the key. The key itself is never recorded."""
    temperature: float = Field(0.0, ge=0)
    """Sampling temperature; 0: always the likeliest token."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Share of the probability that sampling draws from."""
    max_tokens: int = Field(1024, gt=0)
    """Longest answer, in tokens."""
    seed: int | None = None
    """Seed of the sampling; None: the server's choice."""
    stop: tuple[str, ...] = ()
    """Strings that end an answer; the server leaves them out."""
    connect_seconds: float = Field(10.0, gt=0)
    """Longest wait for a connection, in seconds; `LLMClient.check` takes half as long again."""
    answer_seconds: float = Field(300.0, gt=0)
    """Longest wait for one whole answer, in seconds."""
    retries: int = Field(4, ge=0)
    """How often a request that failed is sent again."""
    extra_body: dict[str, JsonValue] = {}
    """Further request parameters, e.g. `{"top_k": 20}` for vLLM."""

    @property
    def protocol(self) -> dict[str, Any]:
        """What makes scores comparable: the model and how it samples, not how it is reached."""
        where = {"base_url", "api_key_environment", "connect_seconds", "answer_seconds", "retries"}
        return self.model_dump(mode="json", exclude=where)

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        try:
            url = AnyHttpUrl(value)
        except ValidationError:
            message = f"{value!r} is no address; write one like http://127.0.0.1:8000/v1"
            raise ValueError(message) from None
        if url.username or url.password:
            raise ValueError("an address holds no password; see api_key_environment")
        return str(url).rstrip("/")

    @field_validator("extra_body")
    @classmethod
    def _own_parameters(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if taken := sorted(value.keys() & (_FIXED_PARAMETERS | cls.model_fields.keys())):
            raise ValueError(f"extra_body cannot set {', '.join(taken)}: no parameter is set twice")
        return value


@dataclass(frozen=True)
class Completion:
    """One answer of a model."""

    content: str
    usage: Usage
    """Tokens as the server counted them; zeros where it does not."""
    finish_reason: str | None
    """Why the answer ends, in the server's word: `stop`, `length`, …"""
    tool_calls: tuple[ToolCall, ...] = ()
    """The functions that it calls, where functions were offered: each with an id of its own and a
    JSON object as arguments. Calls that are not so are text at the end of `content`."""
    unusable_calls: tuple[str, ...] = ()
    """What is wrong with each of those, in words."""
    retries: tuple[str, ...] = ()
    """What each failed attempt before it met, in words."""


class LLMClient:
    """Asks one server for completions, over one pool of connections for all who share the client.

    Args:
        config: model, server and sampling.
        sleep: waits between attempts, in seconds; tests give their own.

    Raises:
        ConfigError: the key or the proxy settings in the environment cannot be used.
    """

    def __init__(
        self, config: LLMConfig, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.config = config
        self._sleep = sleep
        self._key = _read_key(config.api_key_environment)
        self._api = _open(config, self._key)

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> Completion:
        """The model's answer to a conversation.

        Args:
            messages: the conversation so far.
            seed: for the sampling of this answer; None: the config's.
            tools: functions that the model may call, in OpenAI's definitions.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key, has no such model or takes no functions.
            InfrastructureError: no usable answer, whatever was tried.
        """
        request = self._request(messages, seed, tools)
        called = {call.id for m in messages for call in m.tool_calls} if tools else None
        causes: list[str] = []
        while True:
            try:
                return self._completion(await self._answer(request), tuple(causes), called)
            except _NoAnswer as failure:
                causes.append(failure.cause)
                if len(causes) > self.config.retries or failure.wait > _LONGEST_RETRY_AFTER:
                    raise self._given_up(failure, len(causes)) from None
                wait = max(failure.wait, _backoff(len(causes)))
            await self._sleep(wait)

    async def check(self) -> None:
        """Make sure that the server answers and serves the model, before a batch relies on it.

        Raises:
            ConfigError: it does not; the message says what it does instead.
        """
        url = self.config.base_url
        try:
            served = await self._served()
        except _NoAnswer as failure:
            raise ConfigError(f"no answer from {url}: {failure}") from None
        except openai.APIStatusError as error:
            raise self._check_failed(error) from None
        if self.config.model not in served:
            raise ConfigError(self._not_served(served))

    async def close(self) -> None:
        """Close the connections. The client cannot be used after it."""
        await self._api.close()

    def _request(
        self, messages: Sequence[Message], seed: int | None, tools: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        config = self.config
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
        return request

    async def _answer(self, request: dict[str, Any]) -> str:
        # `chat.completions.create` would spend most of the client's time on checking messages.
        answer = self._api.post("/chat/completions", cast_to=str, body=request)
        try:
            return await self._fetch(answer, self.config.answer_seconds)
        except openai.APIStatusError as error:
            raise await self._meaning(error, with_tools="tools" in request) from None

    async def _served(self) -> list[str]:
        answer = self._api.get("/models", cast_to=str)
        content = await self._fetch(answer, 1.5 * self.config.connect_seconds)
        return [self._clean(model.id) for model in self._read(_ModelList, content).data]

    async def _fetch(self, answer: Awaitable[str], seconds: float) -> str:
        """Body of a successful answer; an `openai.APIStatusError` is the caller's to explain."""
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise _NoAnswer(f"no whole answer within {seconds:g} s", _LOAD_HINT) from None
        except openai.APITimeoutError:
            cause = f"no connection within {self.config.connect_seconds:g} s"
            raise _NoAnswer(cause, self._start_hint) from None
        except openai.APIConnectionError as error:
            raise _NoAnswer(self._clean(_root(error)), self._start_hint) from None
        except _TooLarge as error:
            raise _NoAnswer(str(error), _ADDRESS_HINT) from None

    def _completion(
        self, content: str, causes: tuple[str, ...], called: set[str] | None
    ) -> Completion:
        answer = self._read(_Answer, content)
        choice = answer.choices[0]
        said = choice.said
        if said is None:
            raise self._nonsense("an answer without content that does not say why", content)
        calls, unusable = ((), ()) if called is None else accepted(self._calls(choice), called)
        lines = [f"[{problem}]" for problem in unusable]
        usage = answer.usage or _Usage()
        return Completion(
            content="\n".join(part for part in (said, *lines) if part),
            usage=Usage(
                prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
            ),
            finish_reason=choice.finish_reason,
            tool_calls=calls,
            unusable_calls=unusable,
            retries=causes,
        )

    def _calls(self, choice: _Choice) -> list[SentCall]:
        try:
            return _SENT_CALLS.validate_python(choice.message.tool_calls) or []
        except ValidationError as error:
            raise self._unreadable(error, str(choice.message.tool_calls)) from None

    def _read(self, shape: type[_Shape], content: str) -> _Shape:
        try:
            return shape.model_validate_json(content)
        except ValidationError as error:
            raise self._unreadable(error, content) from None

    def _unreadable(self, error: ValidationError, content: str) -> _NoAnswer:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{place}: {first['msg']}" if place else first["msg"]
        return self._nonsense(f"an answer that cannot be read ({message})", content)

    def _nonsense(self, cause: str, content: str) -> _NoAnswer:
        return _NoAnswer(f"{cause}: {self._clean(content)!r}", _ADDRESS_HINT)

    async def _meaning(self, error: openai.APIStatusError, *, with_tools: bool) -> Exception:
        status, said = error.status_code, self._said(error)
        if with_tools and status in (400, 500) and _NO_TOOLS.search(said):
            return self._no_tools(status, said)
        if status in _RETRIED_STATUSES or status >= 500:
            wait = _retry_after(error.response.headers.get("retry-after", ""))
            return _NoAnswer(f"HTTP {status}: {said}", _LOAD_HINT, wait)
        if status == 404:
            return await self._not_found(said)
        if status == 400 and _OVERFLOW.search(f"{error.code} {said}"):
            return self._overflow(said)
        return self._unusable(error) or InfrastructureError(
            f"{self.config.base_url} rejects the request (HTTP {status}): {said}"
        )

    def _unusable(self, error: openai.APIStatusError) -> ConfigError | None:
        url, name, said = self.config.base_url, self.config.api_key_environment, self._said(error)
        if error.status_code in (401, 403):
            key = f"the key in {name}" if self._key else f"requests without a key; {name} is unset"
            return ConfigError(
                f"{url} refuses {key} (HTTP {error.status_code}: {said}); "
                f"put a valid key into the environment variable {name}"
            )
        if error.status_code < 400:
            place = self._clean(error.response.headers.get("location", "another address"))
            return ConfigError(f"{url} redirects to {place}; put the final address into base_url")
        return None

    def _check_failed(self, error: openai.APIStatusError) -> ConfigError:
        return self._unusable(error) or ConfigError(
            f"{self.config.base_url} does not list its models (HTTP {error.status_code}: "
            f"{self._said(error)}); {_ADDRESS_HINT}"
        )

    async def _not_found(self, said: str) -> ConfigError:
        try:
            served = await self._served()
        except (_NoAnswer, openai.APIStatusError):
            served = []
        if served and self.config.model not in served:
            return ConfigError(self._not_served(served))
        return ConfigError(
            f"{self.config.base_url} has no chat completions of {self.config.model!r} "
            f"(HTTP 404: {said}); {_ADDRESS_HINT}"
        )

    def _not_served(self, served: list[str]) -> str:
        names = ", ".join(served[:20]) or "no model"
        return (
            f"the server at {self.config.base_url} serves: {names}; not {self.config.model!r}. "
            "Set the model to one of these, or start a server with: "
            f"vllm serve {self.config.model}"
        )

    def _no_tools(self, status: int, said: str) -> ConfigError:
        advice = _TOOLS_HINT.format(model=self.config.model)
        return ConfigError(
            f"{self.config.base_url} lets {self.config.model!r} call no functions "
            f"(HTTP {status}: {said}); {advice}"
        )

    def _overflow(self, said: str) -> EmbodiedError:
        size, room = _CONTEXT_SIZE.search(said), self.config.max_tokens
        if size and room >= int(size[1]):
            return ConfigError(
                f"max_tokens is {room}, but the whole context of {self.config.model!r} is "
                f"{size[1]} tokens; lower max_tokens or serve the model with a longer context"
            )
        return ContextOverflow(f"the conversation is too long for {self.config.model!r}: {said}")

    def _given_up(self, failure: _NoAnswer, attempts: int) -> InfrastructureError:
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        return InfrastructureError(f"no answer from {self.config.base_url} in {times}: {failure}")

    def _said(self, error: openai.APIStatusError) -> str:
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        return self._clean(str(message or body or "nothing said"))

    def _clean(self, text: str) -> str:
        """Text of a server, fit to be shown: without the key, on one line, not long."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = "".join(c if c.isprintable() else " " for c in text[:5000])
        text = " ".join(text.split())
        return text if len(text) <= 300 else f"{text[:300]}…"

    @property
    def _start_hint(self) -> str:
        return f"is the server running? start one with: vllm serve {self.config.model}"


class _NoAnswer(Exception):  # noqa: N818 - tried again, and only then an error
    """One attempt brought nothing; the next one may."""

    def __init__(self, cause: str, advice: str, wait: float = 0.0) -> None:
        super().__init__(f"{cause}; {advice}")
        self.cause = cause
        self.wait = wait
        """Shortest wait that the server asks for, in seconds."""


class _TooLarge(openai.OpenAIError):
    """An answer exceeds what a model can have said."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


_Shape = TypeVar("_Shape", bound=_Part)


class _Model(_Part):
    id: str


class _ModelList(_Part):
    data: list[_Model]


class _Usage(_Part):
    prompt_tokens: int = Field(0, ge=0, lt=2**31)
    completion_tokens: int = Field(0, ge=0, lt=2**31)


class _Said(_Part):
    content: str | None = None
    refusal: str | None = None
    reasoning: object = None
    reasoning_content: object = None
    tool_calls: object = None
    """Read only where functions were offered."""


class _Choice(_Part):
    message: _Said
    finish_reason: str | None = None

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


_SENT_CALLS = TypeAdapter(list[SentCall] | None)


class _Answer(_Part):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _BoundedHttpClient(openai.DefaultAsyncHttpxClient):
    """Reads no answer beyond `_MOST_BYTES` and decompresses none."""

    async def send(self, request: Any, **options: Any) -> Any:
        """The response, read whole, with the headers that matter here."""
        response = await super().send(request, **{**options, "stream": True})
        body = bytearray()
        async with aclosing(response):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise _TooLarge(f"an answer of more than {_MOST_BYTES // 1_000_000} MB")
        kept = ("location", "retry-after")
        headers = {name: response.headers[name] for name in kept if name in response.headers}
        return type(response)(
            response.status_code, headers=headers, content=bytes(body), request=request
        )


def _open(config: LLMConfig, key: str) -> openai.AsyncOpenAI:
    timeout = openai.Timeout(None, connect=config.connect_seconds)
    local = urlsplit(config.base_url).hostname in _LOOPBACK
    try:
        http = _BoundedHttpClient(timeout=timeout, follow_redirects=False, trust_env=not local)
    except (ImportError, OSError, ValueError) as error:
        raise ConfigError(f"proxy or certificate settings in the environment: {error}") from error
    return openai.AsyncOpenAI(
        base_url=config.base_url,
        api_key=key or "EMPTY",
        timeout=timeout,
        max_retries=0,
        http_client=http,
        default_headers={"Accept-Encoding": "identity"},
    )


def _read_key(name: str) -> str:
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the environment variable {name} holds characters that no key has")
    return key


def _root(error: BaseException) -> str:
    """What lies at the bottom of a failed connection, in the words of the system."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    words: str | None = str(error)
    if isinstance(error, OSError) and error.errno:
        words = os.strerror(error.errno) if error.errno > 0 else error.strerror
    return (words or type(error).__name__).lower()


def _backoff(failures: int) -> float:
    longest: float = min(_FIRST_WAIT * 2.0 ** (failures - 1), _LONGEST_WAIT)
    return longest * random.uniform(0.5, 1.0)


def _retry_after(header: str) -> float:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3): a number or a date."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
