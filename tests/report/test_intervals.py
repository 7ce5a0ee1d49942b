"""Intervals of the literature, and those of tasks with several samples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from embodied.report.intervals import TaskSums, mean_interval, rate_interval, wilson_interval


@pytest.mark.parametrize(
    ("successes", "episodes", "low", "high"),
    [
        # Brown, Cai and DasGupta, Interval Estimation for a Binomial Proportion (2001), and
        # Newcombe, Two-sided Confidence Intervals for the Single Proportion (1998), table I.
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_of_the_literature(
    successes: int, episodes: int, low: float, high: float
) -> None:
    interval = wilson_interval(successes, episodes)
    assert interval == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_rate(numbers: tuple[int, int]) -> None:
    successes, episodes = numbers
    low, high = wilson_interval(successes, episodes) or (1.0, 0.0)
    assert 0 <= low <= successes / episodes + 1e-12
    assert successes / episodes - 1e-12 <= high <= 1
    found = binomtest(successes, episodes).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((found.low, found.high))


ONE_EACH = st.lists(st.booleans(), min_size=2, max_size=60)


@given(ONE_EACH, st.integers(1, 9))
def test_copies_of_samples_change_nothing(won: list[bool], copies: int) -> None:
    by_task = [(float(each * copies), copies) for each in won]
    assert rate_interval(by_task) == pytest.approx(wilson_interval(sum(won), len(won)))


COUNTS = st.integers(1, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_samples_are_never_surer_than_as_many_tasks(by_task: list[tuple[int, int]]) -> None:
    successes, episodes = (sum(numbers) for numbers in zip(*by_task, strict=True))
    low, high = rate_interval(by_task) or (1.0, 0.0)
    apart_low, apart_high = wilson_interval(successes, episodes) or (0.0, 1.0)
    assert 0 <= low <= apart_low + 1e-9
    assert apart_high - 1e-9 <= high <= 1


@pytest.mark.parametrize(
    ("by_task", "successes", "episodes"),
    [
        ([(4, 4), (0, 4), (0, 4), (0, 4)], 1, 4),  # identical samples
        ([(2, 4)] * 4, 8, 16),  # tasks alike: samples count as episodes
        ([(0, 4)] * 4, 0, 4),  # all alike: nobody knows, so tasks count
        ([(4, 4)] * 4, 4, 4),
        ([(2, 4)], 0.5, 1),  # one task
        ([(4, 4), (2, 2)], 1.8, 1.8),  # of different size: (4 + 2)^2 / (4^2 + 2^2)
    ],
)
def test_the_number_that_an_interval_counts(
    by_task: list[tuple[float, int]], successes: float, episodes: float
) -> None:
    assert rate_interval(by_task) == pytest.approx(wilson_interval(successes, episodes))


def test_without_episodes_there_is_no_interval() -> None:
    assert rate_interval([]) is None
    assert mean_interval([]) is None
    assert TaskSums().mean is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.integers(1, 5))
def test_copies_change_no_interval_of_a_mean(values: list[float], copies: int) -> None:
    once = mean_interval([(value, 1) for value in values])
    again = mean_interval([(value * copies, copies) for value in values])
    assert (once is None) == (len(set(values)) == 1)
    if once is not None and again is not None:
        assert again == pytest.approx(once, rel=1e-6, abs=1e-6)


def test_the_interval_of_many_means_is_the_normal_one() -> None:
    # The variance of 0 to 6 is 4.
    low, high = mean_interval([(float(task % 7), 1) for task in range(7000)]) or (0.0, 0.0)
    half = 1.96 * math.sqrt(4 / 7000)
    assert (low, high) == pytest.approx((3 - half, 3 + half), abs=1e-3)
