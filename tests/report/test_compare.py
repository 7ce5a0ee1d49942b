"""Runs side by side: settings that differ, shared episodes, paired differences."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from embodied.errors import ConfigError, EmbodiedError, RunError
from embodied.protocol import Protocol, RunProtocol
from embodied.report import RunComparison, compare_runs
from embodied.report.compare import MUST_MATCH
from embodied.report.paired import compare_pairs, mean_difference
from embodied.store import Summary
from embodied.store.summary import summarize
from embodied.trajectory import Outcome
from tests.report.runs import episode, write_run

WON, LOST, CUT, GONE = (
    Outcome.SUCCESS,
    Outcome.FAILURE,
    Outcome.TRUNCATED,
    Outcome.INFRASTRUCTURE_ERROR,
)


def pair(task: int, one: int, other: int, sample: int = 0) -> tuple[Summary, Summary]:
    """An episode that took `one` turns in the first run and `other` in the second."""
    first, second = (
        summarize(episode(task, turns=turns, sample=sample), b"\n") for turns in (one, other)
    )
    return first, second


def difference(pairs: list[tuple[Summary, Summary]]) -> Any:
    return mean_difference(pairs, lambda summary: summary.turns)


class TestSettings:
    def compare(self, tmp_path: Path, *runs: dict[str, Any]) -> RunComparison:
        folders = [
            write_run(tmp_path / str(number), [episode(1)], **settings)
            for number, settings in enumerate(runs)
        ]
        return compare_runs(folders)

    def test_action_formats_are_comparable(self, tmp_path: Path) -> None:
        actions = ("code", "json", "text")
        comparison = self.compare(tmp_path, *({"protocol": {"action": a}} for a in actions))
        assert comparison.differing == ["protocol.action"]
        assert comparison.not_comparable == []
        assert [run.settings for run in comparison.runs] == [
            {"protocol.action": action} for action in actions
        ]

    def test_runs_may_differ_in_nothing(self, tmp_path: Path) -> None:
        comparison = self.compare(tmp_path, {}, {})
        assert comparison.differing == []
        assert [run.name for run in comparison.runs] == ["0", "1"]

    @pytest.mark.parametrize(
        ("setting", "settings"),
        [
            ("environment", {"environment": "f"}),
            ("environment_options.backend", {"environment_options": {"backend": "x"}}),
            ("data.sha256", {"data": {"sha256": "0f"}}),
            ("split", {"split": None}),
            ("tasks.limit", {"tasks": {"limit": None}}),
            ("policy.model", {"policy": {"name": "test", "model": "m"}}),
            ("seed", {"seed": 1}),
            ("protocol.conversation", {"protocol": {"conversation": "m3"}}),
            ("protocol.examples", {"protocol": {"examples": [[{"role": "user", "content": "?"}]]}}),
            ("protocol.limits.turns", {"protocol": {"limits": {"turns": 3}}}),
            ("protocol.action_limits.calls", {"protocol": {"action_limits": {"calls": 3}}}),
        ],
    )
    def test_what_makes_scores_incomparable(
        self, tmp_path: Path, setting: str, settings: dict[str, Any]
    ) -> None:
        comparison = self.compare(tmp_path, {}, {}, settings)
        assert comparison.differing == comparison.not_comparable == [setting]

    def test_new_settings_must_match_unless_they_are_what_is_compared(self) -> None:
        names = {f"protocol.{name}" for name in Protocol.model_fields}
        assert names - set(MUST_MATCH) == {"protocol.action", "protocol.interpreter"}
        assert set(RunProtocol.model_fields) - set(MUST_MATCH) == {"protocol"}

    def test_a_setting_that_one_run_lacks(self, tmp_path: Path) -> None:
        comparison = self.compare(tmp_path, {}, {"tasks": {"limit": None}})
        assert [run.settings for run in comparison.runs] == [{}, {"tasks.limit": None}]


class TestEpisodes:
    def test_the_same_episodes(self, tmp_path: Path) -> None:
        one = write_run(tmp_path / "one", [episode(1), episode(2, LOST, turns=5)])
        other = write_run(tmp_path / "other", [episode(2, turns=3), episode(1, CUT, turns=20)])
        comparison = compare_runs([one, other])
        assert (comparison.same_episodes, comparison.shared_episodes) == (True, 2)
        figures = comparison.runs[1].figures
        assert (figures.successes, figures.turns.mean) == (1, 11.5)
        assert figures.turns.mean_of_successes == 3.0
        assert figures.characters.mean == 11.5 * len("look()")
        assert comparison.runs[1].shared == figures

    def test_other_episodes_are_not_compared(self, tmp_path: Path) -> None:
        one = write_run(tmp_path / "one", [episode(1), episode(2), episode(3), episode(4)])
        other = write_run(
            tmp_path / "other",
            [episode(2, LOST), episode(3, GONE), episode(4, sample=1), episode(5, LOST)],
        )
        third = write_run(tmp_path / "third", [episode(1), episode(2), episode(3)])
        comparison = compare_runs([one, other, third])
        assert (comparison.same_episodes, comparison.shared_episodes) == (False, 1)
        assert [run.figures.episodes for run in comparison.runs] == [4, 3, 3]
        assert [run.shared.success_rate for run in comparison.runs] == [1.0, 0.0, 1.0]
        assert [pair.shared for pair in comparison.paired] == [1, 3]
        assert comparison.runs[1].figures.infrastructure_errors == 1

    def test_nothing_shared(self, tmp_path: Path) -> None:
        folders = [write_run(tmp_path / str(task), [episode(task)]) for task in (1, 2)]
        comparison = compare_runs(folders)
        assert comparison.shared_episodes == comparison.paired[0].shared == 0
        assert comparison.paired[0].success_rate_difference is None
        assert comparison.paired[0].turns_difference is None

    def test_the_json_is_one_object(self, tmp_path: Path) -> None:
        folders = [write_run(tmp_path / name, [episode(1), episode(2)]) for name in ("a", "b")]
        comparison = json.loads(compare_runs(folders).model_dump_json())
        assert set(comparison) == set(RunComparison.model_fields)
        (paired,) = comparison["paired"]
        assert (paired["first"], paired["run"], paired["both"]) == ("a", "b", 2)
        assert paired["turns_difference"] == {"value": 0.0, "interval": None}

    def test_damage_is_counted(self, tmp_path: Path) -> None:
        folders = [write_run(tmp_path / name, [episode(1), episode(2)]) for name in ("a", "b")]
        shard = folders[1] / "episodes" / "00000.jsonl"
        first, second = shard.read_bytes().splitlines(keepends=True)
        shard.write_bytes(first + second[1:])
        comparison = compare_runs(folders)
        assert [run.figures.damaged_lines for run in comparison.runs] == [0, 1]
        assert comparison.shared_episodes == 1


class TestPairs:
    def test_successes_by_hand(self) -> None:
        outcomes = [
            *((WON, WON), (WON, WON), (WON, LOST)),
            *((LOST, WON), (CUT, WON), (LOST, WON)),
            *((LOST, CUT), (CUT, CUT)),
        ]
        first, second = (
            {
                (f"t{task}", 0): summarize(episode(task, both[run]), b"\n")
                for task, both in enumerate(outcomes)
            }
            for run in (0, 1)
        )
        paired = compare_pairs("one", "other", first, second)
        assert (paired.both, paired.only_first, paired.only_run, paired.neither) == (2, 1, 3, 2)
        assert paired.shared == 8
        assert paired.success_rate_difference is not None
        assert paired.success_rate_difference.value == 2 / 8

    def test_the_interval_of_many_pairs_is_the_normal_one(self) -> None:
        differences = [task % 7 - 2 for task in range(700)]
        found = difference([pair(task, 3, 3 + d) for task, d in enumerate(differences)])
        assert found.value == 1.0
        # The variance of 0 to 6 is 4.
        half = 1.96 * math.sqrt(4 / 700)
        assert found.interval == pytest.approx((1 - half, 1 + half), abs=0.01)

    def test_samples_of_a_task_add_no_certainty(self) -> None:
        once = difference([pair(task, 5, task % 4) for task in range(40)])
        again = difference(
            [pair(task, 5, task % 4, sample) for task in range(40) for sample in range(9)]
        )
        assert again == once

    def test_tasks_count_by_their_samples(self) -> None:
        found = difference([pair(1, 1, 4, 0), pair(1, 1, 4, 1), pair(1, 1, 4, 2), pair(2, 2, 2)])
        assert found.value == 9 / 4
        assert found.interval == (0.0, 3.0)

    @pytest.mark.parametrize("size", [1e100, 1e308])
    def test_numbers_of_any_size_are_compared(self, size: float) -> None:
        pairs = [pair(task, 1, 1) for task in range(6)]
        for number, (one, other) in enumerate(pairs):
            one.reward, other.reward = -size * (number % 2), size
        found = mean_difference(pairs, lambda summary: summary.reward)
        assert (found is None) == (size == 1e308)
        assert found is None or found.interval is not None

    @pytest.mark.parametrize(
        "pairs",
        [[pair(1, 2, 4)], [pair(1, 2, 4), pair(1, 2, 9, 1)], [pair(1, 2, 4), pair(2, 7, 9)]],
    )
    def test_without_spread_there_is_no_interval(
        self, pairs: list[tuple[Summary, Summary]]
    ) -> None:
        assert difference(pairs).interval is None


class TestNames:
    def test_a_name_is_as_long_as_it_must_be(self, tmp_path: Path) -> None:
        places = ("x/run", "y/run", "y/other", "z/x/run")
        folders = [write_run(tmp_path / place, [episode(1)]) for place in places]
        names = [run.name for run in compare_runs(folders).runs]
        assert names == [f"{tmp_path.name}/x/run", "y/run", "other", "z/x/run"]


class TestMistakes:
    def refused(self, *folders: Path) -> EmbodiedError:
        with pytest.raises(EmbodiedError) as caught:
            compare_runs(folders)
        return caught.value

    def test_too_few(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", [episode(1)])
        error = self.refused(run)
        assert isinstance(error, ConfigError)
        assert str(error) == "a comparison needs at least two runs"
        assert "at least two" in str(self.refused())

    def test_twice_the_same(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", [episode(1)])
        (tmp_path / "link").symlink_to(run)
        for again in (run, tmp_path / "link", run / ".." / "run"):
            assert f"{run} is given twice" in str(self.refused(run, again))

    def test_no_run(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", [episode(1)])
        for other in (tmp_path, tmp_path / "missing", run / "config.yaml"):
            error = self.refused(run, other)
            assert isinstance(error, RunError)
            assert f"{other} is not a run" in str(error)

    def test_nothing_scored(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "run", [episode(1)])
        empty = write_run(tmp_path / "empty", [])
        gone = write_run(tmp_path / "gone", [episode(1, GONE)])
        torn = write_run(tmp_path / "torn", [episode(1)])
        (torn / "episodes" / "00000.jsonl").write_text("{}\n")
        assert f"{empty} has no scored episode to compare; play" in str(self.refused(run, empty))
        assert "to compare (1 infrastructure errors); play" in str(self.refused(run, gone))
        assert "to compare (1 damaged lines); play" in str(self.refused(run, torn))

    def test_a_damaged_protocol(self, tmp_path: Path) -> None:
        run, other = (write_run(tmp_path / name, [episode(1)]) for name in ("a", "b"))
        (other / "protocol.yaml").write_text("environment: [")
        assert f"{other / 'protocol.yaml'} is not YAML" in str(self.refused(run, other))
