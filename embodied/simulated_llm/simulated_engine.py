"""The model of time: continuous batching on a machine of stated rates.

- Requests start in the order in which they come, as soon as fewer than `max_sequences` are running
  and the KV cache has room for prompt and answer. If the first one has to wait, all wait.
- What the prefix cache lacks of a prompt is read at `prefill_rate`, one prompt after another in the
  order of their starts. Blocks can be found by others from the start of their sequence on: whoever
  finds them reads the rest later than they are read.
- Then the answer is written at `decode_rate`, by each sequence, however many there are. Reading
  does not slow writing.
- A request that is aborted gives back its place and its room at once, but not the time that was
  set aside for reading its prompt.

So a request's end is known when it starts, and one timer for each running sequence is all it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from embodied.simulated_llm.engine_statistics import Statistics, StatisticsRecorder, Totals
from embodied.simulated_llm.kv_cache import KVCache
from embodied.simulated_llm.profile import Profile
from embodied.simulated_llm.tokens import RequestSize


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Cancel the call."""


class Clock(Protocol):
    """Tells simulated time, in seconds, and calls back at a time."""

    def now(self) -> float:
        """Return seconds since some moment in the past."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a time, or as soon as possible where it has passed."""


class LoopClock:
    """The time of the running event loop.

    Args:
        scale: simulated seconds in a real one.
    """

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale

    def now(self) -> float:
        """Return simulated seconds."""
        return asyncio.get_running_loop().time() * self._scale

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back from the event loop."""
        return asyncio.get_running_loop().call_at(when / self._scale, callback)


class SequenceState:
    """One request in the engine. Times are simulated seconds of the engine's clock."""

    def __init__(
        self, size: RequestSize, arrived: float, on_end: Callable[[SequenceState], None]
    ) -> None:
        self.size = size
        self.on_end = on_end
        self.arrived = arrived
        self.started = arrived
        self.prefilled = arrived
        self.ends = arrived
        self.cached_tokens = 0
        self.timer: Timer | None = None


class SimulatedEngine:
    """Schedules requests.

    Args:
        profile: rates and sizes.
        clock: simulated time; `profile.time_scale` is the clock's matter.
    """

    def __init__(self, profile: Profile, clock: Clock) -> None:
        self.profile = profile
        self._clock = clock
        self.cache = KVCache(profile.kv_tokens)
        self._waiting: dict[SequenceState, None] = {}
        self._running: dict[SequenceState, None] = {}
        self._prefill_free = 0.0
        self._recorder = StatisticsRecorder(clock.now())

    @property
    def running(self) -> int:
        """Sequences that are being worked on."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests that have not started."""
        return len(self._waiting)

    @property
    def totals(self) -> Totals:
        """Counts since the start."""
        self._advance()
        return self._recorder.totals

    def statistics(self) -> Statistics:
        """Compute the figures since the last reset."""
        self._advance()
        usage = self.cache.used / self.cache.capacity
        return self._recorder.statistics(self.running, self.waiting, usage)

    def reset_statistics(self) -> None:
        """Start a new window of the statistics."""
        self._advance()
        self._recorder.reset()

    def submit(self, size: RequestSize, on_end: Callable[[SequenceState], None]) -> SequenceState:
        """Take a request; `on_end` is called when its answer is written.

        It must fit: prompt and answer of at most `max_model_len` tokens always do.
        """
        self._advance()
        sequence = SequenceState(size, self._clock.now(), on_end)
        self._waiting[sequence] = None
        self._admit()
        return sequence

    async def run(self, size: RequestSize) -> SequenceState:
        """Wait until a request's answer is written. Cancelling it aborts the request."""
        ended: asyncio.Future[SequenceState] = asyncio.get_running_loop().create_future()

        def tell(sequence: SequenceState) -> None:
            if not ended.done():
                ended.set_result(sequence)

        sequence = self.submit(size, tell)
        try:
            return await ended
        finally:
            self.abort(sequence)

    def abort(self, sequence: SequenceState) -> None:
        """Drop a request; nothing happens where it has ended."""
        self._advance()
        if self._drop(sequence):
            self._admit()

    def restart(self) -> None:
        """Drop all requests and forget what the prefix cache holds."""
        self._advance()
        for sequence in [*self._waiting, *self._running]:
            self._drop(sequence)
        self.cache.clear()
        self._prefill_free = 0.0

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self.profile.max_sequences:
            sequence = next(iter(self._waiting))
            cached = self.cache.take(sequence.size)
            if cached is None:
                return
            del self._waiting[sequence]
            self._running[sequence] = None
            self._start(sequence, cached)

    def _start(self, sequence: SequenceState, cached: int) -> None:
        size, totals = sequence.size, self._recorder.totals
        sequence.cached_tokens = cached
        sequence.started = self._clock.now()
        begin = max(sequence.started, self._prefill_free)
        sequence.prefilled = begin + (size.prompt_tokens - cached) / self.profile.prefill_rate
        self._prefill_free = sequence.prefilled
        sequence.ends = sequence.prefilled + size.answer_tokens / self.profile.decode_rate
        sequence.timer = self._clock.call_at(sequence.ends, lambda: self._finish(sequence))
        totals.prompt_tokens += size.prompt_tokens
        totals.prefix_cache_queries += size.prompt_tokens
        totals.prefix_cache_hits += cached

    def _finish(self, sequence: SequenceState) -> None:
        self._advance()
        del self._running[sequence]
        self.cache.release(sequence.size, finished=True)
        self._recorder.totals.requests += 1
        self._recorder.totals.generation_tokens += sequence.size.answer_tokens
        self._admit()
        sequence.on_end(sequence)

    def _drop(self, sequence: SequenceState) -> bool:
        """Take a request out; False: it is not there."""
        if sequence in self._waiting:
            del self._waiting[sequence]
        elif sequence in self._running:
            del self._running[sequence]
            self.cache.release(sequence.size, finished=False)
        else:
            return False
        if sequence.timer is not None:
            sequence.timer.cancel()
        self._recorder.totals.aborted += 1
        return True

    def _advance(self) -> None:
        self._recorder.advance(self._clock.now(), self.running, self.waiting)
