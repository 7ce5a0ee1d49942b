"""The LLM policy against a fake server that answers with what it was asked."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from embodied import Observation, Protocol, Task
from embodied.action_formats.as_tools import ToolsFormat
from embodied.action_formats.schema import calls_schema
from embodied.controller import Controller
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.policies.llm import LLMPolicy
from embodied.policy import Reply
from embodied.trajectory import Message, Usage

ASK = [Message(role="user", content="Begin.")]
MORE = [*ASK, Message(role="assistant", content="x"), Message(role="user", content="y")]


class FakeServer:
    """A fake: says back the last message and calls the first function offered, if any. It
    remembers the seeds and functions that it was given.
    """

    def __init__(self) -> None:
        self.url = ""
        self.seeds: list[int | None] = []
        self.tools: list[Any] = []
        self.forms: list[Any] = []

    async def completions(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seeds.append(body.get("seed"))
        self.tools.append(body.get("tools"))
        self.forms.append(body.get("response_format"))
        said: dict[str, Any] = {"role": "assistant", "content": body["messages"][-1]["content"]}
        if body.get("tools"):
            function = {"name": body["tools"][0]["function"]["name"], "arguments": "{}"}
            said["tool_calls"] = [{"id": "c-1", "type": "function", "function": function}]
        usage = {"prompt_tokens": len(body["messages"]), "completion_tokens": 1}
        choice = {"message": said, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": usage})


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", fake.completions)
    async with TestServer(app) as running:
        fake.url = str(running.make_url("/v1"))
        yield fake


def task(name: str = "t1") -> Task:
    return Task(environment="e", id=name, split="s", kind="k", instruction="Do it.")


async def seeds(server: FakeServer, policy: LLMPolicy, name: str = "t1") -> list[int | None]:
    """The seeds of two turns of an episode."""
    server.seeds.clear()
    robot = cast(Controller, None)
    policy.begin(task(name), robot, Observation("You see."), Protocol())
    for messages in (ASK, MORE):
        await policy.reply(messages)
    return list(server.seeds)


async def test_replies_carry_content_and_tokens(server: FakeServer) -> None:
    client = LLMClient(LLMConfig(model="org/tiny", base_url=server.url))
    policy = LLMPolicy(client)
    usage = Usage(prompt_tokens=3, completion_tokens=1)
    assert policy.name == "llm:org/tiny"
    assert await policy.reply(MORE) == Reply("y", usage, finish_reason="stop")
    await client.close()


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
async def test_the_robots_functions_are_offered_where_they_are_called_natively(
    server: FakeServer, robot: Controller, action: str
) -> None:
    client = LLMClient(LLMConfig(model="tiny", base_url=server.url))
    policy = LLMPolicy(client)
    policy.begin(task(), robot, Observation("You see."), Protocol(action=action))
    reply = await policy.reply(ASK)
    await client.close()
    if action == "tools":
        assert server.tools == [ToolsFormat(type(robot)).tools()]
        (call,) = reply.tool_calls
        assert call.id == "c-1"
        assert call.name in robot.actions()
    else:
        assert server.tools == [None]
        assert reply.tool_calls == ()


@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("action", ["code", "json", "tools"])
async def test_json_can_be_demanded(
    server: FakeServer, robot: Controller, action: str, structured: bool
) -> None:
    client = LLMClient(LLMConfig(model="tiny", base_url=server.url, structured=structured))
    policy = LLMPolicy(client)
    policy.begin(task(), robot, Observation("You see."), Protocol(action=action))
    await policy.reply(ASK)
    await client.close()
    if structured and action == "json":
        assert server.forms[0]["json_schema"]["schema"] == calls_schema(type(robot))
    else:
        assert server.forms == [None]


async def test_without_a_seed_none_is_sent(server: FakeServer) -> None:
    client = LLMClient(LLMConfig(model="tiny", base_url=server.url))
    assert await seeds(server, LLMPolicy(client)) == [None, None]
    await client.close()


async def test_each_turn_of_each_episode_has_its_own_seed(server: FakeServer) -> None:
    config: dict[str, Any] = {"model": "tiny", "base_url": server.url}
    first, second = (LLMClient(LLMConfig(**config, seed=seed)) for seed in (1, 2))
    lists = [
        await seeds(server, LLMPolicy(first)),
        await seeds(server, LLMPolicy(first, sample=1)),
        await seeds(server, LLMPolicy(first), "t2"),
        await seeds(server, LLMPolicy(second)),
    ]
    flat = [seed for one in lists for seed in one]
    assert len(set(flat)) == len(flat)
    assert all(seed is not None and 0 <= seed < 2**31 for seed in flat)
    assert await seeds(server, LLMPolicy(first)) == lists[0]
    for client in (first, second):
        await client.close()


async def test_a_summary_is_asked_for_without_functions(
    server: FakeServer, robot: Controller
) -> None:
    client = LLMClient(LLMConfig(model="tiny", base_url=server.url, structured=True))
    for action in ("tools", "json"):
        policy = LLMPolicy(client)
        policy.begin(task(), robot, Observation("You see."), Protocol(action=action))
        await policy.reply(ASK)
        assert server.tools[-1] or server.forms[-1]
        assert (await policy.summarize(ASK)).content == "Begin."
        assert (server.tools[-1], server.forms[-1]) == (None, None)
    await client.close()


async def test_turns_have_seeds_of_their_own_where_the_conversation_does_not_grow(
    server: FakeServer, robot: Controller
) -> None:
    client = LLMClient(LLMConfig(model="tiny", base_url=server.url, seed=1))
    policy = LLMPolicy(client)
    for _ in range(2):  # the second episode begins anew
        policy.begin(task(), robot, Observation("You see."), Protocol())
        for messages in (ASK, MORE, MORE, ASK):
            await policy.reply(messages)
    await client.close()
    assert server.seeds[:4] == server.seeds[4:]
    assert len(set(server.seeds)) == 4
