"""Where a server listens, and whether it answers there."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from embodied.errors import ConfigError
from embodied.llm.chat_api import MalformedResponseError, read_models
from embodied.llm.http_client import authorization, read_key

KEY = "OPENAI_API_KEY"
"""The environment variable with the key that a server may want."""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_SECONDS = 5.0
_MAX_BYTES = 1_000_000


class NotServingError(Exception):
    """No model is served yet; the text says what the address answers instead."""


@dataclass(frozen=True)
class Address:
    """A host and a port to listen at."""

    host: str
    port: int

    @classmethod
    def free(cls, host: str, port: int) -> Address:
        """Make an address at which nobody listens yet; port 0: any free one.

        Raises:
            ConfigError: it is taken, or not of this machine.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, port))
            except OSError as error:
                why = (error.strerror or str(error)).lower()
                raise ConfigError(
                    f"cannot listen at {host}, port {port}: {why}; "
                    "end what listens there, or choose another --port (0: any free one) or --host"
                ) from None
            return cls(host, listener.getsockname()[1])

    @property
    def base_url(self) -> str:
        """The API's address, from this machine."""
        host = self._reachable
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def models(self) -> list[str]:
        """List the models that can be used.

        Raises:
            NotServingError: none can, yet.
        """
        status, _ = self._get("/health")
        if status >= 500:  # llama.cpp lists its models before it has loaded them
            raise NotServingError(f"HTTP {status} from /health")
        status, content = self._get("/v1/models")
        if status in (401, 403):
            raise NotServingError(f"HTTP {status}: put the server's key into {KEY}")
        if status != 200:
            raise NotServingError(f"HTTP {status} from /v1/models")
        try:
            names = read_models(content)
        except MalformedResponseError as error:
            raise NotServingError(str(error)) from None
        if not names:
            raise NotServingError("it lists no model")
        return names

    @property
    def _reachable(self) -> str:
        return _EVERYWHERE.get(self.host, self.host)

    def _get(self, path: str) -> tuple[int, str]:
        headers = authorization(read_key(KEY))
        with closing(HTTPConnection(self._reachable, self.port, timeout=_SECONDS)) as connection:
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read(_MAX_BYTES).decode(errors="replace")
            except (OSError, HTTPException) as error:
                raise NotServingError(f"{type(error).__name__}: {error}") from None
