"""A client for any server with OpenAI's chat-completions API, vLLM first.

Everything a server sends is doubted: its size, its shape and its time are bounded. A failure that
may pass is tried again; any other is an error in words that a user can act on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from embodied.errors import ConfigError, EmbodiedError, InfrastructureError
from embodied.llm.aimd_limiter import Entry, Window
from embodied.llm.backoff import backoff
from embodied.llm.cache import AnswerCache
from embodied.llm.chat_api import UnreadableAnswer, read_completion, read_models, request_body
from embodied.llm.completion import Completion
from embodied.llm.config import LLMConfig
from embodied.llm.error_mapper import ADDRESS_HINT, LOAD_HINT, Failures, NoAnswer
from embodied.llm.http_client import Connections, NoConnection, Refused, TooLarge, read_key
from embodied.llm.outage_gate import Breaker
from embodied.trajectory import Message

_LONGEST_RETRY_AFTER = 120.0
_WHOLE = ("stop", "tool_calls")
"""Why answers end that are worth keeping."""
_FAILURES_OF_AN_OUTAGE = 3
"""Failures in a row, of all requests, after which the server is asked whether it is there. It is
also asked before a request fails for good."""


class LLMClient:
    """Asks one server for completions, over one pool of connections for all who share the client.

    Args:
        config: model, server and sampling.
        sleep: waits, in seconds; tests give their own.
        clock: seconds since any moment; tests give their own.

    Raises:
        ConfigError: the key or the proxy settings in the environment, or the cache, cannot be
            used.
    """

    def __init__(
        self,
        config: LLMConfig,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._sleep = sleep
        key = read_key(config.api_key_environment)
        self._cache = None if config.cache is None else AnswerCache(config.cache, config.base_url)
        self._api = Connections(config, key)
        self._failures = Failures(config, key)
        self._window = Window(config.max_concurrency, sleep=sleep, clock=clock)
        self._breaker = Breaker(
            config.base_url,
            self._gone,
            failures=_FAILURES_OF_AN_OUTAGE,
            patience=config.outage_seconds,
            sleep=sleep,
            clock=clock,
        )

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None,
        tools: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """The model's answer to a conversation.

        Args:
            messages: the conversation so far.
            seed: for the sampling of this answer; None: the config's.
            tools: functions that the model may call, in OpenAI's definitions.
            schema: JSON schema that the answer is asked to follow. Servers may ignore it: it is
                the caller's to read the answer with doubt.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key, has no such model or takes no functions.
            InfrastructureError: no usable answer, whatever was tried.
        """
        request = request_body(self.config, messages, seed=seed, tools=tools, schema=schema)
        taken = {call.id for m in messages for call in m.tool_calls} if tools else None
        return self._kept(request, taken) or await self._asked(request, taken)

    async def check(self) -> None:
        """Make sure that the server answers and serves the model, before a batch relies on it.

        Raises:
            ConfigError: it does not; the message says what it does instead.
        """
        url = self.config.base_url
        try:
            served = await self._served()
        except NoAnswer as failure:
            raise ConfigError(f"no answer from {url}: {failure}") from None
        except Refused as error:
            raise self._failures.unusable(error) or ConfigError(
                f"{url} does not list its models (HTTP {error.status}: "
                f"{self._failures.said(error)}); {ADDRESS_HINT}"
            ) from None
        if self.config.model not in served:
            raise self._failures.not_served(served)

    async def close(self) -> None:
        """Close the connections. The client cannot be used after it."""
        await self._api.close()
        if self._cache is not None:
            self._cache.close()

    def _kept(self, request: dict[str, Any], taken: set[str] | None) -> Completion | None:
        content = None if self._cache is None else self._cache.get(request)
        try:
            return replace(self._read(content, taken), cached=True) if content else None
        except UnreadableAnswer:
            return None

    async def _asked(self, request: dict[str, Any], taken: set[str] | None) -> Completion:
        causes: list[str] = []
        attempts = 0
        while True:
            try:
                return replace(await self._attempt(request, taken), retries=tuple(causes))
            except NoAnswer as error:
                failure = error
            causes.append(failure.cause)
            if failure.gone and attempts == self.config.retries:
                self._breaker.suspect()
            if await self._breaker.wait():
                continue
            attempts += 1
            if attempts > self.config.retries or failure.wait > _LONGEST_RETRY_AFTER:
                raise self._given_up(failure, attempts)
            await self._sleep(max(failure.wait, backoff(attempts)))

    async def _attempt(self, request: dict[str, Any], taken: set[str] | None) -> Completion:
        async with self._place() as entry:
            try:
                content = await self._answer(request)
            except NoAnswer as failure:
                self._take_note(failure, entry)
                raise
            self._window.answered()
            self._breaker.succeeded()
        try:
            completion = self._read(content, taken)
        except UnreadableAnswer as error:
            raise self._unreadable(error) from None
        if self._cache is not None and completion.finish_reason in _WHOLE:
            self._cache.put(request, content)
        return completion

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[Entry]:
        """A place among the requests in flight, while the server is not known to be gone."""
        while True:
            await self._breaker.wait()
            async with self._window.place() as entry:
                if not self._breaker.is_open:
                    yield entry
                    return

    def _read(self, content: str, taken: set[str] | None) -> Completion:
        return read_completion(content, taken, tokens=self.config.record_tokens)

    def _take_note(self, failure: NoAnswer, entry: Entry) -> None:
        if failure.congested:
            self._window.congested(entry)
        if failure.wait <= _LONGEST_RETRY_AFTER:
            self._window.pause(failure.wait)
        if failure.gone:
            self._breaker.failed()

    async def _answer(self, request: dict[str, Any]) -> str:
        answer = self._api.post("chat/completions", request)
        with_tools = "tools" in request
        try:
            return await self._fetch(answer, self.config.answer_seconds)
        except Refused as error:
            refusal = error
        passing = self._failures.passing(refusal, with_tools=with_tools)
        raise passing or await self._meaning(refusal, with_tools=with_tools)

    async def _gone(self) -> NoAnswer | None:
        """Why there seems to be no server; None: there is one, whatever it answers."""
        try:
            await self._models()
        except NoAnswer as failure:
            return failure
        except Refused as error:
            passing = self._failures.passing(error, with_tools=False)
            return passing if passing and passing.gone else None
        return None

    async def _models(self) -> str:
        answer = self._api.get("models")
        return await self._fetch(answer, 1.5 * self.config.connect_seconds)

    async def _served(self) -> list[str]:
        content = await self._models()
        try:
            return [self._failures.clean(name) for name in read_models(content)]
        except UnreadableAnswer as error:
            raise self._unreadable(error) from None

    async def _fetch(self, answer: Awaitable[str], seconds: float) -> str:
        """Body of a successful answer; a `Refused` is the caller's to explain."""
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            cause = f"no whole answer within {seconds:g} s"
            raise NoAnswer(cause, LOAD_HINT, congested=True) from None
        except NoConnection as error:
            cause = self._failures.clean(str(error))
            raise NoAnswer(cause, self._failures.start_hint, gone=True) from None
        except TooLarge as error:
            raise NoAnswer(str(error), ADDRESS_HINT) from None

    def _unreadable(self, error: UnreadableAnswer) -> NoAnswer:
        return NoAnswer(f"{error}: {self._failures.clean(error.content)!r}", ADDRESS_HINT)

    async def _meaning(self, error: Refused, *, with_tools: bool) -> NoAnswer | EmbodiedError:
        said = self._failures.said(error)
        if error.status == 404:
            return await self._not_found(said)
        return self._failures.lasting(error, with_tools=with_tools) or InfrastructureError(
            f"{self.config.base_url} rejects the request (HTTP {error.status}): {said}"
        )

    async def _not_found(self, said: str) -> NoAnswer | ConfigError:
        """What HTTP 404 to a request for an answer means."""
        served: list[str] = []
        try:
            served = await self._served()
        except NoAnswer as failure:
            if failure.gone:
                return failure
        except Refused as error:
            if passing := self._failures.passing(error, with_tools=False):
                return passing
        return self._failures.not_found(said, served)

    def _given_up(self, failure: NoAnswer, attempts: int) -> InfrastructureError:
        times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        return InfrastructureError(f"no answer from {self.config.base_url} in {times}: {failure}")
