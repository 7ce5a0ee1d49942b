"""A connection to an MCP server, for code that waits for answers. Importing it imports `mcp`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import os
import shlex
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx2
from mcp import Client, types
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from embodied._util.closeable import Closeable
from embodied.environment import Attachment
from embodied.errors import ConfigError, InfrastructureError
from embodied.mcp_client.answer import ToolAnswer
from embodied.mcp_client.catalog import MAX_TOOLS, Catalog, read_catalog
from embodied.mcp_client.text import clean

T = TypeVar("T")

_PAGES = 20
_PICTURES = 8
_PICTURE_BYTES = 8 * 1024**2
_DATA_CHARACTERS = 1_000_000
_MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
_CLOSE_SECONDS = 15.0
_HTTP_TIMEOUT = httpx2.Timeout(30.0, read=300.0)
"""Each answer has a limit of its own; a stream may be silent for long."""
_URLS = ("http://", "https://")


class Connection(Closeable):
    """A connection to one server, in a thread of its own.

    Args:
        address: `http://...`, or a command that serves on its standard input and output.
        seconds: that each answer may take.
        variables: environment variables that the command is given, beside HOME, PATH and the like.
        token_variable: the environment variable that holds a bearer token for the address.
        folder: where the command is run; None: here.

    Raises:
        ConfigError: the address or a variable cannot be used.
        InfrastructureError: the server is not there, or speaks no MCP.
    """

    def __init__(
        self,
        address: str,
        *,
        seconds: float,
        variables: Sequence[str] = (),
        token_variable: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self._address, self._seconds = _shown(address), seconds
        if address.startswith(_URLS):
            connect = _to_url(address, token_variable)
        else:
            connect = _to_command(address, variables, folder)
        ready: Future[Client] = Future()
        self._leave = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        # A daemon: a connection that nobody closes does not keep the process from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name="mcp", daemon=True)
        self._thread.start()
        self._held = asyncio.run_coroutine_threadsafe(self._hold(connect, ready), self._loop)
        both: list[Future[Any]] = [ready, self._held]
        wait(both, seconds, FIRST_COMPLETED)
        if ready.done():
            self._client = ready.result()
            return
        error = self._held.exception() if self._held.done() else None
        self.close()
        why = f"it does not answer within {seconds:g} s" if error is None else _cause(error)
        raise InfrastructureError(f"the MCP server {self._address} cannot be reached: {why}")

    async def _hold(
        self, connect: Callable[[contextlib.AsyncExitStack], Awaitable[Any]], ready: Future[Client]
    ) -> None:
        """Open the connection, and keep it until it is to be left; both in one task."""
        async with contextlib.AsyncExitStack() as stack:
            server = await connect(stack)
            info = types.Implementation(name="embodied", version=version("embodied-codeact"))
            client = Client(
                server, cache=None, read_timeout_seconds=self._seconds, client_info=info
            )
            ready.set_result(await stack.enter_async_context(client))
            await self._leave.wait()

    def close(self) -> None:
        """Leave the server; a command is ended."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._leave.set)
        wait({self._held}, _CLOSE_SECONDS)
        self._held.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def catalog(self) -> Catalog:
        """Ask the server what it offers."""
        info = self._client.server_info
        return read_catalog(
            self._address if info is None else info.name,
            "" if info is None else info.version,
            self._client.instructions,
            self._wait(self._tools),
            self._wait(self._resources),
        )

    def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolAnswer:
        """Call a tool.

        Raises:
            InfrastructureError: the server failed, or took too long.
        """
        try:
            result = self._wait(lambda: self._client.call_tool(tool, dict(arguments)))
        except _Refused as refused:
            return ToolAnswer(clean(str(refused)) or "the arguments are wrong", failed=True)
        chosen = [value for value in arguments.values() if isinstance(value, str)]
        return _answer(" ".join([tool, *chosen]), result)

    def read(self, resource: str) -> str:
        """Read a resource that is a text; nothing where it is none."""
        contents = self._wait(lambda: self._client.read_resource(resource)).contents
        return "".join(each.text for each in contents if hasattr(each, "text"))

    async def _tools(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            found += [tool.model_dump(mode="json") for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None or len(found) > MAX_TOOLS:
                break
        return found

    async def _resources(self) -> list[str]:
        if self._client.server_capabilities.resources is None:
            return []
        return [each.uri for each in (await self._client.list_resources()).resources]

    def _wait(self, ask: Callable[[], Awaitable[T]]) -> T:
        async def bounded() -> T:
            with anyio.fail_after(self._seconds):
                return await ask()

        try:
            return asyncio.run_coroutine_threadsafe(bounded(), self._loop).result()
        except TimeoutError:
            why = f"it does not answer within {self._seconds:g} s"
        except MCPError as error:
            if error.code == types.INVALID_PARAMS:
                raise _Refused(error.message) from error
            why = _cause(error)
        except Exception as error:
            why = _cause(error)
        raise InfrastructureError(f"the MCP server {self._address} failed: {why}")


class _Refused(Exception):  # noqa: N818 - of a request, by the server
    """The server calls the arguments of a request wrong."""


def _to_url(
    url: str, token_variable: str | None
) -> Callable[[contextlib.AsyncExitStack], Awaitable[Any]]:
    headers = {}
    if token_variable is not None:
        if token_variable not in os.environ:
            raise ConfigError(f"the environment variable {token_variable} with the token is unset")
        headers["Authorization"] = f"Bearer {os.environ[token_variable]}"

    async def connect(stack: contextlib.AsyncExitStack) -> Any:
        client = httpx2.AsyncClient(headers=headers, timeout=_HTTP_TIMEOUT)
        return streamable_http_client(url, http_client=await stack.enter_async_context(client))

    return connect


def _to_command(
    command: str, variables: Sequence[str], folder: Path | None
) -> Callable[[contextlib.AsyncExitStack], Awaitable[Any]]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"the command of the MCP server {command!r}: {error}") from None
    if not words:
        raise ConfigError(
            "mcp: needs the address or the command of a server, such as "
            "mcp:http://127.0.0.1:9000/mcp or 'mcp:python server.py'"
        )
    missing = [name for name in variables if name not in os.environ]
    if missing:
        raise ConfigError(f"the environment variable {missing[0]} of the MCP server is unset")
    server = StdioServerParameters(
        command=words[0],
        args=words[1:],
        env={name: os.environ[name] for name in variables},
        cwd=folder,
        encoding_error_handler="replace",
    )

    async def connect(stack: contextlib.AsyncExitStack) -> Any:
        return server

    return connect


def _answer(name: str, result: types.CallToolResult) -> ToolAnswer:
    """Read an answer; pictures are called by the tool and the texts that it was given, such as
    which camera to use.
    """
    parts: list[str] = []
    pictures: list[Attachment] = []
    for block in result.content:
        match block:
            case types.TextContent(text=text):
                parts.append(text)
            case types.ImageContent(data=data, mime_type=kind):
                number = len(pictures) + 1
                picture = _picture(name if number == 1 else f"{name} {number}", kind, data)
                pictures += [picture] if picture and number <= _PICTURES else []
                parts += [] if picture else ["(a picture that cannot be shown)"]
            case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
                parts.append(text)
            case _:
                parts.append(f"({block.type} cannot be shown)")
    structured: Any = result.structured_content
    if structured is not None and len(json.dumps(structured)) > _DATA_CHARACTERS:
        structured = None
    if isinstance(structured, dict) and list(structured) == ["result"]:
        structured = structured["result"]
    text = clean("\n".join(parts)) or ("(a picture)" if pictures else "(no text)")
    return ToolAnswer(text, structured, bool(result.is_error), tuple(pictures))


def _picture(name: str, kind: str, data: str) -> Attachment | None:
    if kind not in _MEDIA_TYPES or len(data) > _PICTURE_BYTES * 4 / 3:
        return None
    try:
        return Attachment(clean(name, 80), kind, base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return None


def _cause(error: BaseException) -> str:
    """Say what went wrong, without the groups that it comes in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return clean(str(error), 500) or type(error).__name__


def _shown(address: str) -> str:
    """Return an address without what may be secret."""
    if not address.startswith(_URLS):
        return repr(clean(address, 200))
    scheme, _, rest = address.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}//{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"
