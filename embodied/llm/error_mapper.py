"""Tells failures to retry from errors, which it puts into words that a user can act on."""

from __future__ import annotations

import re
from collections.abc import Collection

from embodied.errors import ConfigError, ContextOverflow, EmbodiedError
from embodied.llm.config import LLMConfig
from embodied.llm.http_client import HTTPStatusError
from embodied.llm.retry_after import requested_wait

LOAD_HINT = "is the server overloaded? run fewer episodes at once, or allow longer waits"
ADDRESS_HINT = "is base_url an OpenAI-compatible API? its address mostly ends in /v1"
_RETRIED_STATUSES = {408, 409, 498}
_CONGESTED_STATUSES = {408, 498, 503, 504}
_REFUSED_STATUSES = {400, 413, 422}
_OF_PICTURES_STATUSES = {400, 404, 415, 422, 500, 501}
"""OpenRouter answers with 404 where no model sees, llama.cpp with 500."""
_MESSAGE_CHARACTERS = 2000
_QUOTED_CHARACTERS = 300
_NO_CREDIT = re.compile(
    r"insufficient_quota|exceeded_current_quota|insufficient.?(?:balance|funds|credits)|billing_(?:hard_limit|not_active)",
    re.IGNORECASE,
)
_RATE_LIMITED = re.compile(r"rate.?limit|too many requests", re.IGNORECASE)
_TOO_LARGE = re.compile(r"request too large", re.IGNORECASE)
"""What OpenAI says of a request that has more tokens than it allows in a minute."""
_CROWDED = re.compile(r"concurren|overload|capacity|queue|busy", re.IGNORECASE)
"""What servers say that bear no more requests at a time, rather than a minute."""
_OF_CONTENT = re.compile(
    r"content.?(?:filter|policy|management)|moderation|flagged|responsible.?ai|safety",
    re.IGNORECASE,
)
"""What servers say that refuse a conversation for its content."""
_OVERFLOW = re.compile(
    r"context.?(?:length|size|window|limit)|max(?:imum)?.(?:model.len|prompt.length)"
    r"|prompt (?:is too long|exceeds)|input (?:is too long|token|length)|too many (?:input )?tokens"
    r"|max_new_tokens`? must be <=",
    re.IGNORECASE,
)
_CONTEXT_SIZE = re.compile(r"(?:context (?:length|size|window)|model length)\D{0,12}(\d+)")
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

_NO_PICTURES = re.compile(
    r"multi-?modal|vision|mmproj|not compiled for|at most 0 image|text.only"
    r"|(?:image|content (?:type|part))\w*\W.{0,60}\b(?:not|un|only)\s?"
    r"(?:support|allow|accept|permit|availab)"
    r"|(?:not|n't|un)\s?(?:support|accept|allow|know|expect)\w*\b.{0,60}\b(?:image|content part)"
    r"|support image|unknown variant `?image|can only concatenate str|image_url is only"
    r"|content.{0,120}(?:must be a string|valid string|expected a string)",
    re.IGNORECASE | re.DOTALL,
)
"""What servers say that take no pictures (vLLM, llama.cpp, OpenAI, OpenRouter, DeepSeek, Groq and
others): that they do not, or that a content must be a text."""
_MOST_PICTURES = re.compile(
    r"(?:at most|maximum(?: of)?|up to|limit(?:ed)?(?: of| to| is)?|more than) (\d+) image",
    re.IGNORECASE,
)


_NO_SYSTEM = re.compile(
    r"(?=.*\b(?:roles?|messages?|instructions?|prompts?)\b)"
    r"(?=.*(?:\b(?:not|must|only|should)\b|n't\b|un(?:supported|expected|known)|invalid))"
    r".*(?:\b(?:system|developer)\b|\buser'? ?(?:/|or|and|,) ?'?assistant\b)",
    re.IGNORECASE | re.DOTALL,
)
"""What is said of system messages where a model takes none (OpenAI, Google, chat templates)."""
_PARAMETER_WORDS = re.compile(
    r"un(?:supported|known|expected|recognized)|n(?:o|')t (?:\w+ )?(?:support|permitted|allowed)"
    r"|invalid|cannot|only|extra input|must be|deprecated",
    re.IGNORECASE,
)
_PARAMETER_NAME = re.compile(r"[`'\"]([a-z_]+)[`'\"]|\b([a-z]+_[a-z_]+)\b")
_LEAVE_OUT = "null leaves it out"
_PARAMETER_HINTS = {
    "max_tokens": f"set llm.max_tokens_name to max_completion_tokens; llm.max_tokens: {_LEAVE_OUT}",
    "max_completion_tokens": f"set llm.max_tokens_name to max_tokens; llm.max_tokens: {_LEAVE_OUT}",
    "temperature": f"llm.temperature: {_LEAVE_OUT}",
    "top_p": f"llm.top_p: {_LEAVE_OUT}",
    "seed": f"llm.seed: {_LEAVE_OUT}",
    "stop": "leave llm.stop out",
    "response_format": "leave llm.structured out",
    "logprobs": "leave llm.record_tokens out",
    "return_token_ids": "leave llm.record_tokens out",
    "tools": "choose another action format",
    "tool_choice": "choose another action format",
    "model": "it is llm.model",
}


class RetryableError(Exception):
    """An attempt brought no answer; the next one may.

    Args:
        cause: what happened; what follows its first colon or parenthesis are the details of the
            case, so that equal causes can be counted.
        advice: what the user can do.
        retry_after: shortest wait that the server asks for, in seconds; None: it does not say.
        gone: whether the server may be gone.
        congested: whether the server may have more to do than it bears.
        rate_limited: whether it takes no more requests for now. That is no fault of the request.
    """

    def __init__(
        self,
        cause: str,
        advice: str,
        retry_after: float | None = None,
        *,
        gone: bool = False,
        congested: bool = False,
        rate_limited: bool = False,
    ) -> None:
        super().__init__(f"{cause}; {advice}")
        self.cause = cause
        self.retry_after = retry_after
        self.gone = gone
        self.congested = congested
        self.rate_limited = rate_limited


class ErrorMapper:
    """Maps the failures of one server to errors.

    Args:
        config: the server and its model.
        key: the server's key, which no text may show.
    """

    def __init__(self, config: LLMConfig, key: str) -> None:
        self._config = config
        self._key = key

    def redact(self, text: str, characters: int = _QUOTED_CHARACTERS) -> str:
        """Make a server's text fit to be shown: without the key, on one line, not long."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = "".join(c if c.isprintable() else " " for c in text[:5000])
        text = " ".join(text.split())
        return text if len(text) <= characters else f"{text[:characters]}…"

    def retryable(self, error: HTTPStatusError, *, with_tools: bool) -> RetryableError | None:
        """Map an error that may pass; None: it will not, see `permanent`."""
        status, said = error.status, self.message(error)
        if with_tools and _refuses_tools(status, said):
            return None
        is_limit = _RATE_LIMITED.search(_words(error)) is not None
        rate_limited = status == 429 or (status in (403, 503, 529) and is_limit)
        if not rate_limited and not _may_pass(status):
            return None
        if rate_limited and (_NO_CREDIT.search(_words(error)) or _TOO_LARGE.search(said)):
            return None
        wait = requested_wait(error.headers, error.said.text)
        crowded = rate_limited and (wait is None or _CROWDED.search(said) is not None)
        return RetryableError(
            f"HTTP {status}: {said}",
            LOAD_HINT,
            wait,
            gone=status >= 500 and not rate_limited,
            congested=crowded or status in _CONGESTED_STATUSES,
            rate_limited=rate_limited,
        )

    def permanent(
        self, error: HTTPStatusError, parameters: Collection[str]
    ) -> EmbodiedError | None:
        """Map an error that another attempt would meet again; None: it is not known.

        Args:
            error: the answer.
            parameters: those of the request.
        """
        status, said = error.status, self.message(error)
        if "tools" in parameters and _refuses_tools(status, said):
            model, url = self._config.model, self._config.base_url
            return ConfigError(
                f"{url} lets {model!r} call no functions (HTTP {status}: {said}); "
                f"{_TOOLS_HINT.format(model=model)}"
            )
        if status in _REFUSED_STATUSES and _OVERFLOW.search(_words(error)):
            return self._overflow(said)
        if status in _REFUSED_STATUSES and (name := _refused_parameter(error, parameters)):
            hint = _PARAMETER_HINTS.get(name, "it is in llm.extra_body")
            return ConfigError(
                f"{self._config.base_url} refuses the parameter {name} (HTTP {status}: {said}); "
                f"{hint}"
            )
        return self.unusable(error)

    def _overflow(self, said: str) -> EmbodiedError:
        size, room = _CONTEXT_SIZE.search(said), self._config.max_tokens
        if size and room is not None and room >= int(size[1]):
            return ConfigError(
                f"max_tokens is {room}, but the whole context of {self._config.model!r} is "
                f"{size[1]} tokens; lower max_tokens or serve the model with a longer context"
            )
        return ContextOverflow(f"the conversation is too long for {self._config.model!r}: {said}")

    def unusable(self, error: HTTPStatusError) -> ConfigError | None:
        """Map an error that any request would meet; None: it is not one."""
        url, name, said = self._config.base_url, self._config.api_key_environment, _words(error)
        answer = f"HTTP {error.status}: {self.message(error)}"
        if error.status == 402 or (error.status == 429 and _NO_CREDIT.search(said)):
            return ConfigError(f"{url} answers no more requests of this key ({answer})")
        if error.status in (401, 403) and not self.is_of_content(error):
            key = f"the key in {name}" if self._key else f"requests without a key; {name} is unset"
            return ConfigError(
                f"{url} refuses {key} ({answer}); "
                f"put a valid key into the environment variable {name}"
            )
        if error.status < 400:
            place = self.redact(error.headers.get("location", "another address"))
            return ConfigError(f"{url} redirects to {place}; put the final address into base_url")
        return None

    def of_pictures(self, error: HTTPStatusError) -> ConfigError | None:
        """Map an answer to a request with pictures, where that takes none or fewer; None: it says
        something else.
        """
        if error.status not in _OF_PICTURES_STATUSES or self.is_of_content(error):
            return None
        model, url, said = self._config.model, self._config.base_url, self.message(error)
        most = _MOST_PICTURES.search(said)
        if most and (count := int(most[1])):
            return ConfigError(
                f"{url} shows {model!r} no more than {count} pictures in a prompt (HTTP "
                f"{error.status}: {said}); set protocol.images.keep to {(count + 1) // 2}, for "
                "fewer than twice as many are in a prompt"
            )
        if most or _NO_PICTURES.search(said):
            return ConfigError(
                f"{url} takes no pictures for {model!r} (HTTP {error.status}: {said}); serve a "
                "model that sees, or leave pictures out: --protocol.images off"
            )
        return None

    def is_of_content(self, error: HTTPStatusError) -> bool:
        """Tell whether a conversation was refused for what it says."""
        return _OF_CONTENT.search(_words(error)) is not None

    def is_of_system_role(self, error: HTTPStatusError) -> bool:
        """Tell whether a request was refused because the model takes no system messages.

        llama.cpp answers with HTTP 500 what a chat template refuses.
        """
        return error.status in (400, 422, 500) and _NO_SYSTEM.match(_words(error)) is not None

    def refused(self, error: HTTPStatusError) -> str:
        """Say that the server refuses a request."""
        said = self.message(error)
        return f"{self._config.base_url} rejects the request (HTTP {error.status}): {said}"

    def out_of_patience(self, failure: RetryableError, seconds: float) -> ConfigError:
        """Say that a rate limit lasts too long to be waited for."""
        return ConfigError(
            f"{self._config.base_url} takes no requests for {seconds:.0f} s, which is more than "
            f"llm.outage_seconds ({failure.cause}); resume the run later"
        )

    def not_found(self, said: str, served: list[str]) -> RetryableError | ConfigError:
        """Map HTTP 404 to a request for an answer, where the server lists the models `served`.

        It may pass where the model is listed: one of several servers behind the address may not
        have it yet.
        """
        if self._config.model in served:
            return RetryableError(f"HTTP 404: {said}", ADDRESS_HINT)
        if served:
            return self.not_served(served)
        return ConfigError(
            f"{self._config.base_url} has no chat completions of {self._config.model!r} "
            f"(HTTP 404: {said}); {ADDRESS_HINT}"
        )

    def not_served(self, served: list[str]) -> ConfigError:
        """Say that the model is none of those that the server lists."""
        names = ", ".join(served[:20]) or "no model"
        return ConfigError(
            f"the server at {self._config.base_url} serves: {names}; not {self._config.model!r}. "
            "Set the model to one of these, or start a server with: "
            f"embodied serve --model {self._config.model}"
        )

    def message(self, error: HTTPStatusError) -> str:
        """Return the server's whole message, redacted."""
        return self.redact(error.said.message, _MESSAGE_CHARACTERS)

    @property
    def start_hint(self) -> str:
        """Advice on how to start a server."""
        return f"is the server running? start one with: embodied serve --model {self._config.model}"


def _may_pass(status: int) -> bool:
    return status in _RETRIED_STATUSES or (status >= 500 and status != 501)


def _refuses_tools(status: int, said: str) -> bool:
    return status in (400, 500) and _NO_TOOLS.search(said) is not None


def _words(error: HTTPStatusError) -> str:
    """Return what a server says of an error, with its codes."""
    return " ".join((*error.said.codes, error.said.message))


def _refused_parameter(error: HTTPStatusError, parameters: Collection[str]) -> str | None:
    """Find the parameter of the request that an error names, but for the conversation."""
    named = [re.split(r"[.\[]", error.said.parameter or "")[0]]
    if _PARAMETER_WORDS.search(error.said.message):
        named += [a or b for a, b in _PARAMETER_NAME.findall(error.said.message)]
    return next((name for name in named if name in parameters and name != "messages"), None)
