"""Asks an agent's user to approve a call. Importing this module imports `mcp`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import is_version_at_least

from embodied.approval import PendingCall
from embodied.trajectory import ApprovalRecord

_ASKED_IN_RESULTS = "2026-07-28"
"""From this version of MCP on, a question is the result of a call, which is made again with its
answer; before it, the server asks while the call waits."""
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "approve": {
            "type": "boolean",
            "description": "Whether the robot may do this.",
            "default": True,
        }
    },
}
"""What the user fills in."""
_MOST_ASKED = 1000
_ASKING = types.ClientCapabilities(elicitation=types.ElicitationCapability())
_NOBODY = "it needs a user's approval, and this client does not ask its user (elicitation)"


class AgentsUser:
    """Who approves the calls of one request.

    Args:
        context: of the request.
        answers: that came with it.
        asked: what was asked before, by the names of the answers; this may add to it.
    """

    def __init__(
        self, context: ServerRequestContext[Any], answers: Mapping[str, Any], asked: dict[str, str]
    ) -> None:
        self.to_be_asked: types.InputRequiredResult | None = None
        """What to return in place of the call's result, which waits for its approval."""
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._answers = answers
        self._asked = asked

    def ask(self, call: PendingCall) -> ApprovalRecord | Future[ApprovalRecord]:
        """Ask about a call, in the thread that makes it."""
        if not self._context.session.check_client_capability(_ASKING):
            return ApprovalRecord(approved=False, by="nobody", reason=_NOBODY)
        if not is_version_at_least(self._context.protocol_version, _ASKED_IN_RESULTS):
            return asyncio.run_coroutine_threadsafe(self._elicited(call), self._loop)
        question = _question(call)
        for name, answer in self._answers.items():
            if self._asked.pop(name, None) == question:
                return _approval(answer)
        while len(self._asked) >= _MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        name = secrets.token_hex(16)
        self._asked[name] = question
        params = types.ElicitRequestFormParams(message=question, requested_schema=_FORM)
        request = types.ElicitRequest(params=params)
        self.to_be_asked = types.InputRequiredResult(input_requests={name: request})
        return ApprovalRecord(approved=False, by="mcp", reason="it waits to be approved")

    async def _elicited(self, call: PendingCall) -> ApprovalRecord:
        session, request = self._context.session, self._context.request_id
        try:
            answer = await session.elicit_form(_question(call), _FORM, request)
        except MCPError as error:
            return ApprovalRecord(approved=False, by="mcp", reason=str(error))
        return _approval(answer)


def _question(call: PendingCall) -> str:
    return f"May the robot do this?\n{call}"


def _approval(answer: Any) -> ApprovalRecord:
    content = getattr(answer, "content", None) or {}
    accepted = getattr(answer, "action", None) == "accept"
    return ApprovalRecord(approved=accepted and content.get("approve") is not False, by="mcp")
