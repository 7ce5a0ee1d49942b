"""Two runs compared on the episodes that both hold, each with its like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from embodied.report.intervals import CONFIDENCE
from embodied.store.summary import Summary
from embodied.trajectory import Outcome, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

EpisodeKey = tuple[str, int]
"""What makes episodes of two runs alike: the task's id and the number of the sample."""

RESAMPLES = 9_999
"""Resamples of a bootstrap."""

_BATCH_VALUES = 2_000_000
"""Values that the bootstrap resamples at a time; bounds its memory."""

Pair = tuple[Summary, Summary]


class Difference(Record):
    """The mean of a figure in one run minus its mean in the first, over shared episodes."""

    value: float
    interval: tuple[float, float] | None
    """At the confidence level of the report. None where resampling cannot tell it: there are fewer
    than two tasks, or all differ by the same amount."""


class PairedFigures(Record):
    """A run against the first one, on the scored episodes that both hold."""

    first: str
    """Name of the first run."""
    run: str
    """Name of the run that is compared with it."""
    shared: int
    """Episodes that are scored in both runs. The next four numbers divide them up."""
    both: int
    """Successes in both runs."""
    only_first: int
    only_run: int
    neither: int
    success_rate_difference: Difference | None
    """Above 0 where the run succeeds more often; None where no episode is shared."""
    turns_difference: Difference | None
    """Above 0 where the run takes more turns; None where no episode is shared."""
    reward_difference: Difference | None
    """Above 0 where the run is rewarded more; None where no episode is shared."""
    metric_differences: dict[str, Difference]
    """The same of each number in `info["metrics"]`, over the shared episodes that have it in both
    runs, by its name, sorted."""


def compare_pairs(
    first_name: str,
    run_name: str,
    first: Mapping[EpisodeKey, Summary],
    run: Mapping[EpisodeKey, Summary],
) -> PairedFigures:
    """Compare a run with the first one; both are given by their scored episodes."""
    pairs = [(first[key], run[key]) for key in sorted(first.keys() & run.keys())]
    verdicts = [(_success(one), _success(other)) for one, other in pairs]
    return PairedFigures(
        first=first_name,
        run=run_name,
        shared=len(pairs),
        both=verdicts.count((True, True)),
        only_first=verdicts.count((True, False)),
        only_run=verdicts.count((False, True)),
        neither=verdicts.count((False, False)),
        success_rate_difference=mean_difference(pairs, _success),
        turns_difference=mean_difference(pairs, lambda summary: summary.turns),
        reward_difference=mean_difference(pairs, lambda summary: summary.reward),
        metric_differences=_metric_differences(pairs),
    )


def _metric_differences(pairs: Sequence[Pair]) -> dict[str, Difference]:
    names = {name for one, other in pairs for name in one.metrics.keys() & other.metrics.keys()}
    found = {name: _metric_difference(pairs, name) for name in sorted(names)}
    return {name: difference for name, difference in found.items() if difference is not None}


def _metric_difference(pairs: Sequence[Pair], name: str) -> Difference | None:
    having = [(one, other) for one, other in pairs if name in one.metrics and name in other.metrics]
    return mean_difference(having, lambda summary: summary.metrics[name])


def mean_difference(pairs: Iterable[Pair], figure: Callable[[Summary], float]) -> Difference | None:
    """Compute the mean difference of a figure within pairs, the second less the first.

    None of no pair, or of numbers too large to add up. Its interval is that of a paired percentile
    bootstrap with a fixed seed. Whole tasks are resampled, with all their samples, because the
    samples of a task are not independent.

    Sources: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13;
    for the resampling of groups, A. C. Davison and D. V. Hinkley, Bootstrap Methods and their
    Application (1997), section 3.8.
    """
    by_task: dict[str, list[float]] = {}
    for one, other in pairs:
        by_task.setdefault(one.task_id, []).append(figure(other) - figure(one))
    if not by_task:
        return None
    sums = [sum(differences) for differences in by_task.values()]
    counts = [len(differences) for differences in by_task.values()]
    value = sum(sums) / sum(counts)
    if not isfinite(value):
        return None
    return Difference(value=value, interval=_interval(sums, counts))


def _interval(sums: list[float], counts: list[int]) -> tuple[float, float] | None:
    """Compute the bootstrap interval of the ratio of two sums over tasks."""
    import numpy as np
    from scipy.stats import bootstrap

    means = {total / count for total, count in zip(sums, counts, strict=True)}
    if len(means) < 2:
        return None
    interval = bootstrap(
        (np.array(sums), np.array(counts)),
        _ratio,
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=CONFIDENCE,
        n_resamples=RESAMPLES,
        batch=max(1, _BATCH_VALUES // len(sums)),
        random_state=np.random.default_rng(0),
    ).confidence_interval
    low, high = float(interval.low), float(interval.high)
    return (low, high) if isfinite(low) and isfinite(high) else None


def _ratio(sums: NDArray[Any], counts: NDArray[Any], axis: int) -> Any:
    return sums.sum(axis=axis) / counts.sum(axis=axis)


def _success(summary: Summary) -> int:
    return int(summary.outcome is Outcome.SUCCESS)
