"""The MCP server of one robot. Importing this module imports `mcp`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from mcp import types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError

from embodied.errors import ConfigError
from embodied.mcp_server.approval import AgentsUser
from embodied.mcp_server.robot import START, TASKS, HostedRobot, ToolResult
from embodied.runner.approvals import load_rule, make_approver

TASK = "embodied://task"
_MOST_TASKS = 1000
"""Tasks that the list of them shows."""

_BRAKE_SECONDS = 0.5
_CLOSE_SECONDS = 5.0

_INSTRUCTIONS = f"""\
A robot that you control by calling its functions. The episode is over when the task is solved or \
no step is left. {START} begins it anew."""
_START_TOOL = types.Tool(
    name=START,
    description="Begin an episode and return its first observation: the same task again, or the "
    f"one with the given id. The resource {TASKS} lists the tasks.",
    input_schema={
        "type": "object",
        "properties": {"task": {"type": "string", "description": "Id of another task."}},
        "additionalProperties": False,
    },
)

Context = ServerRequestContext[Any]


class RobotServer:
    """Answers MCP requests with one robot, whose calls are made one after another in one thread.

    Args:
        make: makes the robot, in that thread.
        approval: who approves calls, as `runner.approval`; `ask`, the agent's user (elicitation).

    Raises:
        ConfigError: a function of the robot has the name of the server's own tool, or there is no
            such rule.
        EmbodiedError: the robot cannot be made.
    """

    def __init__(self, make: Callable[[], HostedRobot], approval: str = "ask") -> None:
        load_rule(approval)
        self._approval = approval
        self._asked: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(1, "robot")
        self._robot = self._thread.submit(make).result()
        self._tools = [
            types.Tool(
                name=f["name"],
                description=f["description"],
                input_schema=f["parameters"],
                output_schema=f["returns"] and _result_schema(f["returns"]),
            )
            for f in self._robot.tools()
        ]
        if any(tool.name == START for tool in self._tools):
            self.close()
            raise ConfigError(f"the robot has a function {START}, which is the server's own name")

    def server(self) -> Server[Any]:
        """Make the server, for any transport."""
        parts = [_INSTRUCTIONS, self._robot.introduction, self._robot.opening]
        return Server(
            "embodied",
            version=importlib.metadata.version("embodied-codeact"),
            instructions="\n\n".join(filter(None, parts)),
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
        )

    def close(self) -> None:
        """Release the robot's environment, once its running call has ended or hangs for long."""
        self._robot.break_off()
        closing = self._thread.submit(self._robot.close)
        try:
            closing.result(_BRAKE_SECONDS)
        except TimeoutError:  # a call hangs in that thread
            self._robot.stop()
            with contextlib.suppress(TimeoutError):
                closing.result(_CLOSE_SECONDS)
        self._thread.shutdown(wait=False)

    async def _list_tools(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[*self._tools, _START_TOOL])

    async def _call_tool(
        self, context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        arguments = params.arguments or {}
        if params.name == START:
            return _result(await self._in_thread(self._robot.start, arguments.get("task")))
        user = AgentsUser(context, params.input_responses or {}, self._asked)
        approver = make_approver(self._approval, user.ask)
        answer = await self._in_thread(self._robot.call, params.name, arguments, approver)
        return user.to_be_asked or _result(answer)

    async def _list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    uri=TASK,
                    name="task",
                    description="What the robot is to do, and its first observation.",
                    mime_type="text/plain",
                ),
                types.Resource(
                    uri=TASKS,
                    name="tasks",
                    description=f"Tasks that {START} can begin, at most {_MOST_TASKS} of them.",
                    mime_type="application/json",
                ),
            ]
        )

    async def _read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        if params.uri == TASK:
            text, kind = self._robot.opening, "text/plain"
        elif params.uri == TASKS:
            tasks = islice(self._robot.tasks.values(), _MOST_TASKS)
            listed = [{"id": t.id, "kind": t.kind, "instruction": t.instruction} for t in tasks]
            text, kind = json.dumps(listed), "application/json"
        else:
            raise MCPError(types.INVALID_PARAMS, f"there are only the resources {TASK} and {TASKS}")
        content = types.TextResourceContents(uri=params.uri, mime_type=kind, text=text)
        return types.ReadResourceResult(contents=[content])

    async def _in_thread(self, function: Callable[..., ToolResult], *arguments: Any) -> ToolResult:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)


def _result(answer: ToolResult) -> types.CallToolResult:
    pictures = [
        types.ImageContent(data=b64encode(file.data).decode(), mime_type=file.media_type)
        for file in answer.attachments
        if file.media_type.startswith("image/")
    ]
    return types.CallToolResult(
        content=[types.TextContent(text=answer.text), *pictures],
        structured_content={"text": answer.text, **answer.status, **_returned(answer)},
        is_error=answer.refused,
    )


def _returned(answer: ToolResult) -> dict[str, Any]:
    return {} if answer.result is None else {"result": answer.result}


def _result_schema(returned: dict[str, Any]) -> dict[str, Any]:
    """Make the schema of a structured result, which may lack what a call returned."""
    defined = {"$defs": returned.pop("$defs")} if "$defs" in returned else {}
    return {"type": "object", "properties": {"result": returned}, **defined}
