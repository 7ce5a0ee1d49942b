"""What a server's failures mean: try again, or an error in words that a user can act on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from embodied.errors import ConfigError, ContextOverflow, EmbodiedError
from embodied.llm.config import LLMConfig
from embodied.llm.http_client import Refused

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


class NoAnswer(Exception):  # noqa: N818 - tried again, and only then an error
    """One attempt brought nothing; the next one may.

    Args:
        cause: what happened; what follows its first colon or parenthesis are the details of the
            case, so that equal causes can be counted.
        advice: what the user can do.
        wait: shortest wait that the server asks for, in seconds.
        gone: whether the server may be gone.
        congested: whether the server may have more to do than it bears.
    """

    def __init__(
        self,
        cause: str,
        advice: str,
        wait: float = 0.0,
        *,
        gone: bool = False,
        congested: bool = False,
    ) -> None:
        super().__init__(f"{cause}; {advice}")
        self.cause = cause
        self.wait = wait
        self.gone = gone
        self.congested = congested


class Failures:
    """Reads the failures of one server.

    Args:
        config: the server and its model.
        key: that no text may show.
    """

    def __init__(self, config: LLMConfig, key: str) -> None:
        self._config = config
        self._key = key

    def clean(self, text: str) -> str:
        """Text of a server, fit to be shown: without the key, on one line, not long."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = "".join(c if c.isprintable() else " " for c in text[:5000])
        text = " ".join(text.split())
        return text if len(text) <= 300 else f"{text[:300]}…"

    def passing(self, error: Refused, *, with_tools: bool) -> NoAnswer | None:
        """A refusal that may pass; None: it stays, and `lasting` says what it means."""
        status, said = error.status, self.said(error)
        if with_tools and _refuses_tools(status, said):
            return None
        if status not in _RETRIED_STATUSES and status < 500:
            return None
        wait = _retry_after(error.headers.get("retry-after", ""))
        return NoAnswer(
            f"HTTP {status}: {said}",
            LOAD_HINT,
            wait,
            gone=status >= 500,
            congested=status in _CONGESTED_STATUSES,
        )

    def lasting(self, error: Refused, *, with_tools: bool) -> EmbodiedError | None:
        """A refusal that another attempt meets again; None: no refusal that is known."""
        status, said = error.status, self.said(error)
        if with_tools and _refuses_tools(status, said):
            return self._no_tools(status, said)
        if status == 400 and _OVERFLOW.search(f"{error.code} {said}"):
            return self._overflow(said)
        return self.unusable(error)

    def unusable(self, error: Refused) -> ConfigError | None:
        """A refusal whatever is asked; None: it is none."""
        url, name, said = self._config.base_url, self._config.api_key_environment, self.said(error)
        if error.status in (401, 403):
            key = f"the key in {name}" if self._key else f"requests without a key; {name} is unset"
            return ConfigError(
                f"{url} refuses {key} (HTTP {error.status}: {said}); "
                f"put a valid key into the environment variable {name}"
            )
        if error.status < 400:
            place = self.clean(error.headers.get("location", "another address"))
            return ConfigError(f"{url} redirects to {place}; put the final address into base_url")
        return None

    def not_found(self, said: str, served: list[str]) -> NoAnswer | ConfigError:
        """HTTP 404 to a request for an answer, where the server lists these models. It passes where
        the model is among them: one of several servers behind the address may not have it yet.
        """
        if self._config.model in served:
            return NoAnswer(f"HTTP 404: {said}", ADDRESS_HINT)
        if served:
            return self.not_served(served)
        return ConfigError(
            f"{self._config.base_url} has no chat completions of {self._config.model!r} "
            f"(HTTP 404: {said}); {ADDRESS_HINT}"
        )

    def not_served(self, served: list[str]) -> ConfigError:
        """The model is none of those that the server lists."""
        names = ", ".join(served[:20]) or "no model"
        return ConfigError(
            f"the server at {self._config.base_url} serves: {names}; not {self._config.model!r}. "
            "Set the model to one of these, or start a server with: "
            f"embodied serve --model {self._config.model}"
        )

    def said(self, error: Refused) -> str:
        """What the server says of a refusal."""
        return self.clean(error.said)

    @property
    def start_hint(self) -> str:
        """How to start a server."""
        return f"is the server running? start one with: embodied serve --model {self._config.model}"

    def _no_tools(self, status: int, said: str) -> ConfigError:
        advice = _TOOLS_HINT.format(model=self._config.model)
        return ConfigError(
            f"{self._config.base_url} lets {self._config.model!r} call no functions "
            f"(HTTP {status}: {said}); {advice}"
        )

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
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3): a number or a date."""
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", header):
        return float(header)
    try:
        date = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
