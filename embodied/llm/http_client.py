"""The pool of connections to one server, with bounds on what it reads.

It is aiohttp: the pool of httpx looks at every idle connection at every request, which with
hundreds of them takes longer than all else.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

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
        self._url = functools.cache(functools.partial(urljoin, config.base_url + "/"))
        self._headers = {"Accept-Encoding": "identity", **_authorization(key)}
        self._proxy = _proxy(config.base_url)

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
        if "_http" in vars(self):
            await self._http.close()

    @functools.cached_property
    def _http(self) -> aiohttp.ClientSession:
        """Made at the first request: it belongs to the event loop that runs then."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_NO_BOUND, keepalive_timeout=_KEPT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
            auto_decompress=False,
            proxy=self._proxy,
        )

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> str:
        request = self._http.request(
            method,
            self._url(path),
            headers=headers,
            data=body,
            allow_redirects=False,
        )
        try:
            async with request as response:
                answer = await _bounded(response)
        except aiohttp.ClientError as error:
            raise NoConnection(self._words(_root_cause(error))) from error
        if not 200 <= response.status < 300:
            raise Refused(response.status, response.headers, answer)
        return answer

    def _words(self, cause: BaseException) -> str:
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


async def _bounded(response: aiohttp.ClientResponse) -> str:
    """The body, neither decompressed nor beyond `_MOST_BYTES`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise TooLarge(f"an answer of more than {_MOST_BYTES // 1_000_000} MB")
    return body.decode(errors="replace")


def _proxy(base_url: str) -> str | None:
    """The proxy by which the environment wants a server to be reached.

    Raises:
        ConfigError: it is none that can be used.
    """
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
