"""What a user may configure of a model and its server."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
)

_FIXED_PARAMETERS = {"messages", "n", "stream", "tools", "tool_choice"}
REACHING_SETTINGS = (
    "base_url",
    "api_key_environment",
    "api_key_header",
    "extra_headers",
    "extra_query",
    "max_tokens_name",
    "connect_seconds",
    "answer_seconds",
    "retries",
    "outage_seconds",
    "max_concurrency",
    "cache",
)
"""How a server is reached, and nothing of its answers."""
_CHANGES_NO_ANSWER = {*REACHING_SETTINGS, "record_tokens"}

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110, 5.6.2."""
_FIXED_HEADERS = {"accept-encoding", "connection", "content-length", "content-type", "host"}
_SECRET = re.compile(r"auth(?:oriz|[-_]|$)|cookie|secret|(?:^|[-_]|api)key$|token$", re.IGNORECASE)
"""Names under which servers take keys."""


class LLMConfig(BaseModel):
    """Which model answers, how it samples and how long to wait for it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
    )

    base_url: str = "http://127.0.0.1:8000/v1"
    """Address of the API, without `/chat/completions`."""
    model: str = Field(min_length=1)
    """The model's name as the server lists it."""
    api_key_environment: str = Field("OPENAI_API_KEY", min_length=1)
    """Name of the environment variable that holds the key. The key itself is never recorded."""
    api_key_header: str = "Authorization"
    """Header that sends the key: `Authorization`, as a bearer token; any other one, such as
    `api-key` of Azure, as it is."""
    temperature: float | None = Field(0.0, ge=0)
    """Sampling temperature; 0: always the likeliest token; null: not sent, for servers that take
    none or only their own."""
    top_p: float | None = Field(1.0, gt=0, le=1)
    """Share of the probability that sampling draws from; null: not sent."""
    max_tokens: int | None = Field(1024, gt=0)
    """Longest answer, in tokens, with the thoughts of models that think; null: not sent, the
    server decides."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the request calls `max_tokens`. OpenAI's thinking models take only
    `max_completion_tokens`."""
    seed: int | None = None
    """Seed of the sampling; None: the server's choice."""
    stop: tuple[str, ...] = ()
    """Strings that end an answer; the server leaves them out."""
    connect_seconds: float = Field(10.0, gt=0)
    """Longest wait for a connection, in seconds; a list of models may take half as long again."""
    answer_seconds: float = Field(300.0, gt=0)
    """Longest wait for one whole answer, in seconds. Answers are not streamed, so that this also
    bounds the wait for the first token."""
    retries: int = Field(4, ge=0)
    """How often a request that failed is sent again. Failures while the server is gone, and
    refusals by its rate limit, do not count."""
    outage_seconds: float = Field(600.0, ge=0)
    """How long all requests wait for a server that is gone, before they fail, or that takes none
    for its rate limit, before the run ends; in seconds. Longer than the server takes to start
    again."""
    max_concurrency: int = Field(1024, gt=0)
    """Most requests that one worker has in flight. It begins with 64 and adapts to the server:
    fewer where it is congested, more where it is not."""
    cache: Path | None = None
    """A file that keeps answers, so that a repeated run asks no question twice, while you develop.
    Only requests with a seed or temperature 0 are kept. It is made where it is missing."""
    structured: bool = False
    """Ask the server to constrain answers to calls, in the action format `json` of the default
    protocol. Answers then hold nothing else: no thoughts in words, no tags. Some servers ignore it:
    what they send is parsed as ever, and mistakes are counted as format errors."""
    record_tokens: bool = False
    """Ask the server for the tokens of prompts and answers and the log-probabilities of the
    latter, for training (vLLM from 0.10.2 on). Trajectories become many times as large."""
    extra_body: dict[str, JsonValue] = {}
    """Further request parameters, e.g. `{"top_k": 20}` for vLLM."""
    extra_headers: dict[str, str] = {}
    """Further headers of every request. Keys do not belong here, as settings are stored: see
    `api_key_environment`."""
    extra_query: dict[str, str] = {}
    """Parameters at the end of every address, e.g. `{"api-version": "2024-10-21"}` for Azure."""

    @property
    def protocol(self) -> dict[str, Any]:
        """What makes scores comparable: the model and how it samples, not how it is reached."""
        unset = set() if self.structured else {"structured"}
        return self.model_dump(mode="json", exclude=_CHANGES_NO_ANSWER | unset)

    def turn_seed(self, episode: str, turn: int) -> int | None:
        """Derive a seed of 31 bits for a turn, the same one in every run; None without a seed."""
        if self.seed is None:
            return None
        digest = hashlib.sha256(f"{self.seed}:{episode}:{turn}".encode()).digest()
        return int.from_bytes(digest[:4], "big") >> 1

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
        if url.query or url.fragment:
            raise ValueError("an address has no ? and no #; see extra_query")
        return str(url).rstrip("/")

    @field_validator("api_key_header")
    @classmethod
    def _header(cls, value: str) -> str:
        if not _HEADER_NAME.fullmatch(value) or value.lower() in _FIXED_HEADERS:
            raise ValueError(f"{value!r} cannot be the header of a key")
        return value

    @field_validator("extra_headers")
    @classmethod
    def _own_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _HEADER_NAME.fullmatch(name) or not (text.isascii() and text.isprintable()):
                raise ValueError(
                    f"{name!r} is no header with a value of printable ASCII characters"
                )
            if name.lower() in _FIXED_HEADERS:
                raise ValueError(f"the client itself sets {name}")
        return _without_secrets(value)

    @field_validator("extra_query")
    @classmethod
    def _own_query(cls, value: dict[str, str]) -> dict[str, str]:
        return _without_secrets(value)

    @field_validator("extra_body")
    @classmethod
    def _own_parameters(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if taken := sorted(value.keys() & (_FIXED_PARAMETERS | cls.model_fields.keys())):
            raise ValueError(f"extra_body cannot set {', '.join(taken)}: no parameter is set twice")
        return value


def _without_secrets(values: dict[str, str]) -> dict[str, str]:
    if secret := next(filter(_SECRET.search, values), None):
        raise ValueError(
            f"{secret} looks like a key, and settings are stored; put the key into the environment "
            "variable that api_key_environment names, and the header's name into api_key_header"
        )
    return values
