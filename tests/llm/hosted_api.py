"""A fake of a hosted API with the restrictions of many: all that one server or another refuses."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

KEY = "sk-hosted"
WINDOW = 0.5
REQUESTS = 24
"""Requests that it answers in a window, in seconds."""
_REFUSED = {
    "max_tokens": "Use 'max_completion_tokens' instead.",
    "temperature": "Only the default (1) value is supported.",
    "top_p": "Only the default (1) value is supported.",
}
_TO_THE_LEFT = """\
seen = go("left")
while "cell 1 " not in seen and "cannot" not in seen:
    seen = go("left")
print(seen)"""
_TO_THE_DOOR = """\
print(take_key())
seen = go("right")
while "door" not in seen:
    take_key()
    seen = go("right")
print(take_key())
print(open_door())"""


class HostedAPI:
    """Solves the corridor in four messages, of which the first says nothing and the second is cut.

    It refuses more requests than it allows in a window and says only in words when to come again,
    the list of models, `max_tokens`, `temperature`, `top_p`, system messages, empty messages,
    requests without its key's header or its version, and answers in parts.
    """

    def __init__(self) -> None:
        self.url = ""
        self.refused: list[str] = []
        """Why requests were refused."""
        self.answered = 0
        self._taken: deque[float] = deque()

    async def completions(self, request: web.Request) -> web.Response:
        body = await request.json()
        if problem := self._problem(request, body):
            status, said = problem
            self.refused.append(said)
            return web.json_response({"error": {"message": said, "code": status}}, status=status)
        self.answered += 1
        return web.json_response(self._answer(body["messages"]))

    def _problem(self, request: web.Request, body: dict[str, Any]) -> tuple[int, str] | None:
        if request.headers.get("api-key") != KEY:
            return 401, "Access denied."
        if request.query.get("api-version") != "1":
            return 404, "Resource not found."
        for name, hint in _REFUSED.items():
            if name in body:
                return 400, f"Unsupported parameter: '{name}' is not supported. {hint}"
        for number, message in enumerate(body["messages"]):
            if message["role"] == "system":
                return 400, f"messages[{number}].role does not support 'system' with this model."
            if not message["content"].strip():
                return 400, f"messages.{number}: text content blocks must be non-empty"
        return self._too_many()

    def _too_many(self) -> tuple[int, str] | None:
        now = time.monotonic()
        while self._taken and self._taken[0] < now - WINDOW:
            self._taken.popleft()
        if len(self._taken) < REQUESTS:
            self._taken.append(now)
            return None
        wait = self._taken[0] + WINDOW - now
        return 429, f"Rate limit reached. Please try again in {1000 * wait:.0f}ms."

    @staticmethod
    def _answer(messages: list[dict[str, Any]]) -> dict[str, Any]:
        turn = sum(message["role"] == "assistant" for message in messages)
        said = ["", f"<execute>\n{_TO_THE_LEFT}", _TO_THE_LEFT, _TO_THE_DOOR][min(turn, 3)]
        if turn > 1:
            said = f"I go \ud83d.\n<execute>\n{said}\n</execute>"
        thought = [{"type": "text", "text": "<execute>go(1)</execute>"}]
        parts: list[dict[str, Any]] = [{"type": "thinking", "thinking": thought}]
        if said:
            parts.append({"type": "text", "text": said})
        return {
            "choices": [
                {
                    "message": {"role": "assistant", "content": parts},
                    "finish_reason": "length" if turn < 2 else "stop",
                }
            ],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5},
        }


@contextmanager
def hosted_api() -> Iterator[HostedAPI]:
    """Serve the API from a thread, beside the event loop of a run."""
    api, loop = HostedAPI(), asyncio.new_event_loop()
    app = web.Application()
    app.router.add_post("/openai/deployments/tiny/chat/completions", api.completions)
    runner = web.AppRunner(app)

    async def start() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        api.url = f"http://127.0.0.1:{port}/openai/deployments/tiny"

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield api
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
