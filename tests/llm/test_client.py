"""The LLM client against real sockets: what it sends, what it forgives and what it says.

The server here is a fake: it knows no model, but plays a script of answers, most of them bad.
Waits between attempts are recorded instead of spent.
"""

import asyncio
import gzip
import pickle
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from embodied.errors import ConfigError, ContextOverflow, EmbodiedError, InfrastructureError
from embodied.llm.chat_api import Completion
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.trajectory import Message, ToolCall, Usage

KEY = "sk-secret-0123456789"
ASK = [Message(role="system", content="You are a robot."), Message(role="user", content="Begin.")]

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here speaks TLS; reading all certificates for each client takes most of the time."""
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None)


class FakeServer:
    """A fake chat-completions server: plays its script in order, its last entry for ever."""

    def __init__(self, *script: Answer, models: Answer | None = None) -> None:
        self.script = list(script)
        self.models = models or answer({"data": [{"id": "tiny"}, {"id": "other"}]})
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    async def completions(self, request: web.Request) -> web.StreamResponse:
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.json())
        play = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await play(request)

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        return await self.models(request)

    @asynccontextmanager
    async def client(
        self, *, real_time: bool = False, **settings: Any
    ) -> AsyncIterator[tuple[LLMClient, list[float]]]:
        """A client of this server, and the waits that it asks for where time is not real."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self.completions)
        app.router.add_get("/v1/models", self.list_models)
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        server = TestServer(app)
        await server.start_server(shutdown_timeout=0.01)
        config = LLMConfig(
            **{"base_url": str(server.make_url("/v1")), "model": "tiny", "retries": 2} | settings
        )
        if real_time:
            client = LLMClient(config)
        else:
            client = LLMClient(config, sleep=sleep, clock=lambda: sum(waits))
        try:
            yield client, waits
        finally:
            await client.close()
            await server.close()


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def play(request: web.Request) -> web.StreamResponse:
        return web.json_response(data, status=status, headers=headers)

    return play


def raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    async def play(request: web.Request) -> web.StreamResponse:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=names)

    return play


def completion(content: Any = "hello", finish: str | None = "stop", **message: Any) -> Any:
    return {
        "id": "c-1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content} | message,
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }


def error(message: str, code: Any = None) -> Any:
    return {"error": {"message": message, "type": "BadRequestError", "param": None, "code": code}}


async def silence(request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


async def flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 1_000_000)


async def hang_up(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.close()
    return response


async def no_http(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    request.transport.close()
    return web.Response()


GOOD = answer(completion())


async def ask(client: LLMClient, **options: Any) -> Completion:
    return await client.complete(ASK, seed=None, **options)


async def failure(server: FakeServer, **settings: Any) -> EmbodiedError:
    """What the client raises in the end."""
    async with server.client(**settings) as (client, _):
        with pytest.raises(EmbodiedError) as caught:
            await ask(client)
    return caught.value


# --- answers -----------------------------------------------------------------------------------


async def test_an_answer_comes_with_its_tokens() -> None:
    async with FakeServer(GOOD).client() as (client, waits):
        answered = await ask(client)
    usage = Usage(prompt_tokens=12, completion_tokens=3)
    assert answered == Completion("hello", usage, "stop", retries=())
    assert waits == []


async def test_the_request_says_what_the_config_says() -> None:
    server = FakeServer(GOOD)
    settings = {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 5,
        "stop": ("END",),
        "extra_body": {"top_k": 20},
    }
    async with server.client(**settings) as (client, _):
        await ask(client)
        await client.complete(ASK, seed=6)
    assert server.bodies[0] == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "You are a robot."},
            {"role": "user", "content": "Begin."},
        ],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 5,
        "stop": ["END"],
        "top_k": 20,
    }
    assert server.bodies[1]["seed"] == 6


async def test_seed_and_stop_are_left_out_where_unset() -> None:
    server = FakeServer(GOOD)
    async with server.client() as (client, _):
        await ask(client)
    assert not server.bodies[0].keys() & {"seed", "stop"}


async def test_tokens_and_a_schema_are_asked_for_where_they_are_wanted() -> None:
    server = FakeServer(GOOD)
    schema = {"type": "object"}
    async with server.client(record_tokens=True) as (client, _):
        assert (await ask(client, schema=schema)).tokens is None
    async with server.client() as (client, _):
        await ask(client)
    assert server.bodies[0]["return_token_ids"] is True
    assert server.bodies[0]["logprobs"] is True
    assert server.bodies[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "action", "schema": schema},
    }
    assert not server.bodies[1].keys() & {"return_token_ids", "logprobs", "response_format"}


async def test_the_key_comes_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f"{KEY}\n")
    monkeypatch.delenv("OTHER_KEY", raising=False)
    for name, sent in (("MY_KEY", f"Bearer {KEY}"), ("OTHER_KEY", None)):
        server = FakeServer(GOOD)
        async with server.client(api_key_environment=name) as (client, _):
            await ask(client)
            assert KEY not in repr(client.config)
        assert server.headers[0].get("Authorization") == sent


def test_a_key_of_strange_characters_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-\nsecret")
    with pytest.raises(ConfigError, match="MY_KEY") as caught:
        LLMClient(LLMConfig(model="tiny", api_key_environment="MY_KEY"))
    assert "secret" not in str(caught.value)


async def test_lone_surrogates_are_replaced() -> None:
    server = FakeServer(GOOD)
    async with server.client() as (client, _):
        await client.complete([Message(role="user", content="a\ud800b")], seed=None)
    assert server.bodies[0]["messages"][0]["content"] == "a?b"


@pytest.mark.parametrize(
    ("body", "content", "finish"),
    [
        (completion(""), "", "stop"),
        (completion(None, "length"), "", "length"),
        (completion(None, "tool_calls", tool_calls=[{"id": "x"}]), "", "tool_calls"),
        (completion(None, "stop", reasoning_content="hm"), "", "stop"),
        (completion(None, "stop", refusal="No."), "No.", "stop"),
        (completion("hello", None), "hello", None),
    ],
)
async def test_a_model_may_say_nothing(body: Any, content: str, finish: str | None) -> None:
    async with FakeServer(answer(body)).client() as (client, _):
        answered = await ask(client)
    assert (answered.content, answered.finish_reason, answered.retries) == (content, finish, ())


async def test_a_server_need_not_count() -> None:
    bodies = [completion() | {"usage": None}, {"choices": completion()["choices"]}]
    async with FakeServer(*map(answer, bodies)).client() as (client, _):
        assert (await ask(client)).usage == Usage()
        assert (await ask(client)).usage == Usage()


# --- function calls ------------------------------------------------------------------------------

GOTO = {
    "type": "function",
    "function": {
        "name": "goto",
        "description": "Go.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
    },
}
THERE = '{"place": "desk 1"}'


def sent(name: Any = "goto", arguments: Any = THERE, **more: Any) -> dict[str, Any]:
    """A call as servers send it."""
    return {"type": "function", "function": {"name": name, "arguments": arguments}} | more


async def called(
    *calls: Any, content: Any = None, messages: list[Message] = ASK, finish: str = "tool_calls"
) -> Completion:
    """The answer of a model that makes these calls."""
    body = completion(content, finish, tool_calls=list(calls))
    async with FakeServer(answer(body)).client() as (client, waits):
        answered = await client.complete(messages, seed=None, tools=[GOTO])
    assert waits == []
    return answered


async def test_functions_are_offered_only_where_there_are_some() -> None:
    server = FakeServer(answer(completion(None, "tool_calls", tool_calls=[sent(id="c-1")])))
    async with server.client() as (client, _):
        offered = await ask(client, tools=[GOTO])
        nothing = await ask(client)
    assert server.bodies[0]["tools"] == [GOTO]
    assert server.bodies[0]["tool_choice"] == "auto"
    assert not server.bodies[1].keys() & {"tools", "tool_choice"}
    call = ToolCall(id="c-1", name="goto", arguments=THERE)
    assert (offered.content, offered.tool_calls) == ("", (call,))
    assert (nothing.content, nothing.tool_calls) == ("", ())


async def test_calls_and_their_answers_are_sent_back_in_their_shape() -> None:
    call = ToolCall(id="c-1", name="goto", arguments=THERE)
    history = [
        *ASK,
        Message(role="assistant", content="I go.", tool_calls=[call]),
        Message(role="tool", content="You see\udcff a mug.", tool_call_id="c-1"),
        Message(role="assistant", content="Hm."),
    ]
    server = FakeServer(GOOD)
    async with server.client() as (client, _):
        await client.complete(history, seed=None, tools=[GOTO])
    assert server.bodies[0]["messages"][2:] == [
        {
            "role": "assistant",
            "content": "I go.",
            "tool_calls": [
                {
                    "id": "c-1",
                    "type": "function",
                    "function": {"name": "goto", "arguments": THERE},
                }
            ],
        },
        {"role": "tool", "content": "You see? a mug.", "tool_call_id": "c-1"},
        {"role": "assistant", "content": "Hm."},
    ]


async def test_a_model_may_speak_and_call() -> None:
    answered = await called(sent(id="c-1", index=0), content="I go.", finish="stop")
    assert answered.content == "I go."
    assert [call.name for call in answered.tool_calls] == ["goto"]


async def test_an_answer_without_content_is_explained_by_its_calls() -> None:
    assert (await called(sent(id="c-1"), finish="stop")).content == ""


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (THERE, THERE),
        ({"place": "café 1"}, '{"place": "café 1"}'),
        ("", "{}"),
        (" ", "{}"),
        (None, "{}"),
        ("null", "{}"),
        ({}, "{}"),
    ],
)
async def test_arguments_become_a_json_object(arguments: Any, kept: str) -> None:
    (call,) = (await called(sent(arguments=arguments, id="c-1"))).tool_calls
    assert call.arguments == kept


async def test_arguments_may_be_missing() -> None:
    (call,) = (await called({"id": "c-1", "function": {"name": "look"}})).tool_calls
    assert call == ToolCall(id="c-1", name="look", arguments="{}")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ('{"place": "desk', '{"place": "desk'),
        ("desk 1", "desk 1"),
        ('["desk 1"]', '["desk 1"]'),
        (["desk 1"], '["desk 1"]'),
        (7, "7"),
        ('{"speed": NaN}', '{"speed": NaN}'),
        ('{"place": "\\ud800"}', '{"place": "\\ud800"}'),
        ('{"a":' * 500 + "1" + "}" * 500, '{"a":{"a":'),
    ],
)
async def test_a_call_that_no_history_can_hold_becomes_text(arguments: Any, shown: str) -> None:
    answered = await called(sent(arguments=arguments), sent(id="c-2"), content="I go.")
    start = f"I go.\n[call goto with arguments that are not a JSON object: {shown}"
    assert answered.content.startswith(start)
    assert answered.content.endswith("]")
    assert [call.id for call in answered.tool_calls] == ["c-2"]
    (problem,) = answered.unusable_calls
    assert answered.content == f"I go.\n[{problem}]"


@pytest.mark.parametrize("name", ["", "go to", "robot.goto", "x" * 65, "gö"])
async def test_a_name_that_no_function_has_becomes_text(name: str) -> None:
    answered = await called(sent(name))
    assert answered.tool_calls == ()
    assert answered.content == f"[call of {name!r}, which cannot be a function's name: {THERE}]"


@pytest.mark.parametrize(
    "name",
    ["functions.goto", "default_api.goto", " goto\n", "goto<|channel|>json", "<|constrain|>goto"],
)
async def test_what_servers_leave_around_a_name_is_dropped(name: str) -> None:
    (call,) = (await called(sent(name))).tool_calls
    assert call.name == "goto"


async def test_long_arguments_are_shortened_to_text() -> None:
    answered = await called(sent(arguments=f'{{"place": "{"x" * 200_000}"}}'))
    assert answered.tool_calls == ()
    said = '[call goto with more than 100000 characters of arguments: {"place": "xx'
    assert answered.content.startswith(said)
    assert len(answered.content) < 3000


async def test_a_message_holds_a_bounded_number_of_calls() -> None:
    answered = await called(*[sent()] * 1000)
    assert len(answered.tool_calls) == 64
    assert answered.content == "[936 more calls: a message holds at most 64]"


@pytest.mark.parametrize("id_", [None, "", 7, "a b", "x" * 65, "\u202e", ["c"]])
async def test_a_call_without_a_usable_id_gets_one(id_: Any) -> None:
    (call,) = (await called(sent(id=id_))).tool_calls
    assert re.fullmatch("[a-zA-Z0-9]{9}", call.id)


async def test_no_two_calls_of_a_conversation_share_an_id() -> None:
    before = [ToolCall(id=id_, name="goto", arguments="{}") for id_ in ("c-1", "call00000")]
    history = [*ASK, Message(role="assistant", content="", tool_calls=before)]
    sends = [sent(id="c-1"), sent(id="c-2"), sent(id="c-2"), sent()]
    ids = [call.id for call in (await called(*sends, messages=history)).tool_calls]
    assert ids == ["call00001", "c-2", "call00002", "call00003"]


@pytest.mark.parametrize("none", [None, []])
async def test_no_calls_are_an_answer(none: Any) -> None:
    body = completion("hello", tool_calls=none)
    async with FakeServer(answer(body)).client() as (client, _):
        answered = await ask(client, tools=[GOTO])
    assert (answered.content, answered.tool_calls) == ("hello", ())


@pytest.mark.parametrize(
    ("calls", "cause"),
    [
        ("goto", "Input should be a valid list"),
        (["goto"], "0: Input should be"),
        ([{"id": "c-1"}], "0.function: Field required"),
        ([sent(None)], "0.function.name: Input should be a valid string"),
        ([{"id": "c-1", "function": {"arguments": "{}"}}], "0.function.name: Field required"),
    ],
)
async def test_calls_that_no_server_means_are_nonsense(calls: Any, cause: str) -> None:
    bad = answer(completion(None, "tool_calls", tool_calls=calls))
    async with FakeServer(bad, GOOD).client() as (client, _):
        (forgiven,) = (await ask(client, tools=[GOTO])).retries
    assert cause in forgiven


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            400,
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be '
            "set",
        ),
        (500, "tools param requires --jinja flag"),
        (400, "tool_choice param requires --jinja flag"),
        (500, "Unsupported param: tools"),
        (400, "registry.ollama.ai/library/tiny:latest does not support tools"),
    ],
)
async def test_a_server_without_function_calls_is_told_how_to_have_them(
    status: int, said: str
) -> None:
    server = FakeServer(answer(error(said), status))
    async with server.client() as (client, _):
        with pytest.raises(ConfigError, match="--tool-call-parser NAME") as caught:
            await ask(client, tools=[GOTO])
    assert f"lets 'tiny' call no functions (HTTP {status}: {said}); start it" in str(caught.value)
    assert "vllm serve tiny --enable-auto-tool-choice" in str(caught.value)
    assert "llama-server --jinja" in str(caught.value)
    assert len(server.bodies) == 1


async def test_many_requests_share_one_client() -> None:
    arrived, all_here = 0, asyncio.Event()

    async def together(request: web.Request) -> web.StreamResponse:
        nonlocal arrived
        arrived += 1
        if arrived == 64:
            all_here.set()
        await all_here.wait()
        return web.json_response(completion((await request.json())["messages"][0]["content"]))

    async with FakeServer(together).client() as (client, waits):
        asked = [[Message(role="user", content=str(number))] for number in range(64)]
        answers = await asyncio.gather(*(client.complete(one, seed=None) for one in asked))
    assert [one.content for one in answers] == [str(number) for number in range(64)]
    assert waits == []


# --- failures that may pass ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_a_failure_that_passes_is_forgiven_and_recorded(status: int) -> None:
    server = FakeServer(answer(error("out of memory"), status), GOOD)
    async with server.client() as (client, waits):
        answered = await ask(client)
    assert answered.content == "hello"
    assert answered.retries == (f"HTTP {status}: out of memory",)
    assert len(waits) == 1


async def test_waits_grow() -> None:
    server = FakeServer(answer(error("no"), 500))
    async with server.client(retries=6) as (client, waits):
        with pytest.raises(InfrastructureError, match="in 7 attempts: HTTP 500: no"):
            await ask(client)
    assert len(server.bodies) == 7
    for wait, longest in zip(waits, (0.5, 1.0, 2.0, 4.0, 8.0, 8.0), strict=True):
        assert longest / 2 <= wait <= longest


async def test_a_server_may_ask_to_wait() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    full = [answer(error("slow down"), 429, {"Retry-After": value}) for value in ("7", "9.5")]
    dated = answer(error("slow down"), 503, {"Retry-After": later})
    odd = answer(error("slow down"), 429, {"Retry-After": "soon"})
    async with FakeServer(*full, dated, odd, GOOD).client(retries=4) as (client, waits):
        await ask(client)
    assert waits[:2] == [7.0, 9.5]
    assert 0 < waits[2] <= 60
    assert waits[3] > 0


async def test_a_busy_server_is_sent_less() -> None:
    bears, in_flight, refused = 5, 0, 0

    async def busy(request: web.Request) -> web.StreamResponse:
        nonlocal in_flight, refused
        in_flight += 1
        try:
            await asyncio.sleep(0.002)
            if in_flight > bears:
                refused += 1
                return await answer(error("slow down"), 429)(request)
            return await GOOD(request)
        finally:
            in_flight -= 1

    server = FakeServer(busy)
    async with server.client(retries=1000) as (client, _):
        answers = await asyncio.gather(*(ask(client) for _ in range(400)))
    assert {one.content for one in answers} == {"hello"}
    assert {cause for one in answers for cause in one.retries} == {"HTTP 429: slow down"}
    assert refused < 400, "at 64 at a time nearly all would be refused, again and again"


async def test_no_more_is_asked_at_once_than_allowed() -> None:
    in_flight = peak = 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(0.001)
        in_flight -= 1
        return await GOOD(request)

    async with FakeServer(count).client(max_concurrency=7) as (client, _):
        await asyncio.gather(*(ask(client) for _ in range(100)))
    assert peak == 7


async def test_nobody_waits_for_hours() -> None:
    server = FakeServer(answer(error("quota"), 429, {"Retry-After": "86400"}), GOOD)
    caught = await failure(server)
    assert isinstance(caught, ConfigError)
    assert "takes no requests for 86400 s, which is more than llm.outage_seconds" in str(caught)
    assert "HTTP 429: quota" in str(caught)
    assert len(server.bodies) == 1
    busy = FakeServer(answer(error("busy"), 503, {"Retry-After": "86400"}), GOOD)
    assert "in 1 attempt: HTTP 503: busy" in str(await failure(busy))
    assert len(busy.bodies) == 1


@pytest.mark.parametrize(
    ("bad", "cause"),
    [
        (raw(b"<html><body>Sign in</body></html>", content_type="text/html"), "<html><body>Sign"),
        (raw(b'{"choices": [{"message": {"content": "hel'), "Invalid JSON"),
        (raw(b""), "Invalid JSON"),
        (raw(b"[" * 100_000), "Invalid JSON"),
        (raw(b"\xff\xfe", content_type="text/plain; charset=base64"), "Invalid JSON"),
        (answer({"id": "c-1"}), "choices: Field required"),
        (answer(error("engine died")), "engine died"),
        (answer({"choices": []}), "choices: List should have at least 1 item"),
        (answer({"choices": "hello"}), "choices: Input should be a valid array"),
        (answer([1, 2]), "Input should be an object"),
        (answer(completion(17)), "choices.0.message.content: Input should be a valid string"),
        (answer(completion() | {"usage": {"prompt_tokens": -1}}), "usage.prompt_tokens"),
        (answer(completion() | {"usage": {"prompt_tokens": 10**30}}), "usage.prompt_tokens"),
        (answer(completion(None)), "without content that does not say why"),
        (answer(completion(None, None)), "without content that does not say why"),
        (raw(gzip.compress(b"0" * 50_000_000), content_encoding="gzip"), "Invalid JSON"),
        (flood, "an answer of more than 10 MB"),
        (hang_up, "the answer broke off"),
        (no_http, "bad status line"),
        (raw(b"oops", 500, content_type="text/plain; charset=base64"), "HTTP 500: oops"),
        (raw(b"[" * 100_000, 500), "HTTP 500: [[["),
    ],
)
async def test_nonsense_is_tried_again_and_then_named(bad: Answer, cause: str) -> None:
    async with FakeServer(bad, GOOD, bad).client(retries=1) as (client, _):
        (forgiven,) = (await ask(client)).retries
        with pytest.raises(InfrastructureError, match="in 2 attempts: ") as caught:
            await ask(client)
    said = str(caught.value)
    assert cause in forgiven
    assert cause in said
    assert said.isprintable()
    assert len(said) < 3000


@pytest.mark.parametrize("slow", [silence, drip])
async def test_an_answer_has_its_time_and_no_more(slow: Answer) -> None:
    async with FakeServer(slow, GOOD).client(answer_seconds=1.0) as (client, _):
        assert (await ask(client)).retries == ("no whole answer within 1 s",)
    caught = await failure(FakeServer(slow), answer_seconds=0.1, retries=1)
    assert isinstance(caught, InfrastructureError)
    assert "in 2 attempts: no whole answer within 0.1 s; is the server overloaded?" in str(caught)


async def test_time_outs_do_not_use_up_the_connections() -> None:
    server = FakeServer(silence)
    async with server.client(answer_seconds=0.3, retries=0) as (client, _):
        caught = await asyncio.gather(*(ask(client) for _ in range(64)), return_exceptions=True)
        assert {type(one) for one in caught} == {InfrastructureError}
        server.script = [GOOD]
        client.config = client.config.model_copy(update={"answer_seconds": 30.0})
        answers = await asyncio.gather(*(ask(client) for _ in range(64)))
    assert {one.content for one in answers} == {"hello"}


async def test_a_refused_connection_says_how_to_start_a_server() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        caught = await failure(FakeServer(GOOD), base_url=url)
    assert isinstance(caught, InfrastructureError)
    assert str(caught) == (
        f"{url} was gone for 600 s: connection refused; "
        "is the server running? start one with: embodied serve --model tiny"
    )


def test_what_was_handled_before_a_request_is_not_its_cause() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        try:
            raise ValueError("of another thing")
        except ValueError:
            caught = asyncio.run(failure(FakeServer(GOOD), base_url=url))
    assert "connection refused" in str(caught)


async def test_who_queues_when_the_server_goes_asks_nothing_until_it_is_back() -> None:
    gone = [True]

    async def models(request: web.Request) -> web.StreamResponse:
        gone[0] = server.probes < 5
        server.probes += 1
        return await answer({}, 503 if gone[0] else 200)(request)

    async def completions(request: web.Request) -> web.StreamResponse:
        return await (answer(error("dead"), 502) if gone[0] else GOOD)(request)

    server = FakeServer(completions, models=models)
    server.probes = 0  # type: ignore[attr-defined]
    async with server.client(retries=0, max_concurrency=4) as (client, _):
        answers = await asyncio.gather(*(ask(client) for _ in range(200)))
    assert {one.content for one in answers} == {"hello"}
    assert len(server.bodies) <= 200 + 2 * 4


async def test_cancelling_is_not_a_failure() -> None:
    server = FakeServer(silence)
    async with server.client() as (client, waits):
        task = asyncio.create_task(ask(client))
        while not server.bodies:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert waits == []


# --- what servers ask of requests ----------------------------------------------------------------


async def test_parameters_may_be_left_out() -> None:
    server = FakeServer(GOOD)
    async with server.client(temperature=None, top_p=None, max_tokens=None) as (client, _):
        await ask(client)
    async with server.client(max_tokens=9, max_tokens_name="max_completion_tokens") as (client, _):
        await ask(client)
    assert server.bodies[0].keys() == {"model", "messages"}
    assert server.bodies[1]["max_completion_tokens"] == 9
    assert "max_tokens" not in server.bodies[1]


async def test_headers_and_query_go_with_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    queries: list[dict[str, str]] = []

    async def play(request: web.Request) -> web.StreamResponse:
        queries.append(dict(request.query))
        return await GOOD(request)

    async def models(request: web.Request) -> web.StreamResponse:
        queries.append(dict(request.query))
        return await answer({"data": [{"id": "tiny"}]})(request)

    server = FakeServer(play, models=models)
    settings = {
        "api_key_environment": "MY_KEY",
        "api_key_header": "api-key",
        "extra_headers": {"X-Title": "robots"},
        "extra_query": {"api-version": "2024-10-21"},
    }
    async with server.client(**settings) as (client, _):
        await client.check()
        await ask(client)
    assert queries == [{"api-version": "2024-10-21"}] * 2
    (headers,) = server.headers
    assert (headers["api-key"], headers["X-Title"]) == (KEY, "robots")
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (Message(role="assistant", content=""), {"content": "(empty message)"}),
        (Message(role="assistant", content=" \n"), {"content": "(empty message)"}),
        (Message(role="user", content=""), {"content": "(empty message)"}),
        (Message(role="tool", content="", tool_call_id="c-1"), {"content": "(empty message)"}),
        (
            Message(
                role="assistant",
                content="",
                tool_calls=[ToolCall(id="c-1", name="goto", arguments=THERE)],
            ),
            {"content": None},
        ),
    ],
)
async def test_no_message_of_the_history_is_empty(message: Message, sent: dict[str, Any]) -> None:
    server = FakeServer(GOOD)
    async with server.client() as (client, _):
        await client.complete([*ASK, message], seed=None)
    assert server.bodies[0]["messages"][-1].items() >= sent.items()


def takes_no_system(said: str, status: int = 400) -> Answer:
    async def play(request: web.Request) -> web.StreamResponse:
        roles = [message["role"] for message in (await request.json())["messages"]]
        return await (answer(error(said), status) if "system" in roles else GOOD)(request)

    return play


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", 400),
        ("System role not supported", 400),
        ("Value is not callable: ... raise_exception('System role not supported')", 500),
        ("Conversation roles must alternate user/assistant/user/assistant/...", 400),
        ("Developer instruction is not enabled for models/gemma-3-27b-it", 400),
        ("messages.0.role: Input should be 'user' or 'assistant'", 422),
        ('messages: Unexpected role "system".', 400),
        ("This model doesn't support system messages", 400),
    ],
)
async def test_a_model_without_system_messages_is_told_all_the_same(
    said: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = FakeServer(takes_no_system(said, status))
    async with server.client() as (client, waits):
        first, second = await ask(client), await ask(client)
    assert (first.content, first.retries, second.content) == ("hello", (), "hello")
    assert len(server.bodies) == 3
    assert server.bodies[-1]["messages"] == [
        {"role": "user", "content": "You are a robot.\n\nBegin."}
    ]
    assert waits == []
    assert caplog.text.count("takes no system messages") == 1


async def test_a_refusal_that_only_mentions_a_system_is_none_of_system_messages() -> None:
    server = FakeServer(answer(error("The file system is full"), 400))
    assert "The file system is full" in str(await failure(server))
    assert len(server.bodies) == 1


# --- refusals ------------------------------------------------------------------------------------

LONG = "The request was refused, " + "since its words are many, " * 30 + "and that is why."


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (
            error(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                "'max_completion_tokens' instead.",
            ),
            "set llm.max_tokens_name to max_completion_tokens",
        ),
        (
            error(
                "Unsupported value: 'temperature' does not support 0 with this model. Only the "
                "default (1) value is supported."
            ),
            "llm.temperature: null leaves it out",
        ),
        (
            error(
                "`temperature` and `top_p` cannot both be specified for this model. Please use "
                "only one."
            ),
            "llm.temperature: null leaves it out",
        ),
        ({"detail": [{"loc": ["body", "top_p"], "msg": "Extra inputs"}]}, "llm.top_p: null"),
        (
            {"message": {"detail": [{"loc": ["body", "top_k"], "msg": "Extra inputs"}]}},
            "it is in llm.extra_body",
        ),
        (error("Unrecognized request argument supplied: top_k"), "it is in llm.extra_body"),
        ([error("Invalid value") | {}], "invalid"),
        (
            {"error": {"message": "Too large.", "param": "max_tokens", "code": "invalid_value"}},
            "llm.max_tokens: null leaves it out",
        ),
    ],
)
async def test_a_parameter_that_is_refused_ends_the_run(body: Any, hint: str) -> None:
    server = FakeServer(answer(body, 400))
    caught = await failure(server, extra_body={"top_k": 20})
    if hint == "invalid":
        assert isinstance(caught, InfrastructureError)
    else:
        assert isinstance(caught, ConfigError)
        assert hint in str(caught)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [400, 405, 422])
async def test_what_is_refused_in_the_same_words_again_and_again_ends_the_run(status: int) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        said = f"{LONG} Request req_{len(server.bodies)}a{status}."
        return await answer(error(said), status)(request)

    server = FakeServer(refuse)
    caught: list[EmbodiedError] = []
    async with server.client() as (client, waits):
        for _ in range(3):
            with pytest.raises(EmbodiedError) as one:
                await ask(client)
            caught.append(one.value)
    assert [type(one) for one in caught] == [InfrastructureError, InfrastructureError, ConfigError]
    assert all(LONG in str(one) for one in caught)
    assert "refuses every request in these words" in str(caught[-1])
    assert waits == []


async def test_what_only_some_conversations_meet_ends_no_run() -> None:
    refusal = answer(error("The roles are wrong"), 400)
    other = answer(error("The tools are wrong"), 400)
    flagged = answer(error("Your input was flagged", "content_filter"), 400)
    script = [refusal, refusal, other, refusal, GOOD, *[refusal] * 19, GOOD, *[flagged] * 40]
    server = FakeServer(*script)
    async with server.client() as (client, _):
        for play in script:
            if play is GOOD:
                await ask(client)
            else:
                with pytest.raises(InfrastructureError):
                    await ask(client)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, error("You exceeded your current quota.", "insufficient_quota")),
        (402, error("Insufficient Balance")),
    ],
)
async def test_without_credit_no_run_goes_on(status: int, body: Any) -> None:
    server = FakeServer(answer(body, status))
    caught = await failure(server)
    assert isinstance(caught, ConfigError)
    assert body["error"]["message"] in str(caught)
    assert len(server.bodies) == 1


async def test_a_flagged_conversation_is_no_wrong_key() -> None:
    body = error("Your chosen model requires moderation and your input was flagged", 403)
    assert isinstance(await failure(FakeServer(answer(body, 403))), InfrastructureError)


async def test_what_the_model_wrote_is_no_fault_of_the_server() -> None:
    refused = error("Failed to call a function.", "tool_use_failed")
    refused["error"]["failed_generation"] = "<function=goto>"
    server = FakeServer(answer(refused, 400))
    async with server.client() as (client, _):
        answered = await ask(client, tools=[GOTO])
    assert (answered.content, answered.retries) == ("<function=goto>", ())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            [{"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}],
            "Overloaded.",
        ),
        ({"error": {"message": '{"error": {"message": "Deep."}}'}}, "Deep."),
        (
            {
                "error": {
                    "message": "Provider returned error",
                    "metadata": {"raw": '{"error": {"message": "Overloaded."}}'},
                }
            },
            "Provider returned error: Overloaded.",
        ),
        ({"detail": "Not now"}, "Not now"),
        ({"detail": [{"loc": ["body", "x"], "msg": "Bad"}]}, "body.x: Bad"),
        ({"errors": [{"message": "One."}]}, "One."),
        ({"error": "Plain"}, "Plain"),
        ({"error": {"message": {"a": 1}}}, '{"a": 1}'),
        ({"why": "so"}, '{"why": "so"}'),
        ({}, "nothing said"),
        ([], "nothing said"),
        ({"error": None, "code": 0}, "nothing said"),
        ("", "nothing said"),
        (None, "nothing said"),
    ],
)
async def test_a_message_is_found_wherever_it_stands(body: Any, said: str) -> None:
    async with FakeServer(answer(body, 500), GOOD).client() as (client, _):
        assert (await ask(client)).retries == (f"HTTP 500: {said}",)


# --- rate limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (error("Limit 3, Used 3. Please try again in 20s."), {}, 20.0),
        (error("Please retry after 6 seconds."), {}, 6.0),
        (
            [{"error": {"code": 429, "message": "Quota", "details": [{"retryDelay": "34s"}]}}],
            {},
            34.0,
        ),
        (error("slow down"), {"x-ratelimit-reset-requests": "1m2.5s"}, 62.5),
        (error("slow down"), {"Retry-After-Ms": "250"}, 0.25),
        (
            {
                "error": {
                    "message": "Provider returned error",
                    "metadata": {"headers": {"Retry-After": "5"}},
                }
            },
            {},
            5.0,
        ),
    ],
)
async def test_a_rate_limit_is_waited_for(
    body: Any, headers: dict[str, str], seconds: float
) -> None:
    server = FakeServer(*[answer(body, 429, headers)] * 3, GOOD)
    async with server.client(retries=0) as (client, waits):
        answered = await ask(client)
    assert answered.content == "hello"
    assert len(answered.retries) == 3
    assert waits[0] == seconds


@pytest.mark.parametrize("status", [403, 503, 529])
async def test_a_rate_limit_may_have_another_status(status: int) -> None:
    limited = answer(
        error("You have exceeded a secondary rate limit"), status, {"Retry-After": "9"}
    )
    async with FakeServer(limited, GOOD).client(retries=0) as (client, waits):
        assert (await ask(client)).content == "hello"
    assert waits == [9.0]


async def test_a_rate_limit_may_come_with_a_status_of_success() -> None:
    limited = answer({"error": {"code": 429, "message": "Try again in 3 s"}})
    async with FakeServer(limited, GOOD).client(retries=0) as (client, waits):
        assert (await ask(client)).retries == ("HTTP 429: Try again in 3 s",)
    assert waits == [3.0]


async def test_a_rate_limit_that_lasts_too_long_ends_the_run() -> None:
    server = FakeServer(answer(error("slow down"), 429))
    async with server.client(retries=0, outage_seconds=100) as (client, waits):
        with pytest.raises(ConfigError, match=r"HTTP 429: slow down.*; resume the run later"):
            await ask(client)
    assert 30 < sum(waits) <= 100


async def test_a_request_that_exceeds_the_limit_alone_is_refused() -> None:
    said = "Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000."
    server = FakeServer(answer(error(said, "rate_limit_exceeded"), 429))
    caught = await failure(server)
    assert isinstance(caught, InfrastructureError)
    assert said in str(caught)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("tells", [True, False])
async def test_a_few_requests_at_a_time_lose_nothing(tells: bool) -> None:
    window, taken, refused = 0.3, deque[float](), 0

    async def limited(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        now = time.monotonic()
        while taken and taken[0] < now - window:
            taken.popleft()
        if len(taken) < 10:
            taken.append(now)
            return await GOOD(request)
        refused += 1
        wait = f" Please try again in {taken[0] + window - now:.3f}s." if tells else ""
        return await answer(error(f"Too many requests.{wait}"), 429)(request)

    async with FakeServer(limited).client(real_time=True, retries=0) as (client, _):
        answers = await asyncio.gather(*(ask(client) for _ in range(40)))
    assert {one.content for one in answers} == {"hello"}
    assert refused < 2 * 40


# --- failures that stay --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_shown(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server = FakeServer(answer(error(f"Incorrect key: {KEY}."), status))
    caught = await failure(server, api_key_environment="MY_KEY")
    assert isinstance(caught, ConfigError)
    assert "refuses the key in MY_KEY" in str(caught)
    assert "Incorrect key: [key]." in str(caught)
    assert len(server.bodies) == 1


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    caught = await failure(FakeServer(answer({}, 401)), api_key_environment="MY_KEY")
    assert "MY_KEY is unset" in str(caught)


@pytest.mark.parametrize("status", [200, 500])
async def test_the_key_is_in_no_cause(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    echo = raw(b" " * 990 + f"Bearer {KEY}".encode(), status)
    caught = await failure(FakeServer(echo), api_key_environment="MY_KEY")
    assert "[key]" in str(caught)
    assert "sk-secret" not in str(caught)


async def test_a_wrong_model_is_answered_with_the_right_ones() -> None:
    server = FakeServer(answer(error("The model `big` does not exist.", 404), 404))
    caught = await failure(server, model="big")
    assert isinstance(caught, ConfigError)
    assert "serves: tiny, other; not 'big'." in str(caught)
    assert "embodied serve --model big" in str(caught)


@pytest.mark.parametrize(
    ("models", "cause"),
    [
        (None, "HTTP 404"),
        (answer({}, 503), "HTTP 503"),
        (hang_up, "the answer broke off"),
    ],
)
async def test_a_model_that_is_missing_for_once_is_asked_again(
    models: Answer | None, cause: str
) -> None:
    missing = answer(error("The model `tiny` does not exist.", 404), 404)
    async with FakeServer(missing, GOOD, models=models).client() as (client, _):
        (met,) = (await ask(client)).retries
    assert met.startswith(cause)


@pytest.mark.parametrize("models", [answer({"detail": "Not Found"}, 404), raw(b"hm"), silence])
async def test_a_wrong_address_is_called_so(models: Answer) -> None:
    server = FakeServer(answer({"detail": "Not Found"}, 404), models=models)
    caught = await failure(server, connect_seconds=0.5)
    assert isinstance(caught, ConfigError)
    assert "its address mostly ends in /v1" in str(caught)


@pytest.mark.parametrize(
    "body",
    [
        error(
            "This model's maximum context length is 4096 tokens. However, you requested 5120 "
            "tokens (4096 in the messages, 1024 in the completion). Please reduce the length of "
            "the messages or completion.",
            400,
        ),
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested "
            "5000 tokens in the messages, Please reduce the length of the messages.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
        error("The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        error("The prompt (total length 9) is too long to fit into the model (context length 4)."),
        error(
            "'max_tokens' or 'max_completion_tokens' is too large: 1024. This model's maximum "
            "context length is 4096 tokens and your request has 4000 input tokens."
        ),
        error("Please shorten the messages.", "context_length_exceeded"),
        error("the request exceeds the available context size. try increasing the context size"),
        error("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
        error("The input token count (9) exceeds the maximum number of tokens allowed (4)."),
        error("This model's maximum prompt length is 4 but the request contains 9 tokens."),
        error("Input is too long for requested model."),
        error("Range of input length should be [1, 30720]"),
        error("Prompt exceeds max length"),
    ],
)
@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_conversation_can_be_too_long(body: Any, status: int) -> None:
    server = FakeServer(answer(body, status))
    max_tokens = 2 if "(context length 4)" in str(body) else 1024
    caught = await failure(server, max_tokens=max_tokens)
    assert type(caught) is ContextOverflow
    assert "too long for 'tiny': " in str(caught)
    assert len(server.bodies) == 1


async def test_an_answer_longer_than_the_context_is_a_mistake_of_the_config() -> None:
    body = error(
        "'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context "
        "length is 4096 tokens and your request has 10 input tokens (8192 > 4096 - 10)."
    )
    caught = await failure(FakeServer(answer(body, 400)), max_tokens=8192)
    assert isinstance(caught, ConfigError)
    assert "max_tokens is 8192, but the whole context of 'tiny' is 4096 tokens" in str(caught)


@pytest.mark.parametrize("status", [400, 405, 413, 422])
async def test_a_rejected_request_is_not_sent_again(status: int) -> None:
    server = FakeServer(answer(error("top_k must be\x1b[31m positive"), status))
    caught = await failure(server)
    assert isinstance(caught, InfrastructureError)
    assert f"(HTTP {status}): top_k must be [31m positive" in str(caught)
    assert len(server.bodies) == 1


async def test_a_redirect_is_not_followed() -> None:
    server = FakeServer(raw(b"", 307, Location="https://elsewhere.example/v1"))
    caught = await failure(server)
    assert isinstance(caught, ConfigError)
    assert "redirects to https://elsewhere.example/v1" in str(caught)


def test_errors_travel_between_processes() -> None:
    travelled = pickle.loads(pickle.dumps(ContextOverflow("too long")))
    assert (type(travelled), str(travelled)) == (ContextOverflow, "too long")


# --- check ---------------------------------------------------------------------------------------


async def test_check_is_content_with_a_served_model() -> None:
    async with FakeServer(GOOD).client() as (client, _):
        await client.check()


@pytest.mark.parametrize(
    ("models", "noted"),
    [
        (answer({"data": [{"id": "models/tiny"}]}), ""),
        (answer([{"id": "other"}, {"id": "tiny", "name": "Tiny"}]), ""),
        (answer({"models": [{"name": "tiny"}]}), ""),
        (answer({"detail": "Not Found"}, 404), "does not list its models (HTTP 404: Not Found)"),
        (answer({}, 405), "(HTTP 405: nothing said); it is believed to have 'tiny'"),
        (raw(b"not implemented", 501), "(HTTP 501: not implemented)"),
        (answer(error("Missing scopes: api.model.read"), 403), "Missing scopes: api.model.read"),
        (answer(error("slow down"), 429), "HTTP 429"),
    ],
)
async def test_a_server_that_lists_no_models_is_believed(
    models: Answer, noted: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeServer(GOOD, models=models).client() as (client, waits):
        await client.check()
        assert (await ask(client)).content == "hello"
    assert waits == []
    assert noted in caplog.text
    assert bool(noted) is bool(caplog.records)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (answer({"data": [{"id": "a"}, {"id": "b\x1b[2J"}]}), "serves: a, b [2J; not 'tiny'"),
        (answer({"data": []}), "serves: no model; not 'tiny'"),
        (answer({"object": "list"}), "data: Field required"),
        (answer({"data": [{"object": "model"}]}), "data.0.id: Field required"),
        (raw(b"<html>"), "'<html>'; is base_url an OpenAI-compatible API?"),
        (answer({}, 503), "does not list its models (HTTP 503: nothing said)"),
        (answer({}, 401), "put a valid key into the environment variable"),
        (raw(b"", 301, Location="/v2"), "redirects to /v2"),
        (silence, "no whole answer within 0.75 s"),
        (drip, "no whole answer within 0.75 s"),
        (flood, "more than 10 MB"),
        (hang_up, "the answer broke off"),
    ],
)
async def test_check_says_what_is_wrong(models: Answer, said: str) -> None:
    seconds = 0.5 if models in (silence, drip) else 10.0
    async with FakeServer(GOOD, models=models).client(connect_seconds=seconds) as (client, waits):
        with pytest.raises(ConfigError, match=re.escape(said)):
            await client.check()
    assert waits == []


async def test_check_notices_a_server_that_accepts_and_is_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        client = LLMClient(LLMConfig(base_url=url, model="tiny", connect_seconds=0.5))
        with pytest.raises(ConfigError, match=r"no whole answer within 0\.75 s"):
            await client.check()
        await client.close()


async def test_check_notices_that_nothing_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        client = LLMClient(LLMConfig(base_url=url, model="tiny"))
        with pytest.raises(
            ConfigError, match=r"connect.*start one with: embodied serve --model tiny"
        ):
            await client.check()
        await client.close()


# --- config --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"base_url": "127.0.0.1:8000"}, "write one like http://127.0.0.1:8000/v1"),
        ({"base_url": "http://host:80a0/v1"}, "write one like"),
        ({"base_url": "http://999.1.1.1/v1"}, "write one like"),
        ({"base_url": "ftp://host/v1"}, "write one like"),
        ({"base_url": "https://me:pass@host/v1"}, "an address holds no password"),
        ({"extra_body": {"messages": [], "top_p": 1}}, "cannot set messages, top_p"),
        ({"extra_body": {"tools": [], "tool_choice": "none"}}, "cannot set tool_choice, tools"),
        ({"temperature": float("inf")}, "finite"),
        ({"max_tokens": 0}, "greater than 0"),
        ({"max_tokens_name": "n_predict"}, "max_completion_tokens"),
        ({"base_url": "https://host/v1?api-version=1"}, "an address has no"),
        ({"extra_headers": {"Authorization": "Bearer x"}}, "looks like a key"),
        ({"extra_headers": {"x-api-key": "x"}}, "looks like a key"),
        ({"extra_headers": {"Helicone-Auth": "Bearer x"}}, "looks like a key"),
        ({"extra_headers": {"Content-Type": "text/html"}}, "the client itself sets Content-Type"),
        ({"extra_headers": {"a b": "c"}}, "is no header"),
        ({"extra_headers": {"a": "b\r\nc: d"}}, "is no header"),
        ({"extra_query": {"key": "x"}}, "looks like a key"),
        ({"extra_headers": {"X-Auth-Token": "x"}}, "looks like a key"),
        ({"api_key_header": "a:b"}, "cannot be the header of a key"),
        ({"tempreature": 1.0}, "Extra inputs are not permitted"),
    ],
)
def test_config_mistakes_are_explained(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LLMConfig(**{"model": "tiny"} | settings)


def test_the_protocol_is_how_a_model_samples_not_where_it_runs() -> None:
    here = LLMConfig(model="tiny", base_url="http://a/v1", retries=1, answer_seconds=1.0)
    there = LLMConfig(model="tiny", base_url="http://b/v1/", api_key_environment="B")
    assert here.protocol == there.protocol
    assert set(here.protocol) == {
        "model",
        "temperature",
        "top_p",
        "max_tokens",
        "seed",
        "stop",
        "extra_body",
    }


def test_a_constraint_on_answers_is_part_of_the_protocol() -> None:
    assert LLMConfig(model="tiny", structured=True).protocol["structured"] is True


def test_bad_proxy_settings_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "gopher://proxy:1")
    with pytest.raises(ConfigError, match="a proxy of the kind 'gopher'"):
        LLMClient(LLMConfig(model="tiny", base_url="http://llm.example/v1"))
    LLMClient(LLMConfig(model="tiny"))


async def test_a_proxy_of_the_environment_is_used_and_no_proxy_obeyed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def models(request: web.Request) -> web.Response:
        asked.append(request.raw_path)
        return web.json_response({"data": [{"id": "tiny"}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", models)
    async with TestServer(app) as proxy:
        monkeypatch.setenv("HTTP_PROXY", str(proxy.make_url("")))
        client = LLMClient(LLMConfig(model="tiny", base_url="http://llm.invalid/v1"))
        await client.check()
        await client.close()
        assert asked == ["http://llm.invalid/v1/models"]
        monkeypatch.setenv("NO_PROXY", "llm.invalid")
        client = LLMClient(LLMConfig(model="tiny", base_url="http://llm.invalid/v1"))
        with pytest.raises(ConfigError, match="no answer"):
            await client.check()
        await client.close()
        assert len(asked) == 1
