"""A small MCP server for tests: an arm that is to reach x = 0.5."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Annotated, Literal

import uvicorn
from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
server = MCPServer("arm", instructions="An arm over a table. Metres.")
x = 0.0


class Pose(BaseModel):
    x: float
    closed: bool


@server.tool()
def move_to(
    x: Annotated[float, Field(ge=-0.8, le=0.8, description="metres")],
    speed: Literal["slow", "fast"] = "slow",
) -> Pose:
    """Move the gripper along x."""
    if x == 0.13:
        raise ToolError("the table is in the way")
    globals()["x"] = x
    return Pose(x=x, closed=False)


@server.tool(name="print")
def printed(words: list[str], note: str | None = None) -> str:
    """Write words on the display."""
    return f"{' '.join(words)} {note}"


@server.tool()
def camera(name: Literal["wrist", "front"]) -> Image:
    """Take a picture."""
    return Image(data=PNG, format="png")


@server.tool()
def home() -> str:
    """Drive to x = 0."""
    globals()["x"] = 0.0
    return "The arm is at home."


@server.tool()
def is_done() -> bool:
    """Whether the goal is reached."""
    return x == 0.5


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
            app = server.streamable_http_app()
            asyncio.run(uvicorn.Server(uvicorn.Config(app)).serve([listener]))
    else:
        server.run()
