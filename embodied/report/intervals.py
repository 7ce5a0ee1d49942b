"""How sure a rate or a mean over episodes is, where the episodes of a task may be alike.

Samples of a task are no independent evidence about other tasks: in the extreme they are identical,
and four of them say no more than one. Whole tasks are therefore what an interval counts, as the
clustered standard errors of E. Miller, Adding Error Bars to Evals (arXiv 2411.00640, 2024) do.
With one sample of each task the intervals are the common ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import TypeAlias

CONFIDENCE = 0.95
"""Confidence level of all intervals."""

Interval: TypeAlias = tuple[float, float]

_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class TaskSums:
    """The sums of a figure over the episodes of each task."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}

    def add(self, task_id: str, value: float) -> None:
        """Count an episode."""
        total, count = self._sums.get(task_id, (0, 0))
        self._sums[task_id] = total + value, count + 1

    @property
    def by_task(self) -> Sequence[tuple[float, int]]:
        """The figure's sum over the episodes of each task, and how many they are."""
        return list(self._sums.values())

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return sum(count for _, count in self._sums.values())

    @property
    def mean(self) -> float | None:
        """Mean per episode; None of no episode, or of numbers too large to add up."""
        if not self._sums:
            return None
        mean = sum(total for total, _ in self._sums.values()) / self.episodes
        return mean if math.isfinite(mean) else None


def wilson_interval(successes: float, episodes: float) -> Interval | None:
    """Compute the Wilson score interval of a success rate at `CONFIDENCE`; None of no episode.

    Numbers of successes and episodes need not be whole.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference,
    Journal of the American Statistical Association 22 (1927).
    """
    if episodes == 0:
        return None
    rate, spread = successes / episodes, _Z**2 / episodes
    center = rate + spread / 2
    half = math.sqrt(spread * (rate * (1 - rate) + spread / 4))
    low, high = (center - half) / (1 + spread), (center + half) / (1 + spread)
    return (max(0.0, low) if rate > 0 else 0.0), (min(1.0, high) if rate < 1 else 1.0)


def rate_interval(by_task: Sequence[tuple[float, float]]) -> Interval | None:
    """Compute the interval of a rate; None of no episode.

    It is Wilson's for as many independent episodes as vary so much: the number of episodes over
    the design effect, which is the variance of the rate between tasks over that of independent
    episodes. It is never more than all episodes. Where it cannot be told, because all episodes
    came out the same or are of one task, each task counts as one episode.

    Sources: L. Kish, Survey Sampling (1965), for the design effect and for tasks of different
    size; for Wilson's interval of the effective number, N. Dean and M. Pagano, Evaluating
    Confidence Interval Methods for Binomial Proportions in Clustered Surveys, Journal of Survey
    Statistics and Methodology 3 (2015).

    Args:
        by_task: for each task the sum of shares from 0 to 1 over its episodes, and their number.
    """
    episodes = math.fsum(count for _, count in by_task)
    if episodes == 0:
        return None
    rate = math.fsum(total for total, _ in by_task) / episodes
    alone = rate * (1 - rate)
    if len(by_task) == 1 or alone <= 0:
        effective = episodes**2 / math.fsum(count**2 for _, count in by_task)
    else:
        effective = alone / max(_variance(by_task, rate), alone / episodes)
    return wilson_interval(rate * effective, effective)


def mean_interval(by_task: Sequence[tuple[float, float]]) -> Interval | None:
    """Compute the interval of a mean over episodes, by Student's t with clustered standard errors.

    None where the spread cannot tell it: there are fewer than two tasks, all have the same mean, or
    the numbers are too large to be squared.

    Args:
        by_task: for each task the sum of a figure over its episodes, and their number.
    """
    tasks = len(by_task)
    if len({total / count for total, count in by_task}) < 2:
        return None
    from scipy.stats import t

    mean = sum(total for total, _ in by_task) / sum(count for _, count in by_task)
    try:
        error = math.sqrt(_variance(by_task, mean) * tasks / (tasks - 1))
    except (OverflowError, ValueError):
        return None
    half = float(t.ppf((1 + CONFIDENCE) / 2, tasks - 1)) * error
    low, high = mean - half, mean + half
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _variance(by_task: Iterable[tuple[float, float]], mean: float) -> float:
    """Compute the variance of a mean over episodes as that of a ratio of two sums over tasks."""
    pairs = list(by_task)
    squares = math.fsum((total - mean * count) ** 2 for total, count in pairs)
    return float(squares / math.fsum(count for _, count in pairs) ** 2)
