"""An arm that moves along a line, as an MCP server on standard input and output."""

from __future__ import annotations

from typing import Annotated

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel, Field

server = MCPServer("sample-robot", instructions="An arm that moves along a rail. Metres.")


class Pose(BaseModel):
    """Where the arm is."""

    x: float
    closed: bool


arm = Pose(x=0.0, closed=False)


@server.tool()
def move_to(x: Annotated[float, Field(ge=-0.8, le=0.8, description="metres")]) -> Pose:
    """Move the arm along the rail. Returns where it is then."""
    arm.x = x
    return arm


@server.tool()
def grip(closed: bool) -> Pose:
    """Close the gripper, or open it."""
    arm.closed = closed
    return arm


@server.tool()
def pose() -> Pose:
    """Say where the arm is."""
    return arm


@server.tool()
def home() -> str:
    """Drive to x = 0 and open the gripper."""
    arm.x, arm.closed = 0.0, False
    return "The arm is at x = 0, its gripper is open."


if __name__ == "__main__":
    server.run()
