"""The pool of connections to one server, with bounds on what it reads."""

from __future__ import annotations

import copy
import os
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import openai

from embodied.errors import ConfigError
from embodied.llm.config import LLMConfig

_MOST_BYTES = 10_000_000
_NO_BOUND = 0
"""As aiohttp writes it. The client's window bounds what is in flight."""
_KEPT_SECONDS = 4.0
"""How long an idle connection is kept. vLLM closes it after five."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class TooLarge(openai.OpenAIError):
    """An answer exceeds what a model can have said."""


class _BoundedHttpClient(openai.DefaultAioHttpClient):
    """Reads no answer beyond `_MOST_BYTES` and decompresses none.

    It speaks through aiohttp: the pool of the default client looks at every idle connection at
    every request, which with hundreds of them takes longer than all else.
    """

    async def send(self, request: Any, **options: Any) -> Any:
        """The response, read whole, with the headers that matter here."""
        body = bytearray()
        try:
            response = await super().send(request, **{**options, "stream": True})
            async with aclosing(response):
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise TooLarge(f"an answer of more than {_MOST_BYTES // 1_000_000} MB")
        except aiohttp.ClientError as error:
            raise openai.APIConnectionError(request=request) from error
        kept = ("location", "retry-after")
        headers = {name: response.headers[name] for name in kept if name in response.headers}
        return type(response)(
            response.status_code, headers=headers, content=bytes(body), request=request
        )


def open_connections(config: LLMConfig, key: str) -> openai.AsyncOpenAI:
    """Connections to a config's server, which are kept for the next requests.

    Redirects are not followed; a server on this machine is reached past any proxy.

    Raises:
        ConfigError: the proxy settings in the environment cannot be used.
    """
    timeout = openai.Timeout(None, connect=config.connect_seconds)
    limits = copy.copy(openai.DEFAULT_CONNECTION_LIMITS)
    limits.max_connections = _NO_BOUND
    limits.keepalive_expiry = _KEPT_SECONDS
    local = urlsplit(config.base_url).hostname in _LOOPBACK
    try:
        http = _BoundedHttpClient(
            timeout=timeout,
            limits=limits,
            follow_redirects=False,
            trust_env=not local,
        )
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


def read_key(name: str) -> str:
    """The key in an environment variable; empty where it is unset.

    Raises:
        ConfigError: no key has such characters.
    """
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the environment variable {name} holds characters that no key has")
    return key


def root_cause(error: BaseException) -> BaseException:
    """What lies at the bottom of a failed connection."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def cause_words(error: BaseException) -> str:
    """A failed connection in the words of the system."""
    words = getattr(error, "message", None) or str(error)
    if isinstance(error, OSError) and error.errno:
        words = os.strerror(error.errno) if error.errno > 0 else error.strerror
    return (words or type(error).__name__).lower()
