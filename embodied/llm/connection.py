"""The pool of connections to one server, with bounds on what it reads.

It is httpx on aiohttp's connections: the pool of httpx itself looks at every idle connection at
every request, which with hundreds of them takes longer than all else.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from embodied.errors import ConfigError
from embodied.llm.config import LLMConfig

_MOST_BYTES = 10_000_000
_NO_BOUND = 0
"""As aiohttp writes it. The client's window bounds what is in flight."""
_KEPT_SECONDS = 4.0
"""How long an idle connection is kept. vLLM closes it after five."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class TooLarge(Exception):  # noqa: N818 - one answer of a server, not yet an error
    """An answer exceeds what a model can have said."""


class NoConnection(Exception):  # noqa: N818 - as above
    """No answer came; the text says why, in the words of the system."""


class Refused(Exception):  # noqa: N818 - as above
    """An answer whose status is not success.

    Args:
        status: of HTTP.
        headers: of the answer.
        content: its body.
    """

    def __init__(self, status: int, headers: Mapping[str, str], content: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        body = _parsed(content)
        error = body.get("error", body) if isinstance(body, dict) else body
        fields = error if isinstance(error, dict) else {}
        self.code = fields.get("code")
        """What the server calls it."""
        self.said = str(fields.get("message") or error or "nothing said")
        """What the server says of it, as it came."""


class Connections:
    """Connections to a config's server, which are kept for the next requests.

    Redirects are not followed; a server on this machine is reached past any proxy.

    Args:
        config: the server.
        key: sent with each request, where there is one.

    Raises:
        ConfigError: the proxy settings in the environment cannot be used.
    """

    def __init__(self, config: LLMConfig, key: str) -> None:
        self._connect_seconds = config.connect_seconds
        self._url = functools.cache(httpx.URL(config.base_url + "/").join)
        self._headers = {"Accept-Encoding": "identity", **_authorization(key)}
        local = urlsplit(config.base_url).hostname in _LOOPBACK
        try:
            self._http = HttpxAiohttpClient(
                limits=httpx.Limits(max_connections=_NO_BOUND, keepalive_expiry=_KEPT_SECONDS),
                follow_redirects=False,
                trust_env=not local,
            )
        except (ImportError, OSError, ValueError) as error:
            raise ConfigError(
                f"proxy or certificate settings in the environment: {error}"
            ) from error

    async def get(self, path: str) -> str:
        """What a path under the server's address, or a whole address, answers.

        Raises:
            NoConnection, Refused, TooLarge: it does not.
        """
        return await self._send("GET", path, self._headers)

    async def post(self, path: str, body: Mapping[str, Any]) -> str:
        """What a path answers to a body in JSON.

        Raises:
            NoConnection, Refused, TooLarge: it does not.
        """
        content = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        headers = {**self._headers, "Content-Type": "application/json"}
        return await self._send("POST", path, headers, content)

    async def close(self) -> None:
        """Close them all."""
        await self._http.aclose()

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> str:
        # What `httpx.AsyncClient.build_request` merges takes longer than the request itself.
        request = httpx.Request(
            method,
            self._url(path),
            headers=headers,
            content=body,
            extensions={"timeout": {"connect": self._connect_seconds}},
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                answer = await _bounded(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, aiohttp.ClientError) as error:
            raise NoConnection(self._words(_root_cause(error))) from error
        if not response.is_success:
            raise Refused(response.status_code, response.headers, answer)
        return answer

    def _words(self, cause: BaseException) -> str:
        if isinstance(cause, TimeoutError):
            return f"no connection within {self._connect_seconds:g} s"
        if isinstance(cause, aiohttp.http_exceptions.PayloadEncodingError):
            return "the answer broke off"
        words = getattr(cause, "message", None) or str(cause)
        if isinstance(cause, OSError) and cause.errno:
            words = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
        return (words or type(cause).__name__).lower()


async def _bounded(response: httpx.Response) -> str:
    """The body, neither decompressed nor beyond `_MOST_BYTES`."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLarge(f"an answer of more than {_MOST_BYTES // 1_000_000} MB")
    return body.decode(errors="replace")


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def _parsed(content: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return content.strip()


def _root_cause(error: BaseException) -> BaseException:
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error


def read_key(name: str) -> str:
    """The key in an environment variable; empty where it is unset.

    Raises:
        ConfigError: no key has such characters.
    """
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the environment variable {name} holds characters that no key has")
    return key
