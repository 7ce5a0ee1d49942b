"""Servers that take no pictures, or fewer, are told apart from other failures, and early."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

import embodied
from embodied import ConfigError, Message
from embodied.errors import EmbodiedError
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.simulated_llm import ServerProcess
from embodied.store.layout import is_run
from tests.pictures.lamp import TEMPLATE, picture

LAMP = f"{Path(__file__).parent / 'lamp.py'}:Lamp"
BLIND = {
    "vLLM": (400, "facebook/opt-125m is not a multimodal model None"),
    "vLLM, limit 0": (400, "At most 0 image(s) may be provided in one prompt."),
    "llama.cpp": (
        500,
        "image input is not supported - hint: if this is unexpected, you may need to provide the "
        "mmproj",
    ),
    "llama.cpp, old": (500, "The server was not compiled for multimodal or the model projector "),
    "llama-cpp-python": (500, 'can only concatenate str (not "list") to str'),
    "OpenAI": (
        400,
        "Invalid content type. image_url is only supported by certain models.",
    ),
    "OpenRouter": (404, "No endpoints found that support image input"),
    "DeepSeek": (
        422,
        "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant "
        "`image_url`, expected `text` at line 1 column 3121",
    ),
    "Groq": (
        400,
        "'messages.1' : for 'role:user' the following must be satisfied"
        "[('messages.1.content' : value must be a string)]",
    ),
    "Ollama": (
        500,
        "this model is missing data required for image input: it does not support images",
    ),
    "Mistral": (400, "Image input is not enabled for this model: unsupported content"),
    "Anthropic": (400, "'claude-2' does not support image input."),
    "FastAPI": (422, "messages.1.content: Input should be a valid string"),
    "text only": (400, "Unsupported content part type for text-only server: image_url"),
}
OTHER = [
    (400, "cannot identify image file <_io.BytesIO object at 0x7f>"),
    (400, "Invalid image data"),
    (400, "temperature must be at most 2"),
    (400, "this prompt was flagged by our moderation"),
    (400, "the image was flagged by our content policy and is not allowed"),
    (404, "there is nothing here"),
]


async def asked(
    unused_tcp_port_factory: Callable[[], int], status: int, said: str, *, pictures: bool
) -> EmbodiedError:
    """What a client makes of a server that answers so."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"error": {"message": said, "code": status}}, status=status)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = unused_tcp_port_factory()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    url = f"http://127.0.0.1:{port}/v1"
    client = LLMClient(LLMConfig(base_url=url, model="text", retries=0, outage_seconds=0))
    shown = [picture("red").as_part()] if pictures else []
    try:
        with pytest.raises(EmbodiedError) as caught:
            await client.complete(
                [Message(role="user", content="Hello.").with_parts(shown)], seed=None
            )
        return caught.value
    finally:
        await client.close()
        await runner.cleanup()


@pytest.mark.parametrize("server", BLIND)
async def test_a_server_without_eyes(
    server: str, unused_tcp_port_factory: Callable[[], int]
) -> None:
    status, said = BLIND[server]
    error = await asked(unused_tcp_port_factory, status, said, pictures=True)
    assert isinstance(error, ConfigError)
    assert "takes no pictures for 'text'" in str(error)
    assert "--protocol.images off" in str(error)
    assert said[:40].strip() in str(error)
    plain = await asked(unused_tcp_port_factory, status, said, pictures=False)
    assert "takes no pictures" not in str(plain)


@pytest.mark.parametrize(("status", "said"), OTHER)
async def test_other_failures_are_not_called_so(
    status: int, said: str, unused_tcp_port_factory: Callable[[], int]
) -> None:
    error = await asked(unused_tcp_port_factory, status, said, pictures=True)
    assert "takes no pictures" not in str(error)


@pytest.mark.parametrize(
    ("said", "keep"),
    [
        ("At most 1 image(s) may be provided in one prompt.", 1),
        ("At most 4 image(s) may be provided in one prompt.", 2),
        ("Too many images: the maximum of 5 images was exceeded", 3),
    ],
)
async def test_a_server_that_takes_fewer(
    said: str, keep: int, unused_tcp_port_factory: Callable[[], int]
) -> None:
    error = await asked(unused_tcp_port_factory, 400, said, pictures=True)
    assert isinstance(error, ConfigError)
    assert f"set protocol.images.keep to {keep}, " in str(error)


def run(server: ServerProcess, out: Path, **settings: Any) -> embodied.Run:
    return embodied.run(
        env=LAMP,
        policy="llm",
        llm={"model": "simulated", "base_url": server.base_url},
        tasks={"limit": 3},
        runner={"kind": "local"},
        out=out,
        progress=False,
        **settings,
    )


def test_a_run_with_pictures_asks_before_its_first_episode(tmp_path: Path) -> None:
    with ServerProcess("--blind", "--answers", f"seeing:{TEMPLATE}") as server:
        with pytest.raises(ConfigError, match="takes no pictures for 'simulated'") as caught:
            run(server, tmp_path / "run")
        assert len(str(caught.value).split(". ")) == 1
        assert not is_run(tmp_path / "run")
        assert run(server, tmp_path / "off", protocol={"images": "off"}).report().episodes == 3


def test_the_question_is_no_answer_that_is_kept(tmp_path: Path) -> None:
    with ServerProcess("--answers", f"seeing:{TEMPLATE}") as server:
        report = run(server, tmp_path / "run").report()
        assert report.successes == 3
        assert server.statistics().requests == 4
    lines = (tmp_path / "run" / "episodes" / "00000.jsonl").read_text().splitlines()
    assert len(json.loads(lines[0])["turns"]) == 1
