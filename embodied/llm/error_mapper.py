"""Tells failures to retry from errors, which it puts into words that a user can act on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from embodied.errors import ConfigError, ContextOverflow, EmbodiedError
from embodied.llm.config import LLMConfig
from embodied.llm.http_client import HTTPStatusError

LOAD_HINT = "is the server overloaded? run fewer episodes at once, or allow longer waits"
ADDRESS_HINT = "is base_url an OpenAI-compatible API? its address mostly ends in /v1"
_RETRIED_STATUSES = {408, 409, 429}
_CONGESTED_STATUSES = {408, 429, 503, 504}
_OVERFLOW = re.compile(
    r"context.?(?:length|size|window)|max(?:imum)?.model.len|prompt is too long", re.IGNORECASE
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


class RetryableError(Exception):
    """An attempt brought no answer; the next one may.

    Args:
        cause: what happened; what follows its first colon or parenthesis are the details of the
            case, so that equal causes can be counted.
        advice: what the user can do.
        retry_after: shortest wait that the server asks for, in seconds.
        gone: whether the server may be gone.
        congested: whether the server may have more to do than it bears.
    """

    def __init__(
        self,
        cause: str,
        advice: str,
        retry_after: float = 0.0,
        *,
        gone: bool = False,
        congested: bool = False,
    ) -> None:
        super().__init__(f"{cause}; {advice}")
        self.cause = cause
        self.retry_after = retry_after
        self.gone = gone
        self.congested = congested


class ErrorMapper:
    """Maps the failures of one server to errors.

    Args:
        config: the server and its model.
        key: the server's key, which no text may show.
    """

    def __init__(self, config: LLMConfig, key: str) -> None:
        self._config = config
        self._key = key

    def redact(self, text: str) -> str:
        """Make a server's text fit to be shown: without the key, on one line, not long."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = "".join(c if c.isprintable() else " " for c in text[:5000])
        text = " ".join(text.split())
        return text if len(text) <= 300 else f"{text[:300]}…"

    def retryable(self, error: HTTPStatusError, *, with_tools: bool) -> RetryableError | None:
        """Map an error that may pass; None: it will not, see `permanent`."""
        status, said = error.status, self.message(error)
        if with_tools and _refuses_tools(status, said):
            return None
        if status not in _RETRIED_STATUSES and status < 500:
            return None
        retry_after = _retry_after(error.headers.get("retry-after", ""))
        return RetryableError(
            f"HTTP {status}: {said}",
            LOAD_HINT,
            retry_after,
            gone=status >= 500,
            congested=status in _CONGESTED_STATUSES,
        )

    def permanent(self, error: HTTPStatusError, *, with_tools: bool) -> EmbodiedError | None:
        """Map an error that another attempt would meet again; None: it is not known."""
        status, said = error.status, self.message(error)
        if with_tools and _refuses_tools(status, said):
            model, url = self._config.model, self._config.base_url
            return ConfigError(
                f"{url} lets {model!r} call no functions (HTTP {status}: {said}); "
                f"{_TOOLS_HINT.format(model=model)}"
            )
        if status == 400 and _OVERFLOW.search(f"{error.code} {said}"):
            return self._overflow(said)
        return self.unusable(error)

    def unusable(self, error: HTTPStatusError) -> ConfigError | None:
        """Map an error that any request would meet; None: it is not one."""
        url, name = self._config.base_url, self._config.api_key_environment
        if error.status in (401, 403):
            key = f"the key in {name}" if self._key else f"requests without a key; {name} is unset"
            return ConfigError(
                f"{url} refuses {key} (HTTP {error.status}: {self.message(error)}); "
                f"put a valid key into the environment variable {name}"
            )
        if error.status < 400:
            place = self.redact(error.headers.get("location", "another address"))
            return ConfigError(f"{url} redirects to {place}; put the final address into base_url")
        return None

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
        """Return the server's message, redacted."""
        return self.redact(error.message)

    @property
    def start_hint(self) -> str:
        """Advice on how to start a server."""
        return f"is the server running? start one with: embodied serve --model {self._config.model}"

    def _overflow(self, said: str) -> EmbodiedError:
        size, room = _CONTEXT_SIZE.search(said), self._config.max_tokens
        if size and room >= int(size[1]):
            return ConfigError(
                f"max_tokens is {room}, but the whole context of {self._config.model!r} is "
                f"{size[1]} tokens; lower max_tokens or serve the model with a longer context"
            )
        return ContextOverflow(f"the conversation is too long for {self._config.model!r}: {said}")


def _refuses_tools(status: int, said: str) -> bool:
    return status in (400, 500) and _NO_TOOLS.search(said) is not None


def _retry_after(header: str) -> float:
    """Read the seconds in a `Retry-After` header: a number or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
