"""The printed report."""

import io
import sys
from typing import Any

import pytest
from rich.console import Console

from embodied.report import Report, aggregate, print_json, print_report
from embodied.store import Summary
from embodied.trajectory import Outcome
from tests.report.runs import make_summary

KINDS = [
    "look_at_obj_in_light",
    "pick_and_place_simple",
    "pick_clean_then_place_in_recep",
    "pick_two_obj_and_place",
]


def summary(number: int, outcome: Outcome, **fields: Any) -> Summary:
    """A summary with figures by number."""
    figures = {
        "episode_id": f"t{number}#0",
        "task_id": f"t{number}",
        "kind": KINDS[number % 4],
        "outcome": outcome,
        "turns": number % 20,
        "calls": number % 45,
        "steps": number % 50,
        "prompt_tokens": 12_000 + number,
        "completion_tokens": 1_200,
    }
    return make_summary(**figures | fields)


@pytest.fixture
def report() -> Report:
    """A report with a bit of everything."""
    summaries = [
        summary(number, Outcome.TRUNCATED if number % 3 else Outcome.SUCCESS, limit="turns")
        for number in range(2000)
    ]
    gone = "the server at http://127.0.0.1:8000 does not answer: connection refused"
    for number in range(23):
        letter = chr(ord("a") + number)
        error = gone if number < 12 else f"[red]cause {letter}[/red] \x1b[31m" + "long " * 30
        outcome = Outcome.INFRASTRUCTURE_ERROR
        summaries.append(summary(number, outcome, error=error, retries=[gone, gone]))
    return aggregate(summaries)


def printed(report: Report) -> str:
    """What goes to a file."""
    file = io.StringIO()
    print_report(report, Console(file=file, width=100))
    return file.getvalue()


def test_one_row_a_kind_and_a_total(report: Report) -> None:
    lines = printed(report).splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines if line[:1].isalpha()}
    assert [
        line.split()[0] for line in lines if line.split()[:1] and line.split()[0] in KINDS
    ] == KINDS
    assert rows["total"][:5] == ["2,000", "33.4", "%", "31.3", "to"]
    assert rows["total"][5:] == ["35.4", "9.5", "21.9", "24.5", "14,200"]


def test_causes_are_counted_below(report: Report) -> None:
    text = printed(report)
    assert "Infrastructure errors, not scored: 23\n  12  the server at http" in text
    assert "Retries: 46\n" in text
    assert "Truncated, by limit: 1,333\n  1,333  turns\n" in text
    assert "and 2 more causes" in text
    assert "Damaged" not in text
    assert "Damaged lines, in no figure: 3." in printed(
        report.model_copy(update={"damaged_lines": 3})
    )


def test_a_cause_is_told_to_its_end() -> None:
    reason = "The parameter is refused, " + "which takes many words to say, " * 12 + "at last."
    failed = summary(1, Outcome.INFRASTRUCTURE_ERROR, error=reason)
    lines = printed(aggregate([failed])).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  1  The par"))
    told = [lines[first][5:]]
    for line in lines[first + 1 :]:
        if not line.startswith("     "):
            break
        told.append(line[5:])
    assert " ".join(told) == reason
    assert max(map(len, lines)) <= 100


def test_cut_and_empty_messages_are_told_where_there_are_some(report: Report) -> None:
    assert "Messages cut" not in printed(report)
    cut = summary(1, Outcome.FAILURE, cut_messages=3, empty_messages=2, format_errors=2)
    text = printed(aggregate([cut]))
    assert "Messages cut: 3. Empty messages: 2. Cut ones reached llm.max_tokens: raise it." in text
    silent = printed(aggregate([summary(1, Outcome.FAILURE, empty_messages=1)]))
    assert "Messages cut: 0. Empty messages: 1.\n" in silent


def test_feedback_and_mistakes_are_told_where_there_are_some(report: Report) -> None:
    assert "Feedback" not in printed(report)
    assert "Format errors" not in printed(report)
    some = {"feedback_prompt_tokens": 4000, "feedback_completion_tokens": 100, "failed_calls": 3}
    text = printed(aggregate([summary(1, Outcome.SUCCESS, **some), summary(2, Outcome.SUCCESS)]))
    assert "Feedback tokens per episode: 2,050 (prompt 2,000, completion 50).\n" in text
    assert "Format errors: 0. Failed calls: 3.\n" in text


def test_the_simulators_own_figures_are_told(report: Report) -> None:
    assert "figures, mean per episode (95 % CI):\n  reward: 0.000\n" in printed(report)
    some = [
        summary(n, Outcome.FAILURE, reward=10.0 * n, metrics={"[red]a\x1b": 0.5} if n else {})
        for n in range(3)
    ]
    text = printed(aggregate(some))
    assert "  reward: 10.0 (-14.8 to 34.8)\n" in text
    assert "  metric [red]a\N{REPLACEMENT CHARACTER}: 0.500, in 2 episodes\n" in text


def test_pass_rates_are_told_where_tasks_have_several_samples(report: Report) -> None:
    assert "pass@k" not in printed(report)
    outcomes = (Outcome.SUCCESS, Outcome.FAILURE)
    text = printed(aggregate(summary(n // 2, outcomes[n % 2], sample=n % 2) for n in range(8)))
    assert "Samples of 4 tasks; intervals count tasks, not samples:" in text
    rows = [line.split() for line in text.splitlines() if line[:1] in ("1", "2")]
    assert [row[:4] for row in rows] == [["1", "4", "50.0", "%"], ["2", "4", "100.0", "%"]]
    assert [row[7:9] for row in rows] == [["50.0", "%"], ["0.0", "%"]]


def test_warnings_are_told(report: Report) -> None:
    assert "Warning" not in printed(report)
    text = printed(report.model_copy(update={"warnings": ["[b]this[/b] is so"]}))
    assert "Warning: [b]this[/b] is so.\n" in text


def test_the_server_is_told_of_where_it_had_part(report: Report) -> None:
    assert "prefix cache" not in printed(report)
    assert "sent again" not in printed(report)
    some: dict[str, Any] = {"cached_tokens": 6000, "prompt_tokens": 12_000}
    some |= {"llm_retries": {"HTTP 503": 3}, "served_models": {"tiny-2": 4}}
    gone = summary(2, Outcome.INFRASTRUCTURE_ERROR, llm_retries={"HTTP 503": 1, "reset": 1})
    text = printed(aggregate([summary(1, Outcome.SUCCESS, **some), gone]))
    assert "Prompt tokens from the prefix cache: 50.0 %.\n" in text
    assert "Messages under another model's name: 4\n  4  tiny-2\n" in text
    assert "Requests to models that were sent again: 5\n  4  HTTP 503\n  1  reset\n" in text


def test_it_fits_and_is_plain(report: Report) -> None:
    text = printed(report)
    assert max(map(len, text.splitlines())) <= 100
    assert "[red]cause" in text
    assert "\x1b" not in text


def test_it_goes_to_standard_output_in_its_width(
    report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(report)
    assert capsys.readouterr().out == printed(report)


def test_a_run_without_episodes_prints() -> None:
    assert "No episode is scored yet." in printed(aggregate([]))


@pytest.mark.parametrize("closed", [True, False])
def test_a_process_without_standard_output_prints_nothing(
    report: Report, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream if closed else None)
    print_report(report)
    print_json(report)


def test_calls_that_a_server_left_unread_are_named_with_what_to_do() -> None:
    report = aggregate([summary(1, Outcome.FAILURE, unread_calls=3)])
    said = printed(report)
    assert "Messages with unread function calls: 3." in said
    assert "--tool-call-parser" in said
    assert report.unread_calls_hint is not None
    assert "--tool-call-parser" in report.unread_calls_hint


def test_runs_without_such_calls_are_told_nothing_of_them() -> None:
    report = aggregate([summary(1, Outcome.FAILURE)])
    assert "unread" not in printed(report)
    assert report.unread_calls_hint is None
