"""Figures of runs, computed by hand and from the literature."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied.report import aggregate
from embodied.report.metrics import wilson_interval
from embodied.store import EpisodeSeconds, Summary
from embodied.trajectory import Outcome
from tests.report.runs import make_summary


def summary(outcome: Outcome, kind: str = "pick", **fields: Any) -> Summary:
    """A summary with chosen figures."""
    figures = {
        "turns": 4,
        "calls": 10,
        "steps": 8,
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "feedback_prompt_tokens": 50,
        "feedback_completion_tokens": 5,
        "characters": 300,
        "format_errors": 1,
        "failed_calls": 2,
        "seconds": EpisodeSeconds(
            total=3.0, policy=2.0, interpreter=0.5, environment=0.25, framework=0.125
        ),
    }
    return make_summary(**figures | {"outcome": outcome, "kind": kind} | fields)


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
    assert -1e-12 <= low <= successes / episodes + 1e-12
    assert successes / episodes - 1e-12 <= high <= 1 + 1e-12


def test_figures_by_hand() -> None:
    report = aggregate(
        [
            summary(Outcome.SUCCESS, steps=4),
            summary(Outcome.SUCCESS, "heat", steps=6, retries=["slow", "gone"]),
            summary(Outcome.FAILURE, steps=20),
            summary(Outcome.TRUNCATED, limit="turns", steps=50),
            summary(Outcome.TRUNCATED, limit="steps", steps=50),
            summary(Outcome.TRUNCATED, "heat", limit="turns", steps=50, turns=20),
            summary(Outcome.INFRASTRUCTURE_ERROR, error="gone", retries=["gone", "gone"]),
            summary(Outcome.INFRASTRUCTURE_ERROR, "cool", error=None),
        ]
    )
    assert (report.episodes, report.successes, report.infrastructure_errors) == (6, 2, 2)
    assert report.success_rate == pytest.approx(2 / 6)
    assert report.interval == wilson_interval(2, 6)
    assert report.outcomes == {"success": 2, "failure": 1, "truncated": 3}
    assert report.truncated == {"turns": 2, "steps": 1}
    assert report.turns.total == 40
    assert report.turns.mean == pytest.approx(40 / 6)
    assert (report.calls.total, report.calls.mean) == (60, 10.0)
    assert (report.steps.total, report.steps.mean) == (180, 30.0)
    assert (report.steps.mean_of_successes, report.turns.mean_of_successes) == (5.0, 4.0)
    assert (report.tokens.total, report.tokens.mean) == (6600, 1100.0)
    assert (report.tokens.prompt.total, report.tokens.completion.mean) == (6000, 100.0)
    assert (report.feedback_tokens.total, report.feedback_tokens.prompt.mean) == (330, 50.0)
    assert (report.characters.total, report.characters.mean) == (1800, 300.0)
    assert (report.format_errors.total, report.failed_calls.total) == (6, 12)
    assert (report.seconds.episode.total, report.seconds.policy.mean) == (18.0, 2.0)
    assert report.calls.mean_of_successes == 10.0
    assert report.seconds.framework.mean_of_successes == 0.125
    assert report.seconds.framework.mean == 0.125
    assert report.infrastructure_causes == {"gone": 1, "unknown": 1}
    assert report.retries == {"gone": 3, "slow": 1}
    assert list(report.by_kind) == ["cool", "heat", "pick"]
    assert (report.by_kind["heat"].episodes, report.by_kind["heat"].success_rate) == (2, 0.5)
    assert report.by_kind["cool"].infrastructure_errors == 1


def test_causes_that_differ_in_details_are_one() -> None:
    errors = [
        "http://127.0.0.1:8001/v1 was gone for 600 s: connection refused",
        "http://127.0.0.1:8002/v1 was gone for 600 s: connection refused",
        "http://127.0.0.1:8002/v1 was gone for 601 s: connection refused",
        "http://127.0.0.1:8002/v1 was gone for 601 s: connection refused",
        "refused: unknown argument 'top_k' (request req_01abC2)",
        "refused: unknown argument 'top_k' (request req_9f)",
        "refused: unknown argument 'top_p' (request req_9f)",
        "the game /data/pick-Mug-2/game.tw-pddl is cut",
        "the game /data/heat-Egg-7/game.tw-pddl is cut",
        "Env.reset() failed: KeyError('a') (in reset, /home/me/env.py:10)",
        "Env.reset() failed: KeyError('a') (in reset, /home/me/env.py:20)",
    ]
    lost = [summary(Outcome.INFRASTRUCTURE_ERROR, error=error) for error in errors]
    report = aggregate([*lost, summary(Outcome.SUCCESS, retries=errors[:4])])
    assert report.infrastructure_causes == {
        errors[2]: 4,
        errors[4]: 2,
        errors[7]: 2,
        errors[6]: 1,
        errors[9]: 1,
        errors[10]: 1,
    }
    assert list(report.infrastructure_causes.values()) == [4, 2, 2, 1, 1, 1]
    assert report.retries == {errors[2]: 4}


@pytest.mark.parametrize("summaries", [[], [summary(Outcome.INFRASTRUCTURE_ERROR, error="gone")]])
def test_without_scored_episodes_there_is_no_rate(summaries: list[Summary]) -> None:
    report = json.loads(aggregate(summaries).model_dump_json())
    assert report["episodes"] == 0
    assert report["success_rate"] is None
    assert report["interval"] is None
    assert report["steps"] == {"total": 0, "mean": None, "mean_of_successes": None}


def test_the_json_has_the_documented_keys() -> None:
    report = json.loads(aggregate([summary(Outcome.SUCCESS)]).model_dump_json())
    figures = {
        "episodes",
        "successes",
        "success_rate",
        "interval",
        "outcomes",
        "truncated",
        "infrastructure_errors",
        "turns",
        "calls",
        "failed_calls",
        "steps",
        "tokens",
        "feedback_tokens",
        "characters",
        "format_errors",
        "cut_messages",
        "empty_messages",
        "cached_messages",
        "seconds",
    }
    assert set(report["by_kind"]["pick"]) >= figures
    assert set(report) >= figures | {
        "by_kind",
        "infrastructure_causes",
        "retries",
        "llm_retries",
        "served_models",
        "throughput",
        "damaged_lines",
    }
    assert report["turns"] == {"total": 4, "mean": 4.0, "mean_of_successes": 4.0}
    assert report["calls"] == {"total": 10, "mean": 10.0, "mean_of_successes": 10.0}
    assert len(report["interval"]) == 2
