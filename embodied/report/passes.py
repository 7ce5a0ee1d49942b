"""pass@k and pass^k: how sure one of k samples of a task is a success, and how sure all are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from embodied.report.intervals import rate_interval
from embodied.trajectory import Record


class PassRate(Record):
    """A rate over tasks, for one number of samples."""

    k: int
    """Samples of a task that are drawn."""
    tasks: int
    """Tasks with at least as many scored samples; the others are left out."""
    rate: float
    """Mean over these tasks, from 0 to 1."""
    interval: tuple[float, float] | None
    """At `intervals.CONFIDENCE`, by tasks (`rate_interval`)."""


def pass_at_k(by_task: Sequence[tuple[float, int]]) -> list[PassRate]:
    """Estimate pass@k for each k up to the samples: at least one of k samples is a success.

    Source: M. Chen et al., Evaluating Large Language Models Trained on Code (arXiv 2107.03374,
    2021), whose estimator has no bias.

    Args:
        by_task: the successes of each task, and its samples.
    """
    return _pass_rates(by_task, lambda c, n, k: 1 - math.comb(n - c, k) / math.comb(n, k))


def pass_hat_k(by_task: Sequence[tuple[float, int]]) -> list[PassRate]:
    """Estimate pass^k for each k up to the samples: all of k samples are successes.

    Source: S. Yao et al., tau-bench (arXiv 2406.12045, 2024).

    Args:
        by_task: the successes of each task, and its samples.
    """
    return _pass_rates(by_task, lambda c, n, k: math.comb(c, k) / math.comb(n, k))


def _pass_rates(
    by_task: Sequence[tuple[float, int]], probability: Callable[[int, int, int], float]
) -> list[PassRate]:
    """Take the mean over tasks of a probability, which depends on successes, samples and k."""
    counts = Counter((int(successes), samples) for successes, samples in by_task)
    most = max((samples for _, samples in counts), default=0)
    return [_pass_rate(k, counts, probability) for k in range(1, most + 1)]


def _pass_rate(
    k: int, counts: Counter[tuple[int, int]], probability: Callable[[int, int, int], float]
) -> PassRate:
    enough = [(c, n) for c, n in counts.elements() if n >= k]
    # Each task counts alike; together they count as the episodes that they are.
    weight = sum(n for _, n in enough) / len(enough)
    known = {(c, n): probability(c, n, k) for c, n in set(enough)}
    shares = [(weight * known[each], weight) for each in enough]
    rate = math.fsum(known[each] for each in enough) / len(enough)
    return PassRate(k=k, tasks=len(enough), rate=rate, interval=rate_interval(shares))
