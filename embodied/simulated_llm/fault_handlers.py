"""What each fault does to an HTTP request."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from embodied.simulated_llm.chat_schema import error_body
from embodied.simulated_llm.faults import Drawn

_LINE = b" " * 65_536
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Case:
    """A request that meets a fault."""

    drawn: Drawn
    request: web.Request
    model: str
    answer: Callable[[], Awaitable[web.Response]]
    """Gives the right answer, after the time that it takes."""
    restart: Callable[[float], None]
    """Restarts the server, which then refuses connections for so many seconds."""

    async def body(self) -> bytes:
        """The right answer's body."""
        body = (await self.answer()).body
        return body if isinstance(body, bytes) else b""


async def misbehave(case: Case) -> web.StreamResponse:
    """The answer to a request that meets a fault."""
    return await _MISBEHAVIOURS[case.drawn.fault.name](case)


def reset_connection(transport: asyncio.BaseTransport | None) -> None:
    """Break off a connection with a TCP reset, as a dying process does."""
    if transport is None or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def broken_off(request: web.Request) -> web.Response:
    """Reset a request's connection; nobody sees the response."""
    reset_connection(request.transport)
    return web.Response()


def _json(body: bytes, status: int = 200, seconds: float | None = None) -> web.Response:
    headers = {} if seconds is None else {"Retry-After": f"{seconds:g}"}
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


async def _too_many(case: Case) -> web.StreamResponse:
    body = error_body("Rate limit reached.", 429, "RateLimitError")
    return _json(body, 429, case.drawn.fault.duration)


async def _internal_error(case: Case) -> web.StreamResponse:
    return _json(error_body("EngineCore encountered an issue.", 500, "InternalServerError"), 500)


async def _unavailable(case: Case) -> web.StreamResponse:
    body = error_body("The server is overloaded.", 503, "ServiceUnavailableError")
    return _json(body, 503, case.drawn.fault.duration)


async def _reset(case: Case) -> web.StreamResponse:
    if case.drawn.variant % 2:
        body = await case.body()
        response = await _begun(case, len(body))
        await response.write(body[: len(body) // 2])
    return broken_off(case.request)


async def _stall(case: Case) -> web.StreamResponse:
    await asyncio.sleep(case.drawn.fault.duration)
    return await case.answer()


async def _drip(case: Case) -> web.StreamResponse:
    body = await case.body()
    response = await _begun(case, len(body))
    for byte in body:
        await response.write(bytes([byte]))
        await asyncio.sleep(case.drawn.fault.duration)
    return response


async def _truncated(case: Case) -> web.StreamResponse:
    body = await case.body()
    return _json(body[: len(body) // 2])


async def _empty(case: Case) -> web.StreamResponse:
    form = case.drawn.variant % 3
    if form == 0:
        return _json(b"")
    answer = json.loads(await case.body())
    if form == 1:
        answer["choices"] = []
    for choice in answer.get("choices", ()):
        choice["message"]["content"] = None
    return _json(json.dumps(answer).encode())


async def _endless(case: Case) -> web.StreamResponse:
    body = await case.body()
    response = await _begun(case)
    await response.write(body[:-1])
    while True:
        await response.write(_LINE)
        await asyncio.sleep(0.001)


async def _wrong_model(case: Case) -> web.StreamResponse:
    message = f"The model `{case.model}` does not exist."
    return _json(error_body(message, 404, "NotFoundError", "model"), 404)


async def _other_model(case: Case) -> web.StreamResponse:
    answer = json.loads(await case.body())
    return _json(json.dumps({**answer, "model": f"not-{case.model}"}).encode())


async def _restart(case: Case) -> web.StreamResponse:
    case.restart(case.drawn.fault.duration)
    return broken_off(case.request)


async def _begun(case: Case, length: int | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = length
    await response.prepare(case.request)
    return response


_MISBEHAVIOURS: dict[str, Callable[[Case], Awaitable[web.StreamResponse]]] = {
    "429": _too_many,
    "500": _internal_error,
    "503": _unavailable,
    "reset": _reset,
    "stall": _stall,
    "drip": _drip,
    "truncated": _truncated,
    "empty": _empty,
    "endless": _endless,
    "wrong-model": _wrong_model,
    "other-model": _other_model,
    "restart": _restart,
}
