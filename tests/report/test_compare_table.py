"""The printed comparison."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from embodied.report import aggregate_run, compare_runs, print_comparison
from embodied.store import RunReader
from embodied.trajectory import Outcome, Trajectory, Usage
from tests.report.runs import episode, write_run


def printed(folders: list[Path], width: int = 100) -> str:
    file = io.StringIO()
    print_comparison(compare_runs(folders), Console(file=file, width=width))
    return file.getvalue()


def rows(text: str) -> dict[str, list[str]]:
    """The lines of all tables by their first word; of several, the first."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if words:
            found.setdefault(words[0], words[1:])
    return found


def episodes(wins: int, number: int = 40) -> list[Trajectory]:
    """Episodes of which the first ones are won in three turns, the others lost in ten."""
    return [
        episode(task, turns=3) if task < wins else episode(task, Outcome.TRUNCATED, turns=10)
        for task in range(number)
    ]


def test_three_action_formats(tmp_path: Path) -> None:
    wins = {"code": 30, "json": 20, "text": 0}
    folders = [
        write_run(tmp_path / name, episodes(won), {"action": name}) for name, won in wins.items()
    ]
    text = printed(folders)
    assert "Settings that differ: protocol.action. All others are the same." in text
    assert "Warning" not in text
    assert "Only the episodes" not in text
    assert "feedback tokens" not in text
    found = rows(text)
    assert found["run"] == ["code", "json", "text"]
    assert found["protocol.action"] == ["code", "json", "text"]
    assert found["success"] == ["75.0", "%", "50.0", "%", "0.0", "%"]
    assert found["95"] == ["%", "CI", "59.8-85.8", "35.2-64.8", "0.0-8.8"]
    assert found["completion"] == ["48", "65", "100"]
    assert found["json"][:5] == ["40", "20", "10", "0", "10"]
    assert "-25.0 (-37.5 to -12.5)  +1.75" in text
    assert max(map(len, text.splitlines())) <= 100


def test_rewards_and_metrics_side_by_side(tmp_path: Path) -> None:
    def scored(task: int, sample: int, score: float, **metrics: float) -> Trajectory:
        played = episode(task, sample=sample)
        return played.model_copy(update={"reward": score, "metrics": {"score": score} | metrics})

    numbers = [(task, sample) for task in range(5) for sample in range(3)]
    one = write_run(tmp_path / "one", [scored(t, s, float(t)) for t, s in numbers])
    other = write_run(tmp_path / "other", [scored(t, s, 3.0 * t, rare=1.0) for t, s in numbers])
    text = printed([one, other])
    found = rows(text)
    assert found["reward"] == ["2.000", "6.000"]
    assert re.search(r"metric rare +- +1\.000\n", text)
    for name in ("reward", "metric score"):
        assert re.search(rf"other +{name} +\+4\.000 \(\+1\.600 to \+6\.400\)\n", text)
    assert "metric rare" not in text.partition("difference (95 % CI)")[2]
    assert found["pass@3"] == ["100.0", "%", "100.0", "%"]
    assert found["pass^3"] == ["100.0", "%", "100.0", "%"]


def test_samples_at_temperature_zero_are_warned_of(tmp_path: Path) -> None:
    def run(name: str, temperature: object, samples: object) -> Path:
        policy = {"name": "llm", "temperature": temperature}
        return write_run(tmp_path / name, [episode(1)], policy=policy, tasks={"samples": samples})

    cold, warm = run("cold", 0.0, 4), run("warm", 0.7, 4)
    warning = "the 4 samples of a task are drawn at temperature 0, where"
    assert f"Warning: in cold {warning}" in printed([cold, warm])
    assert aggregate_run(RunReader(cold)).warnings[0].startswith(warning)
    others = [("one", 0.0, 1), ("unset", None, 4), ("odd", "0", 4), ("odder", 0.0, "4")]
    for folder in (warm, *(run(*settings) for settings in others)):
        assert aggregate_run(RunReader(folder)).warnings == []


def test_a_run_whose_protocol_is_damaged_is_reported_on(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [episode(1)])
    (folder / "protocol.yaml").write_text("environment: [")
    report = aggregate_run(RunReader(folder))
    assert report.episodes == 1
    assert "protocol.yaml is not YAML" in report.warnings[0]


def test_warnings(tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", episodes(2, 4), {"limits": {"steps": None}}, seed=1)
    other = write_run(tmp_path / "other", episodes(2, 3), {"limits": {"steps": 30}}, seed=1)
    text = printed([one, other], width=200)
    assert "Warning: the runs are not comparable in protocol.limits.steps: null | 30\n" in text
    assert "Warning: the runs hold different episodes: 4 in one, 3 in other; 3 in all" in text
    assert "Only the episodes that all runs hold:\n" in text
    assert text.count("protocol.limits.steps") == 3


def test_runs_without_shared_episodes(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / str(task), [episode(task)]) for task in (1, 2)]
    text = printed(folders)
    assert "0 in all of them" in text
    assert "Only the episodes" not in text


def test_what_only_some_runs_have_is_shown_only_then(tmp_path: Path) -> None:
    commented = episode(1)
    commented.turns[0].feedback_usage = Usage(prompt_tokens=1234)
    lost = episode(2, Outcome.INFRASTRUCTURE_ERROR)
    one = write_run(tmp_path / "one", [episode(1)])
    other = write_run(tmp_path / "other", [commented, lost])
    with (one / "episodes" / "00000.jsonl").open("a") as file:
        file.write("{}\n")
    text = printed([one, other])
    assert rows(text)["feedback"] == ["tokens", "0", "1,234"]
    assert rows(text)["infrastructure"] == ["errors", "0", "1"]
    assert "Damaged lines of one, in no figure: 1." in text


@pytest.mark.parametrize("number", [2, 6])
def test_long_names_and_values_fit(tmp_path: Path, number: int) -> None:
    def policy(run: int) -> dict[str, Any]:
        return {"name": "llm", "[red]prompt[/red]": f"\x1b[31m{'long ' * 100}{run}", "run": run}

    folders = [
        write_run(
            tmp_path / ("a-name-that-says-all-" * 5 + str(run)),
            [episode(1)],
            {"action_limits": {"output_characters": 1000 + run}},
            policy=policy(run),
        )
        for run in range(number)
    ]
    text = printed(folders)
    assert max(map(len, text.splitlines())) <= 100
    assert "\x1b" not in text
    assert "[red]prompt[/red]" in text
    assert rows(text)["policy.run"] == [str(run) for run in range(number)]
    values = next(line for line in text.split("Warning: ") if "prompt[/red]:" in line)
    assert values.count("sha256") == number
    assert len(set("".join(values.split()).split(":", 1)[1].split("|"))) == number
