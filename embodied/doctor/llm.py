"""The LLM server at an address."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError

from embodied.doctor import Check
from embodied.errors import ConfigError
from embodied.llm.chat_api import MalformedResponseError, read_models
from embodied.llm.config import LLMConfig
from embodied.llm.http_client import HTTPClient, HTTPStatusError, RequestError, read_key

_SECONDS = 15.0
_KEY = "OPENAI_API_KEY"
_NO_LIST = (404, 405, 501)
"""How servers say that they have no list of models, or are no servers of models at all."""
_UNLISTED = "it lists no models: llm.model will be believed, unless --base-url is wrong"
_START = "start one with `embodied serve --model NAME`, or correct --base-url"


async def check_server(base_url: str) -> Check:
    """See whether a server answers there, and which models it has.

    Raises:
        ConfigError: it is no address.
    """
    connections = HTTPClient(_config(base_url), read_key(_KEY))
    try:
        async with asyncio.timeout(_SECONDS):
            models = read_models(await connections.get("models"))
    except TimeoutError:
        return _problem(base_url, f"no whole answer within {_SECONDS:g} s", _START)
    except HTTPStatusError as error:
        if error.status in _NO_LIST:
            return Check("llm", base_url, "ok", f"{_UNLISTED} (HTTP {error.status})")
        advice = f"put its key into {_KEY}" if error.status in (401, 403) else _START
        return _problem(base_url, f"HTTP {error.status}: {error.said.message:.200}", advice)
    except (RequestError, MalformedResponseError, ConfigError) as error:
        return _problem(base_url, f"{error}", _START)
    finally:
        await connections.close()
    if not models:
        return _problem(base_url, "it lists no model", _START)
    return Check("llm", base_url, "ok", ", ".join(models)[:200])


def _config(base_url: str) -> LLMConfig:
    try:
        return LLMConfig(base_url=base_url, model="any")
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--base-url: {message}") from None


def _problem(base_url: str, found: str, advice: str) -> Check:
    return Check("llm", base_url, "problem", found, advice)
