"""The model's comments, against a fake server that says what it is told to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from embodied import Controller
from embodied.errors import ConfigError, InfrastructureError
from embodied.feedback import FeedbackConfig, FeedbackMode, RuleFeedback
from embodied.feedback.llm import LLMFeedback, make_feedback_provider
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.protocol import Protocol
from embodied.task import Task
from embodied.trajectory import CallRecord, Message, ToolCall, Turn, Usage

BEFORE = [
    Message(role="system", content="You control a robot."),
    Message(role="user", content="There are two {lights}."),
]
PLAYED = Turn(
    message="I switch it on.",
    action="on('left 1')",
    calls=[CallRecord(name="on", arguments={}, result="(unprinted)", seconds=0.0)],
    observation="The light is on.",
)


class FakeServer:
    """A fake: gives one answer for ever, and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.says = "This is GOOD."
        self.status = 200
        self.bodies: list[dict[str, Any]] = []

    async def completions(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        if self.status != 200:
            return web.json_response({"error": {"message": self.says}}, status=self.status)
        choice = {"message": {"role": "assistant", "content": self.says}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 5}
        return web.json_response({"choices": [choice], "usage": usage})


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", fake.completions)
    async with TestServer(app) as running:
        fake.url = str(running.make_url("/v1"))
        yield fake


@pytest.fixture
async def client(server: FakeServer) -> AsyncIterator[LLMClient]:
    client = LLMClient(LLMConfig(model="judge", base_url=server.url, retries=0, seed=3))
    yield client
    await client.close()


async def said(
    server: FakeServer, client: LLMClient, says: str, mode: FeedbackMode = "binary"
) -> str:
    server.says = says
    return (await LLMFeedback(client, mode).feedback(BEFORE, PLAYED)).text


@pytest.mark.parametrize(
    ("says", "comment"),
    [
        ("This is GOOD.", "This is GOOD."),
        ("This is BAD.\n", "This is BAD."),
        ("**BAD**", "This is BAD."),
        ("good", "This is GOOD."),
        ("This is **not** good.", "This is BAD."),
        ("That isn't a bad idea!", "This is GOOD."),
        ("That isn\u2019t good", "This is BAD."),
        ("The light is good, but the room is wrong. This is BAD.", "This is BAD."),
        ("<think>This is BAD. Or not?</think>\nThis is GOOD.", "This is GOOD."),
        ("<think>This is BAD, so", "I cannot tell."),
        ("GOOD or BAD", "I cannot tell."),
        ("This is GOOD. This is BAD.", "I cannot tell."),
        ("A badly goodish move.", "I cannot tell."),
        ("", "I cannot tell."),
        ("very " * 200_000, "I cannot tell."),
    ],
)
async def test_a_verdict_is_read_leniently(
    server: FakeServer, client: LLMClient, says: str, comment: str
) -> None:
    assert await said(server, client, says) == comment


@pytest.mark.parametrize(
    ("says", "comment"),
    [
        (" Look into the fridge. \n", "Look into the fridge."),
        ("<think>Hm.</think>Look.", "Look."),
        ("x" * 5000, "x" * 1000 + "... (cut)"),
        (" ", "I cannot tell."),
    ],
)
async def test_words_are_passed_on_within_bounds(
    server: FakeServer, client: LLMClient, says: str, comment: str
) -> None:
    assert await said(server, client, says, "textual") == comment


async def test_tokens_are_counted(client: LLMClient) -> None:
    comment = await LLMFeedback(client, "binary").feedback(BEFORE, PLAYED)
    assert comment.usage == Usage(prompt_tokens=40, completion_tokens=5)


async def test_the_model_sees_what_the_policy_saw(server: FakeServer, client: LLMClient) -> None:
    await LLMFeedback(client, "binary").feedback(BEFORE, PLAYED)
    system, user = server.bodies[0]["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    assert "This is GOOD.\nor\nThis is BAD." in system["content"]
    assert user["content"] == (
        "<conversation>\n[instructions]\nYou control a robot.\n\n"
        "[environment]\nThere are two {lights}.\n</conversation>\n\n"
        "<last_turn>\n[assistant]\nI switch it on.\n\n[environment]\nThe light is on.\n"
        "</last_turn>\n\nYour comment on the last turn:"
    )


async def test_function_calls_are_shown_as_text(server: FakeServer, client: LLMClient) -> None:
    calls = [ToolCall(id="c-1", name="on", arguments='{"light": "left 1"}')]
    played = Turn(message="", observation="On.", tool_calls=calls, tool_results=["On."])
    await LLMFeedback(client, "textual").feedback(BEFORE + played.messages, played)
    shown = '[assistant]\non({"light": "left 1"})\n\n[environment]\nOn.\n'
    assert server.bodies[0]["messages"][1]["content"].count(shown) == 2


async def test_each_comment_has_its_own_seed(
    server: FakeServer, client: LLMClient, task: Task, robot: Controller
) -> None:
    for sample in (0, 1):
        provider = LLMFeedback(client, "binary", sample=sample)
        provider.begin(task, robot, Protocol())
        await provider.feedback(BEFORE, PLAYED)
        await provider.feedback(BEFORE + PLAYED.messages, PLAYED)
    assert len({body["seed"] for body in server.bodies}) == 4


async def test_a_record_too_long_for_the_model_ends_no_episode(
    server: FakeServer, client: LLMClient
) -> None:
    server.status = 400
    assert await said(server, client, "the context length is exceeded") == "I cannot tell."


async def test_a_dead_server_is_not_the_policys_fault(
    server: FakeServer, client: LLMClient
) -> None:
    server.status = 503
    with pytest.raises(InfrastructureError):
        await said(server, client, "busy")


async def test_the_configuration_chooses_the_provider(client: LLMClient) -> None:
    rule = make_feedback_provider(FeedbackConfig(form="textual"), None)
    assert isinstance(rule, RuleFeedback)
    assert rule.mode == "textual"
    model = make_feedback_provider(FeedbackConfig(by="llm"), client, sample=1)
    assert isinstance(model, LLMFeedback)
    assert model.mode == "binary"


def test_a_model_must_be_there_where_one_comments() -> None:
    with pytest.raises(ConfigError, match=r"--feedback\.llm\.model NAME"):
        make_feedback_provider(FeedbackConfig(by="llm"), None)
    with pytest.raises(ValidationError, match="feedback by a rule has no model"):
        FeedbackConfig(by="rule", llm=LLMConfig(model="judge"))


def test_the_protocol_says_who_comments_and_how_it_samples() -> None:
    judge = LLMConfig(model="judge", base_url="http://a/v1")
    config = FeedbackConfig(by="llm", form="textual", llm=judge)
    assert config.protocol == {"by": "llm", "form": "textual", "llm": judge.protocol}
    assert FeedbackConfig().protocol == {"by": "rule", "form": "binary"}
