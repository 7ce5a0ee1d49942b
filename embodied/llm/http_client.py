"""HTTP with one server over a pool of connections, with bounds on what is read.

Built on aiohttp: the pool of httpx looks at every idle connection at every request, which with
hundreds of them takes longer than all else.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from multidict import CIMultiDict

from embodied.errors import ConfigError
from embodied.llm.config import LLMConfig
from embodied.llm.error_body import read_error

_MAX_BYTES = 10_000_000
_KEPT_SECONDS = 4.0
"""How long an idle connection is kept. vLLM closes it after five."""
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class RequestError(Exception):
    """A request brought no usable answer."""


class ResponseTooLargeError(RequestError):
    """An answer exceeds what a model can have said."""


class TransportError(RequestError):
    """No answer came; the text says why, in the words of the system."""


class HTTPStatusError(RequestError):
    """An answer has a status other than success.

    Args:
        status: of HTTP.
        headers: of the answer.
        body: of the answer.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.said = read_error(body)
        """What the body says."""
        self.headers = CIMultiDict({**headers, **self.said.headers})
        """Those of the answer, and those of another server that the body quotes."""


class HTTPClient:
    """Sends requests to one server and keeps the connections for the next ones.

    It follows no redirects, and reaches a server on this machine past any proxy. A request without
    an answer of success raises a `RequestError`.

    Args:
        config: the server.
        key: sent with each request, where there is one.

    Raises:
        ConfigError: the proxy settings in the environment cannot be used.
    """

    def __init__(self, config: LLMConfig, key: str) -> None:
        self._connect_seconds = config.connect_seconds
        self._url = functools.cache(functools.partial(urljoin, config.base_url + "/"))
        self._headers = {
            **config.extra_headers,
            "Accept-Encoding": "identity",
            **authorization(key, config.api_key_header),
        }
        self._query = config.extra_query
        self._proxy = _proxy(config.base_url)

    async def get(self, path: str) -> str:
        """Get a path under the server's address, or a whole address."""
        return await self._send("GET", path, self._headers)

    async def post(self, path: str, body: Mapping[str, Any]) -> str:
        """Post a body as JSON."""
        content = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        headers = {**self._headers, "Content-Type": "application/json"}
        return await self._send("POST", path, headers, content)

    async def close(self) -> None:
        """Close all connections."""
        if "_http" in vars(self):
            await self._http.close()

    @functools.cached_property
    def _http(self) -> aiohttp.ClientSession:
        """The session, made at the first request: it belongs to the event loop that runs then."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS),  # 0: no bound
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            auto_decompress=False,
            proxy=self._proxy,
        )

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> str:
        handled = sys.exc_info()[1]
        request = self._http.request(
            method,
            self._url(path),
            params=self._query,
            headers=headers,
            data=body,
            allow_redirects=False,
        )
        try:
            async with request as response:
                answer = await _read_bounded(response)
        except aiohttp.ClientError as error:
            raise TransportError(self._describe(error, handled)) from error
        if not 200 <= response.status < 300:
            raise HTTPStatusError(response.status, response.headers, answer)
        return answer

    def _describe(self, cause: BaseException, handled: BaseException | None) -> str:
        """Name the first cause of an error, but for one that was handled before the request."""
        while (below := cause.__cause__ or cause.__context__) not in (None, handled):
            cause = below
        if isinstance(cause, TimeoutError):
            return f"no connection within {self._connect_seconds:g} s"
        if isinstance(cause, aiohttp.http_exceptions.PayloadEncodingError):
            return "the answer broke off"
        if isinstance(cause, ConnectionResetError):
            return "connection reset by peer"
        words = getattr(cause, "message", None) or str(cause)
        if isinstance(cause, OSError) and cause.errno:
            words = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
        return (words or type(cause).__name__).lower()


async def _read_bounded(response: aiohttp.ClientResponse) -> str:
    """Read a body, neither decompressed nor beyond `_MAX_BYTES`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise ResponseTooLargeError(f"an answer of more than {_MAX_BYTES // 1_000_000} MB")
    return body.decode(errors="replace")


def _proxy(base_url: str) -> str | None:
    """Find the proxy by which the environment wants a server to be reached."""
    url = urlsplit(base_url)
    if url.hostname is None or url.hostname in _LOOPBACK or proxy_bypass(url.hostname):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy is not None and (scheme := urlsplit(proxy).scheme) not in ("http", "https"):
        raise ConfigError(
            f"the proxy settings in the environment name a proxy of the kind {scheme!r}; "
            "what is needed is http://HOST:PORT"
        )
    return proxy


def authorization(key: str, header: str = "Authorization") -> dict[str, str]:
    """Return the header that sends a key; none where it is empty."""
    if not key:
        return {}
    return {header: f"Bearer {key}" if header.lower() == "authorization" else key}


def read_key(name: str) -> str:
    """Read the key in an environment variable; empty where it is unset.

    Raises:
        ConfigError: it holds characters that no key has.
    """
    key = os.environ.get(name, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the environment variable {name} holds characters that no key has")
    return key
