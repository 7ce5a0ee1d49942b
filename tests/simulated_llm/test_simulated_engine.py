"""The simulated engine's arithmetic, on a clock that passes when it is told to."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from embodied.simulated_llm import Profile, SimulatedEngine
from embodied.simulated_llm.kv_cache import KVCache
from embodied.simulated_llm.simulated_engine import LoopClock, SequenceState
from embodied.simulated_llm.tokens import BLOCK_TOKENS, RequestSize, block_names, count, cut

TOKEN = 4
BLOCK = TOKEN * BLOCK_TOKENS


class FakeTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time passes when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def now(self) -> float:
        return self.time

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def step(self, until: float = float("inf")) -> bool:
        """Go on to the next timer; False: there is none until then."""
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self.time = max(self.time, when)
                timer.callback()
                return True
        return False

    def run(self, until: float = float("inf")) -> None:
        while self.step(until):
            pass
        if until < float("inf"):
            self.time = until


class Machine:
    """An engine on a fake clock, and what came of its requests."""

    def __init__(self, **profile: float) -> None:
        settings = {
            "prefill_rate": 100,
            "decode_rate": 10,
            "max_sequences": 2,
            "kv_tokens": 16_000,
            "max_model_len": 16_000,
        }
        self.clock = FakeClock()
        self.engine = SimulatedEngine(Profile(**settings | profile), self.clock)  # type: ignore[arg-type]
        self.ended: list[SequenceState] = []

    def submit(self, size: RequestSize) -> SequenceState:
        return self.engine.submit(size, self.ended.append)


def size(prompt: int, answer: int, name: str = "a") -> RequestSize:
    """So many tokens, in a text that begins like no other of another name."""
    return RequestSize.of(name * prompt * TOKEN, "z" * answer * TOKEN)


# --- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_a_token_is_four_characters(text: str, tokens: int) -> None:
    assert count(text) == tokens


def test_the_first_tokens() -> None:
    assert cut("abcdefghi", 2) == "abcdefgh"


def test_an_empty_answer_is_one_token() -> None:
    assert RequestSize.of("abcd", "").answer_tokens == 1


def test_blocks_are_equal_where_all_before_is_equal() -> None:
    first, other = "a" * BLOCK, "b" * BLOCK
    names = block_names(first + other + first + "x")
    assert len(set(names)) == 3
    assert block_names(first + other) == names[:2]
    assert block_names(other + first)[1] != names[1]


@given(st.text(max_size=300), st.text(max_size=300))
def test_work_is_all_of_the_text(prompt: str, answer: str) -> None:
    asked = RequestSize.of(prompt, answer)
    named = len(asked.prompt_blocks) + len(asked.answer_blocks)
    assert asked.prompt_blocks + asked.answer_blocks == block_names(prompt + answer)
    assert asked.prompt_blocks == block_names(prompt)
    assert named <= asked.blocks


# --- time ----------------------------------------------------------------------------------------


def test_a_request_is_read_and_then_written() -> None:
    machine = Machine()
    sequence = machine.submit(size(200, 10))
    machine.clock.run()
    assert (sequence.started, sequence.prefilled, sequence.ends) == (0, 2, 3)
    assert machine.ended == [sequence]
    assert machine.clock.time == 3


def test_reading_is_shared_and_writing_is_not() -> None:
    machine = Machine()
    first, second = machine.submit(size(200, 10)), machine.submit(size(300, 30, "b"))
    machine.clock.run()
    assert (first.prefilled, first.ends) == (2, 3)
    assert (second.started, second.prefilled, second.ends) == (0, 5, 8)


def test_a_third_waits_for_a_place() -> None:
    machine = Machine()
    for name in "ab":
        machine.submit(size(100, 10, name))
    third = machine.submit(size(100, 10, "c"))
    assert (machine.engine.running, machine.engine.waiting) == (2, 1)
    machine.clock.run()
    assert (third.started, third.prefilled, third.ends) == (2, 3, 4)


def test_who_has_no_room_keeps_those_behind_it_waiting() -> None:
    machine = Machine(kv_tokens=320, max_model_len=320, max_sequences=9)
    machine.submit(size(150, 10, "a"))
    large, small = machine.submit(size(300, 10, "b")), machine.submit(size(10, 1, "c"))
    assert machine.engine.waiting == 2
    machine.clock.run()
    assert (large.started, small.started) == (2.5, 6.5)


def test_statistics_by_hand() -> None:
    machine = Machine(max_sequences=1)
    machine.clock.run(until=10)
    machine.submit(size(200, 10))
    machine.submit(size(100, 10, "b"))
    machine.clock.run()
    machine.clock.run(until=100)
    figures = machine.engine.statistics()
    assert (figures.seconds, figures.busy_seconds) == (5, 5)
    assert (figures.mean_running, figures.mean_waiting) == (1, 3 / 5)
    assert (figures.peak_running, figures.peak_waiting) == (1, 1)
    assert (figures.requests, figures.prompt_tokens, figures.generation_tokens) == (2, 300, 20)
    assert (figures.running, figures.waiting, figures.kv_usage) == (0, 0, 0)


def test_the_mean_counts_idle_time_between_requests() -> None:
    machine = Machine()
    machine.submit(size(100, 10))
    machine.clock.run(until=6)
    machine.submit(size(100, 10, "b"))
    machine.clock.run()
    figures = machine.engine.statistics()
    assert (figures.seconds, figures.busy_seconds, figures.mean_running) == (8, 4, 0.5)


def test_a_window_may_begin_in_the_middle() -> None:
    machine = Machine()
    machine.submit(size(200, 10))
    machine.submit(size(300, 30, "b"))
    machine.clock.run(until=2)
    machine.engine.reset_statistics()
    machine.clock.run(until=4)
    figures = machine.engine.statistics()
    assert (figures.seconds, figures.mean_running, figures.peak_running) == (2, 1.5, 2)
    assert (figures.requests, figures.prompt_tokens, figures.generation_tokens) == (1, 0, 10)
    assert machine.engine.totals.prompt_tokens == 500, "the totals are not reset"


def test_an_idle_engine_has_no_mean() -> None:
    figures = Machine().engine.statistics()
    assert (figures.seconds, figures.mean_running) == (0, 0)


def test_an_aborted_request_gives_back_its_place() -> None:
    machine = Machine(max_sequences=1)
    first, second = machine.submit(size(100, 10)), machine.submit(size(100, 10, "b"))
    third = machine.submit(size(100, 10, "c"))
    machine.clock.run(until=1.5)
    machine.engine.abort(second)
    machine.engine.abort(first)
    machine.engine.abort(first)
    machine.clock.run()
    assert machine.ended == [third]
    assert (third.started, third.ends) == (1.5, 3.5)
    assert machine.engine.statistics().aborted == 2


def test_an_aborted_answer_is_not_in_the_cache_but_its_prompt_is() -> None:
    machine = Machine()
    machine.engine.abort(machine.submit(size(160, 160)))
    again = machine.submit(size(320, 10))
    assert again.cached_tokens == 160
    assert machine.engine.cache.used == again.size.blocks


def test_a_restart_drops_everything() -> None:
    machine = Machine(max_sequences=1)
    machine.submit(size(160, 10))
    machine.submit(size(160, 10))
    machine.engine.restart()
    machine.clock.run()
    assert machine.ended == []
    assert machine.engine.cache.resident == 0
    assert machine.submit(size(160, 10)).cached_tokens == 0


async def test_the_loop_clock_runs_as_fast_as_it_is_told() -> None:
    engine = SimulatedEngine(Profile(decode_rate=1, time_scale=1000), LoopClock(1000))
    sequence = await engine.run(RequestSize.of("a", "b" * 80))
    assert sequence.ends - sequence.prefilled == pytest.approx(20)
    figures = engine.statistics()
    assert (figures.requests, figures.running) == (1, 0)
    assert figures.seconds >= 20


def test_the_longest_request_must_fit() -> None:
    with pytest.raises(ValidationError, match=r"kv_tokens \(100\) must be at least max_model_len"):
        Profile(kv_tokens=100, max_model_len=101)


# --- the prefix cache ----------------------------------------------------------------------------


def test_the_same_prompt_is_read_once_but_for_its_last_block() -> None:
    machine = Machine()
    first, second = machine.submit(size(160, 10)), machine.submit(size(160, 10))
    assert (first.cached_tokens, second.cached_tokens) == (0, 144)
    machine.clock.run()
    assert second.prefilled == pytest.approx(1.6 + 0.16)
    figures = machine.engine.statistics()
    assert (figures.prefix_cache_queries, figures.prefix_cache_hits) == (320, 144)


def test_running_sequences_share_what_is_the_same() -> None:
    machine = Machine()
    machine.submit(size(160, 16))
    machine.submit(size(160, 16))
    assert machine.engine.cache.used == 10 + 1 + 1


def test_a_conversation_that_grows_finds_all_that_went_before() -> None:
    machine = Machine()
    text, known = "You are a robot. " * 30, 0
    for turn in range(5):
        answer = f"In turn {turn} I go on, and look at what there is. " * 5
        sequence = machine.submit(RequestSize.of(text, answer))
        machine.clock.run()
        assert sequence.cached_tokens == known
        known = len(text + answer) // BLOCK * BLOCK_TOKENS
        text += answer + f" Observation {turn}. " * 20


def test_the_least_recently_used_goes_first_and_of_it_the_end() -> None:
    cache = KVCache(10 * BLOCK_TOKENS)
    old, new = size(64, 1, "a"), size(64, 1, "b")
    for each in (old, new):
        cache.take(each)
        cache.release(each, finished=True)
    assert cache.resident == 8
    other = size(63, 1, "c")
    cache.take(other)
    cache.release(other, finished=True)
    assert cache.take(size(48, 16, "a")) == 32


works = st.builds(
    lambda family, prompt, answer: RequestSize.of(family * prompt, "z" * answer),
    st.sampled_from("abc"),
    st.integers(1, 1500),
    st.integers(0, 500),
)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(works, st.sampled_from([0.0, 0.3, 5.0]), st.booleans()), max_size=30),
    st.integers(1, 5),
    st.integers(500, 1500),
)
def test_whatever_comes_the_engine_keeps_its_limits(
    arrivals: list[tuple[RequestSize, float, bool]], most: int, kv_tokens: int
) -> None:
    machine = Machine(max_sequences=most, kv_tokens=kv_tokens, max_model_len=500)
    engine, cache = machine.engine, machine.engine.cache
    sequences, aborted = [], set()

    def check() -> None:
        assert engine.running <= most
        assert cache.used <= cache.resident <= cache.capacity

    for asked, wait, abort in arrivals:
        sequence = machine.submit(asked)
        sequences.append(sequence)
        check()
        machine.clock.run(until=machine.clock.time + wait)
        check()
        if abort and sequence not in machine.ended:
            engine.abort(sequence)
            aborted.add(sequence)
    while machine.clock.step():
        check()
    figures = engine.statistics()
    assert (engine.running, engine.waiting, cache.used) == (0, 0, 0)
    assert len(machine.ended) == figures.requests == len(arrivals) - len(aborted)
    assert figures.aborted == len(aborted)
    assert figures.generation_tokens == sum(t.size.answer_tokens for t in machine.ended)
    assert figures.prompt_tokens >= sum(t.size.prompt_tokens for t in machine.ended)
    assert figures.prefix_cache_hits <= figures.prefix_cache_queries == figures.prompt_tokens
    assert figures.mean_running <= most * (1 + 1e-9), "but for rounding"
    starts = [sequence.started for sequence in sequences if sequence not in aborted]
    assert starts == sorted(starts)
