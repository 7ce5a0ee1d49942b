"""Figures of runs, computed by hand."""

import json
from typing import Any

import pytest

from embodied.report import aggregate
from embodied.report.intervals import wilson_interval
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


def test_figures_by_hand() -> None:
    report = aggregate(
        summary.model_copy(update={"task_id": f"t{number}"})
        for number, summary in enumerate(
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
        "tasks",
        "successes",
        "success_rate",
        "interval",
        "pass_at_k",
        "pass_hat_k",
        "reward",
        "metrics",
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
        "warnings",
        "damaged_lines",
    }
    assert report["turns"] == {"total": 4, "mean": 4.0, "mean_of_successes": 4.0}
    assert report["calls"] == {"total": 10, "mean": 10.0, "mean_of_successes": 10.0}
    assert len(report["interval"]) == 2


def samples(*successes: int, of: int, **fields: Any) -> list[Summary]:
    """The episodes of tasks with so many successes, each of `of` samples."""
    return [
        summary(
            Outcome.SUCCESS if sample < won else Outcome.FAILURE,
            task_id=f"t{task}",
            sample=sample,
            **fields,
        )
        for task, won in enumerate(successes)
        for sample in range(of)
    ]


def test_identical_samples_say_no_more_than_one() -> None:
    once = aggregate(samples(1, 0, 0, 0, of=1))
    again = aggregate(samples(4, 0, 0, 0, of=4))
    assert (again.episodes, again.tasks, again.success_rate) == (16, 4, 0.25)
    assert again.interval == pytest.approx((0.046, 0.699), abs=0.0005)
    assert again.interval == pytest.approx(once.interval)
    assert again.by_kind["pick"].interval == again.interval


def test_pass_rates_by_hand() -> None:
    report = aggregate(samples(4, 2, 0, of=4))
    assert [each.k for each in report.pass_at_k] == [1, 2, 3, 4]
    # Of the 6 pairs of two successes and two failures, one has no success, and one has two.
    at_least_one = [0.5, (1 + 5 / 6) / 3, 2 / 3, 2 / 3]
    all_of_them = [0.5, (1 + 1 / 6) / 3, 1 / 3, 1 / 3]
    assert [each.rate for each in report.pass_at_k] == pytest.approx(at_least_one)
    assert [each.rate for each in report.pass_hat_k] == pytest.approx(all_of_them)
    for first in (report.pass_at_k[0], report.pass_hat_k[0]):
        assert (first.rate, first.interval) == (report.success_rate, report.interval)


def test_pass_rates_leave_out_tasks_with_too_few_samples() -> None:
    report = aggregate([*samples(3, of=3), *samples(9, 0, of=1)[1:]])
    assert [(each.k, each.tasks) for each in report.pass_at_k] == [(1, 2), (2, 1), (3, 1)]
    assert [each.rate for each in report.pass_at_k] == [0.5, 1.0, 1.0]
    assert report.success_rate == 0.75
    assert report.pass_at_k[2].interval == pytest.approx(wilson_interval(1, 1))
    assert aggregate([]).pass_at_k == []


def test_rewards_and_metrics_have_means_by_task() -> None:
    def played(task: int, sample: int, reward: float, **metrics: float) -> Summary:
        names = {"task_id": f"t{task}", "sample": sample}
        return summary(Outcome.FAILURE, reward=reward, metrics=metrics, **names)

    once = aggregate([played(task, 0, float(task), score=10.0 * task) for task in (1, 2, 3)])
    # Student's t for 2 degrees of freedom is 4.303; the standard error is 1 / sqrt(3).
    assert (once.reward.episodes, once.reward.mean) == (3, 2.0)
    assert once.reward.interval == pytest.approx((2 - 2.484, 2 + 2.484), abs=0.001)
    assert once.metrics["score"].interval == pytest.approx((-4.84, 44.84), abs=0.01)
    again = aggregate([played(t, s, float(t), rare=1.0) for t in (1, 2, 3) for s in range(5)])
    assert again.reward.interval == pytest.approx(once.reward.interval)
    mixed = aggregate([played(1, 0, 1.0, rare=2.0), played(2, 0, 1.0)])
    assert (mixed.metrics["rare"].episodes, mixed.metrics["rare"].mean) == (1, 2.0)
    assert (mixed.metrics["rare"].interval, mixed.reward.interval) == (None, None)


def test_an_infrastructure_error_has_no_reward() -> None:
    lost = summary(Outcome.INFRASTRUCTURE_ERROR, reward=9.0, metrics={"score": 9.0})
    report = aggregate([lost])
    assert (report.reward.episodes, report.reward.mean, report.metrics) == (0, None, {})


@pytest.mark.parametrize("size", [1e100, 1e200, 1.7e308])
def test_numbers_of_any_size_are_reported_on(size: float) -> None:
    numbers = (size, size, -size, size, 0.0)
    report = aggregate(
        summary(Outcome.FAILURE, task_id=f"t{task}", reward=number, metrics={"x": -number})
        for task, number in enumerate(numbers)
    )
    assert "NaN" not in report.model_dump_json()
    assert report.reward.episodes == 5
    if size == 1e100:
        assert report.reward.mean == pytest.approx(4e99)
        assert report.metrics["x"].interval is not None
    else:
        assert report.metrics["x"].interval is None
