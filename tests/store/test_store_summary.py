"""Summaries: what of a trajectory a report needs."""

from __future__ import annotations

import pytest

from embodied.store.summary import kind_of_failure, summarize
from embodied.trajectory import Outcome, Turn, Usage
from tests.report.runs import episode


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("HTTP 429: Rate limit reached.", "HTTP 429"),
        ("HTTP 500: 17 of 23 blocks", "HTTP 500"),
        ("connection refused", "connection refused"),
        ("no whole answer within 300 s", "no whole answer within 300 s"),
        (
            "peer closed connection without body (received 7 bytes)",
            "peer closed connection without",
        ),
        ("an answer that cannot be read (choices: Field required): 'x'", "an answer that cannot"),
        ("illegal status line: bytearray(b'SSH')", "illegal status line"),
        ("", "unknown"),
        (": what", "unknown"),
        ("(" * 1000, "unknown"),
        ("x" * 100_000, "x" * 100),
    ],
)
def test_equal_causes_get_equal_names(cause: str, kind: str) -> None:
    named = kind_of_failure(cause)
    assert named.startswith(kind)
    assert len(named) <= 200


def test_requests_that_were_sent_again_are_counted_by_cause() -> None:
    played = episode(1, Outcome.SUCCESS)
    usage = Usage(prompt_tokens=100, cached_tokens=64)
    played.turns = [
        Turn(message="", observation="", llm_retries=causes, usage=usage)
        for causes in (["HTTP 429: a", "HTTP 429: b"], [], ["connection refused"])
    ]
    summary = summarize(played, b"{}\n")
    assert summary.llm_retries == {"HTTP 429": 2, "connection refused": 1}
    assert summary.cached_tokens == 192


def test_rewards_and_the_simulators_figures_are_kept() -> None:
    played = episode(1).model_copy(update={"reward": 2.5, "metrics": {"score": 4.0}})
    summary = summarize(played, b"{}\n")
    assert (summary.reward, summary.metrics) == (2.5, {"score": 4.0})
