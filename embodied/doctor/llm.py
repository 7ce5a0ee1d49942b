"""The LLM server at an address."""

from __future__ import annotations

import asyncio

from pydantic import ValidationError

from embodied.doctor import Check
from embodied.errors import ConfigError
from embodied.llm.chat_api import MalformedResponseError, read_models
from embodied.llm.client import LLMClient
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
    blind = len(models) == 1 and await _is_blind(base_url, models[0])
    found = ", ".join(models)[:200]
    return Check("llm", base_url, "ok", f"{found}; it takes no pictures" if blind else found)


async def _is_blind(base_url: str, model: str) -> bool:
    """Tell whether a server says that its model takes no pictures."""
    client = LLMClient(_config(base_url, model))
    try:
        async with asyncio.timeout(_SECONDS):
            await client.check(pictures=True)
    except ConfigError:
        return True
    except TimeoutError:
        pass
    finally:
        await client.close()
    return False


def _config(base_url: str, model: str = "any") -> LLMConfig:
    try:
        return LLMConfig(base_url=base_url, model=model)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"--base-url: {message}") from None


def _problem(base_url: str, found: str, advice: str) -> Check:
    return Check("llm", base_url, "problem", found, advice)
