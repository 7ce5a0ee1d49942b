"""The faults of a simulated server, each one function: what it does to an HTTP request.

A fault is added by writing another such function: its name, its default duration and its docstring
are all that the command line and its help know of it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from embodied.simulated_llm.chat_schema import APIError

if TYPE_CHECKING:
    from aiohttp import web

_LINE = b" " * 65_536
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class FaultContext:
    """A request that meets a fault."""

    request: web.Request
    model: str
    seconds: float
    """How long the fault takes."""
    variant: int
    """A random number from 0 to 65,535, for faults that have several forms."""
    answer: Callable[[], Awaitable[web.Response]]
    """Gives the right answer, after the time that it takes."""
    restart: Callable[[float], None]
    """Restarts the server, which then refuses connections for so many seconds."""

    async def body(self) -> bytes:
        """Return the right answer's body."""
        body = (await self.answer()).body
        return body if isinstance(body, bytes) else b""


FaultHandler: TypeAlias = "Callable[[FaultContext], Awaitable[web.StreamResponse]]"


@dataclass(frozen=True)
class FaultKind:
    """A fault that may be injected."""

    handle: FaultHandler
    default_seconds: float | None
    """How long it takes unless told; None: it takes no time."""

    @property
    def description(self) -> str:
        """What it does, in one sentence, with its default duration."""
        text = " ".join((self.handle.__doc__ or "").split()).rstrip(".")
        return text.replace("SECONDS", f"SECONDS ({self.default_seconds or 0:g})", 1)


FAULT_KINDS: dict[str, FaultKind] = {}
"""All of them, by name."""


def _fault(name: str, seconds: float | None = None) -> Callable[[FaultHandler], FaultHandler]:
    def register(handler: FaultHandler) -> FaultHandler:
        FAULT_KINDS[name] = FaultKind(handler, seconds)
        return handler

    return register


@_fault("429", seconds=1.0)
async def _too_many(context: FaultContext) -> web.StreamResponse:
    """Answer HTTP 429, with Retry-After of SECONDS."""
    return _refuse(context, APIError("Rate limit reached.", 429, "RateLimitError"))


@_fault("500")
async def _internal_error(context: FaultContext) -> web.StreamResponse:
    """Answer HTTP 500."""
    message = "EngineCore encountered an issue."
    return _json(APIError(message, 500, "InternalServerError").body, 500)


@_fault("503", seconds=1.0)
async def _unavailable(context: FaultContext) -> web.StreamResponse:
    """Answer HTTP 503, with Retry-After of SECONDS."""
    return _refuse(context, APIError("The server is overloaded.", 503, "ServiceUnavailableError"))


@_fault("reset")
async def _reset(context: FaultContext) -> web.StreamResponse:
    """Reset the connection, before the answer or in the middle of it."""
    if context.variant % 2:
        body = await context.body()
        response = await _begin(context, len(body))
        await response.write(body[: len(body) // 2])
    return abort_request(context.request)


@_fault("stall", seconds=600.0)
async def _stall(context: FaultContext) -> web.StreamResponse:
    """Say nothing for SECONDS, then answer."""
    await asyncio.sleep(context.seconds)
    return await context.answer()


@_fault("drip", seconds=1.0)
async def _drip(context: FaultContext) -> web.StreamResponse:
    """Answer a byte at a time, with SECONDS between them."""
    body = await context.body()
    response = await _begin(context, len(body))
    for byte in body:
        await response.write(bytes([byte]))
        await asyncio.sleep(context.seconds)
    return response


@_fault("truncated")
async def _truncated(context: FaultContext) -> web.StreamResponse:
    """Send the first half of the answer, as if it were all."""
    body = await context.body()
    return _json(body[: len(body) // 2])


@_fault("empty")
async def _empty(context: FaultContext) -> web.StreamResponse:
    """Answer with no body, no choices or no content."""
    form = context.variant % 3
    if form == 0:
        return _json(b"")
    answer = json.loads(await context.body())
    if form == 1:
        answer["choices"] = []
    for choice in answer.get("choices", ()):
        choice["message"]["content"] = None
    return _json(json.dumps(answer).encode())


@_fault("endless")
async def _endless(context: FaultContext) -> web.StreamResponse:
    """Send an answer that never ends."""
    body = await context.body()
    response = await _begin(context)
    await response.write(body[:-1])
    while True:
        await response.write(_LINE)
        await asyncio.sleep(0.001)


@_fault("wrong-model")
async def _wrong_model(context: FaultContext) -> web.StreamResponse:
    """Answer HTTP 404, as if the model were not served."""
    return _json(APIError.of_model(context.model).body, 404)


@_fault("other-model")
async def _other_model(context: FaultContext) -> web.StreamResponse:
    """Answer under another model's name."""
    answer = json.loads(await context.body())
    return _json(json.dumps({**answer, "model": f"not-{context.model}"}).encode())


@_fault("restart", seconds=5.0)
async def _restart(context: FaultContext) -> web.StreamResponse:
    """Reset all connections, take none for SECONDS, and lose the prefix cache."""
    context.restart(context.seconds)
    return abort_request(context.request)


def reset_connection(transport: asyncio.BaseTransport | None) -> None:
    """Break off a connection with a TCP reset, as a dying process does."""
    if transport is None or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def abort_request(request: web.Request) -> web.Response:
    """Reset a request's connection; nobody sees the response."""
    reset_connection(request.transport)
    return _json(b"")


def _refuse(context: FaultContext, error: APIError) -> web.Response:
    return _json(error.body, error.status, {"Retry-After": f"{context.seconds:g}"})


def _json(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    from aiohttp import web

    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def _begin(context: FaultContext, length: int | None = None) -> web.StreamResponse:
    from aiohttp import web

    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = length
    await response.prepare(context.request)
    return response
