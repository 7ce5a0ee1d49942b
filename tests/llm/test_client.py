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
    async def client(self, **settings: Any) -> AsyncIterator[tuple[LLMClient, list[float]]]:
        """A client of this server, and the waits that it asks for."""
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
    assert 0 < waits[3] <= 8


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
    ],
)
async def test_a_conversation_can_be_too_long(body: Any) -> None:
    server = FakeServer(answer(body, 400))
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
        (answer({"models": []}), "data: Field required"),
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
