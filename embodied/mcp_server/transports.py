"""How an agent reaches the server: standard input and output, or HTTP on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

import anyio
import uvicorn
from mcp.server.stdio import stdio_server

from embodied.errors import ConfigError
from embodied.mcp_server.server import RobotServer

HOST = "127.0.0.1"
"""The server asks for no key, so that only programs on this machine may reach it."""

_MOST_CHARACTERS = 4 * 1024**2
"""Of one request on standard input. Over HTTP it may have as many bytes."""


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send standard output to standard error: that of child processes too, and what was printed
    before and is still to be written.
    """
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


async def serve_stdio(robot: RobotServer) -> None:
    """Serve one agent until it closes standard input, or this process is told to end."""
    server = robot.server()
    async with stdio_server(_requests()) as (incoming, outgoing):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, _end, robot, number)
        await server.run(incoming, outgoing, server.create_initialization_options())


class _Requests(TextIOWrapper):
    """Lines of bounded length; a longer one is the last."""

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        line = super().readline(_MOST_CHARACTERS)
        if len(line) < _MOST_CHARACTERS or line.endswith("\n"):
            return line
        print(f"a request is longer than {_MOST_CHARACTERS:,} characters", file=sys.stderr)
        return ""


def _requests() -> anyio.AsyncFile[str]:
    """Keep standard input for the server alone; simulators and their processes find it empty."""
    lines = os.fdopen(os.dup(0), "rb", closefd=False)  # a thread may read it to the very end
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return anyio.wrap_file(_Requests(lines, encoding="utf-8", errors="replace"))


async def serve_http(robot: RobotServer, port: int) -> None:
    """Serve agents, which share the robot, at a port until this process is told to end.

    Raises:
        ConfigError: the port is taken.
    """
    app = robot.server().streamable_http_app(host=HOST)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            raise ConfigError(
                f"cannot listen at {HOST}, port {port}: {error.strerror}; choose another with "
                "--http (0: any free one)"
            ) from None
        address = f"http://{HOST}:{listener.getsockname()[1]}/mcp"
        print(f"listening at {address}", file=sys.stderr, flush=True)
        await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve([listener])


def _end(robot: RobotServer, number: int) -> None:
    """End this process: a thread that reads standard input cannot be told to stop."""
    try:
        robot.close()
    finally:
        os._exit(128 + number)
