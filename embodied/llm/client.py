"""A client for any server with OpenAI's chat-completions API, vLLM first.

Nothing that a server sends is trusted: its size, its shape and its time are bounded. A failure that
may pass is retried; any other is an error in words that a user can act on.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from embodied.errors import ConfigError, InfrastructureError
from embodied.llm.aimd_limiter import Admission, AIMDLimiter
from embodied.llm.backoff import backoff
from embodied.llm.cache import CompletionCache
from embodied.llm.chat_api import (
    Completion,
    MalformedResponseError,
    has_pictures,
    picture_question,
    read_completion,
    read_models,
    request_body,
)
from embodied.llm.config import LLMConfig
from embodied.llm.error_body import read_error
from embodied.llm.error_mapper import ADDRESS_HINT, LOAD_HINT, ErrorMapper, RetryableError
from embodied.llm.http_client import (
    HTTPClient,
    HTTPStatusError,
    ResponseTooLargeError,
    TransportError,
    read_key,
)
from embodied.llm.outage_gate import OutageGate
from embodied.llm.refusal_monitor import RefusalMonitor
from embodied.llm.request_pacer import Departure, RequestPacer
from embodied.trajectory import Message

_LOG = logging.getLogger(__name__)

_MAX_RETRY_AFTER = 120.0
_COMPLETE = ("stop", "tool_calls")
"""Finish reasons of answers that may be cached."""
_UNLISTED_STATUSES = {400, 403, 404, 405, 429, 501}
"""HTTP statuses of servers that do not list their models, to anybody or to this key."""
_OUTAGE_FAILURES = 3
"""Failures in a row, of all requests, after which the server is probed. It is also probed before a
request fails for good."""


class _SystemRoleRefusedError(Exception):
    """The model takes no system messages."""


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
        self._cache = (
            None if config.cache is None else CompletionCache(config.cache, config.base_url)
        )
        self._http = HTTPClient(config, key)
        self._errors = ErrorMapper(config, key)
        self._limiter = AIMDLimiter(config.max_concurrency)
        self._pacer = RequestPacer(sleep=sleep, clock=clock)
        self._refusals = RefusalMonitor()
        self._system_role = True
        self._gate = OutageGate(
            config.base_url,
            self._probe,
            failures=_OUTAGE_FAILURES,
            patience=config.outage_seconds,
            sleep=sleep,
            clock=clock,
        )

    @property
    def waited_seconds(self) -> float:
        """Time in which requests waited for the server's rate limit."""
        return self._pacer.waited_seconds

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        seed: int | None,
        tools: Sequence[Mapping[str, Any]] = (),
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """Ask the model to go on with a conversation.

        Args:
            messages: the conversation so far.
            seed: for the sampling of this answer; None: the config's.
            tools: functions that the model may call, in OpenAI's definitions.
            schema: JSON schema that the answer is asked to follow. Servers may ignore it: the
                caller must not trust the answer to follow it.

        Raises:
            ContextOverflow: the conversation is too long for the model.
            ConfigError: the server refuses the key or what every request holds, has no such model,
                takes no functions, or takes no requests for longer than the config waits.
            InfrastructureError: no usable answer, whatever was tried.
        """
        used_ids = {call.id for m in messages for call in m.tool_calls} if tools else None
        while True:
            request = request_body(
                self.config,
                messages,
                seed=seed,
                tools=tools,
                schema=schema,
                system_role=self._system_role,
            )
            try:
                return self._from_cache(request, used_ids) or await self._request(request, used_ids)
            except _SystemRoleRefusedError:
                self._leave_system_role()

    async def check(self, *, pictures: bool = False) -> None:
        """Make sure that the server answers and serves the model, before a batch relies on it.

        A server that lists no models is believed to have it; a warning says so.

        Args:
            pictures: whether it must take pictures, too: it is then sent one.

        Raises:
            ConfigError: it does not; the message says what it does instead.
        """
        url, model = self.config.base_url, self.config.model
        try:
            served = await self._served()
        except RetryableError as failure:
            raise ConfigError(f"no answer from {url}: {failure}") from None
        except HTTPStatusError as error:
            said = f"{url} does not list its models (HTTP {error.status}: "
            said += f"{self._errors.message(error)})"
            if error.status not in _UNLISTED_STATUSES:
                raise self._errors.unusable(error) or ConfigError(
                    f"{said}; {ADDRESS_HINT}"
                ) from None
            _LOG.warning("%s; it is believed to have %r", said, model)
        else:
            if not {model, f"models/{model}"} & set(served):
                raise self._errors.not_served(served)
        if pictures:
            await self._check_pictures()

    async def _check_pictures(self) -> None:
        """Raise ConfigError where the server takes no pictures; other failures are not its."""
        request = request_body(self.config, [picture_question()])
        try:
            await self._fetch(
                self._http.post("chat/completions", request), self.config.answer_seconds
            )
        except HTTPStatusError as error:
            if refused := self._errors.of_pictures(error):
                raise refused from None
        except RetryableError:
            pass

    async def close(self) -> None:
        """Close the connections. The client cannot be used after it."""
        await self._http.close()
        if self._cache is not None:
            self._cache.close()

    def _from_cache(self, request: dict[str, Any], used_ids: set[str] | None) -> Completion | None:
        body = None if self._cache is None else self._cache.get(request)
        try:
            return replace(self._read(body, used_ids), cached=True) if body else None
        except MalformedResponseError:
            return None

    async def _request(self, request: dict[str, Any], used_ids: set[str] | None) -> Completion:
        causes: list[str] = []
        attempts = 0
        while True:
            try:
                return replace(await self._attempt(request, used_ids), retries=tuple(causes))
            except RetryableError as error:
                failure = error
            causes.append(failure.cause)
            if failure.rate_limited:
                self._check_patience(failure)
                continue
            if failure.gone and attempts == self.config.retries:
                self._gate.suspect_outage()
            if await self._gate.wait():
                continue
            attempts += 1
            wait = failure.retry_after or 0.0
            if attempts > self.config.retries or wait > _MAX_RETRY_AFTER:
                times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
                raise InfrastructureError(
                    f"no answer from {self.config.base_url} in {times}: {failure}"
                )
            await self._sleep(max(wait, backoff(attempts)))

    async def _attempt(self, request: dict[str, Any], used_ids: set[str] | None) -> Completion:
        async with self._admit() as (admission, departure):
            try:
                body = await self._answer(request)
            except RetryableError as failure:
                self._note(failure, admission, departure)
                raise
            self._limiter.on_success()
            self._pacer.on_answer(departure)
            self._gate.on_success()
            self._refusals.on_answer()
        try:
            completion = self._read(body, used_ids)
        except MalformedResponseError as error:
            raise self._malformed(error) from None
        if self._cache is not None and completion.finish_reason in _COMPLETE:
            self._cache.put(request, body)
        return completion

    def _note(self, failure: RetryableError, admission: Admission, departure: Departure) -> None:
        if failure.congested:
            self._limiter.on_congestion(admission)
        if failure.rate_limited:
            self._pacer.on_refusal(departure, failure.retry_after)
        elif failure.retry_after and failure.retry_after <= _MAX_RETRY_AFTER:
            self._pacer.pause(failure.retry_after)
        if failure.gone:
            self._gate.on_failure()

    def _check_patience(self, failure: RetryableError) -> None:
        """Raise ConfigError where a rate limit lasts longer than an outage may."""
        seconds = self._pacer.refused_seconds
        if seconds > self.config.outage_seconds:
            raise self._errors.out_of_patience(failure, seconds)

    def _leave_system_role(self) -> None:
        if self._system_role:
            self._system_role = False
            _LOG.warning(
                "%r takes no system messages: the first user message begins with what they say",
                self.config.model,
            )

    @asynccontextmanager
    async def _admit(self) -> AsyncIterator[tuple[Admission, Departure]]:
        """Hold a place among the requests in flight, once it is time for one and the server is
        not known to be gone.
        """
        while True:
            await self._gate.wait()
            async with self._limiter.admit() as admission:
                departure = await self._pacer.wait()
                if not self._gate.is_closed:
                    yield admission, departure
                    return

    def _read(self, body: str, used_ids: set[str] | None) -> Completion:
        return read_completion(body, used_ids, tokens=self.config.record_tokens)

    async def _answer(self, request: dict[str, Any]) -> str:
        try:
            return await self._completion(request)
        except HTTPStatusError as error:
            refused = error
        if has_pictures(request) and (of_pictures := self._errors.of_pictures(refused)):
            raise of_pictures
        has_system = any(message["role"] == "system" for message in request["messages"])
        if has_system and self._errors.is_of_system_role(refused):
            raise _SystemRoleRefusedError
        if retryable := self._errors.retryable(refused, with_tools="tools" in request):
            raise retryable
        if refused.status == 404:
            raise await self._not_found(self._errors.message(refused))
        raise self._errors.permanent(refused, request) or self._refused(refused)

    async def _completion(self, request: dict[str, Any]) -> str:
        """Fetch an answer; raise HTTPStatusError also for an error that comes as an answer, and
        take as an answer what is called an error of the model.
        """
        try:
            body = await self._fetch(
                self._http.post("chat/completions", request), self.config.answer_seconds
            )
        except HTTPStatusError as error:
            if error.said.generated is None:
                raise
            message, reason = {"content": error.said.generated}, "".join(error.said.codes[:1])
            return json.dumps({"choices": [{"message": message, "finish_reason": reason}]})
        if '"choices"' not in body:
            status = read_error(body).status
            if status is not None and 400 <= status < 600:
                raise HTTPStatusError(status, {}, body)
        return body

    def _refused(self, error: HTTPStatusError) -> ConfigError | InfrastructureError:
        said = self._errors.refused(error)
        if not self._errors.is_of_content(error) and self._refusals.on_refusal(said):
            return ConfigError(f"{said}; it refuses every request in these words")
        return InfrastructureError(said)

    async def _probe(self) -> RetryableError | None:
        """Ask why there seems to be no server; None: there is one, whatever it answers."""
        try:
            await self._models()
        except RetryableError as failure:
            return failure
        except HTTPStatusError as error:
            retryable = self._errors.retryable(error, with_tools=False)
            return retryable if retryable and retryable.gone else None
        return None

    async def _models(self) -> str:
        return await self._fetch(self._http.get("models"), 1.5 * self.config.connect_seconds)

    async def _served(self) -> list[str]:
        body = await self._models()
        try:
            return [self._errors.redact(name) for name in read_models(body)]
        except MalformedResponseError as error:
            raise self._malformed(error) from None

    async def _fetch(self, answer: Awaitable[str], seconds: float) -> str:
        """Await a successful answer's body; an `HTTPStatusError` is the caller's to explain."""
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            cause = f"no whole answer within {seconds:g} s"
            raise RetryableError(cause, LOAD_HINT, congested=True) from None
        except TransportError as error:
            cause = self._errors.redact(str(error))
            raise RetryableError(cause, self._errors.start_hint, gone=True) from None
        except ResponseTooLargeError as error:
            raise RetryableError(str(error), ADDRESS_HINT) from None

    def _malformed(self, error: MalformedResponseError) -> RetryableError:
        return RetryableError(f"{error}: {self._errors.redact(error.content)!r}", ADDRESS_HINT)

    async def _not_found(self, said: str) -> RetryableError | ConfigError:
        served: list[str] = []
        try:
            served = await self._served()
        except RetryableError as failure:
            if failure.gone:
                return failure
        except HTTPStatusError as error:
            if retryable := self._errors.retryable(error, with_tools=False):
                return retryable
        return self._errors.not_found(said, served)
