"""Several runs become one that holds each episode once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embodied.errors import ConfigError, EmbodiedError, RunError
from embodied.report import aggregate_run
from embodied.store import RunInvocation, RunReader, RunStore, StoredEpisode
from embodied.store.merge import merge_runs
from embodied.trajectory import Outcome, Trajectory
from tests.report.runs import episode, write_run

TASKS: dict[str, Any] = {"limit": None, "sample": None, "kinds": [], "ids": [], "samples": 1}
LOST = Outcome.INFRASTRUCTURE_ERROR


def run(folder: Path, *episodes: Trajectory, seed: int = 0, **tasks: Any) -> Path:
    return write_run(folder, episodes, tasks=TASKS | tasks, seed=seed)


def outcomes(folder: Path) -> dict[str, str]:
    return {each.episode_id: each.outcome.value for each in RunReader(folder).trajectories()}


def refused(folders: list[Path], out: Path) -> EmbodiedError:
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(EmbodiedError) as caught:
        merge_runs(folders, out)
    assert sorted(out.parent.rglob("*")) == before, "something was left behind"
    return caught.value


def test_runs_of_different_tasks(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1), episode(2, Outcome.FAILURE), ids=["t1", "t2"])
    other = run(tmp_path / "other", episode(3), episode(3, sample=1), ids=["t3"], samples=2)
    merged = merge_runs([one, other], tmp_path / "new" / "merged")
    assert outcomes(merged.folder) == {
        "t1#0": "success",
        "t2#0": "failure",
        "t3#0": "success",
        "t3#1": "success",
    }
    assert merged.protocol.tasks == TASKS | {"ids": ["t1", "t2", "t3"], "samples": 2}
    assert merged.protocol.model_copy(update={"tasks": {}}) == RunReader(one).protocol.model_copy(
        update={"tasks": {}}
    )
    assert merged.config["tasks"] == merged.protocol.tasks
    assert merged.config["out"] == str(tmp_path / "new" / "merged")
    assert aggregate_run(merged).success_rate == 0.75
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["merged"]


def test_the_same_choice_of_tasks_is_kept(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1), limit=20)
    other = run(tmp_path / "other", episode(2), limit=20)
    assert merge_runs([one, other], tmp_path / "m").protocol.tasks == TASKS | {"limit": 20}


def test_a_finished_episode_takes_the_place_of_an_infrastructure_error(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1, LOST), episode(2), episode(3, LOST))
    other = run(tmp_path / "other", episode(1), episode(2, LOST), episode(3, LOST))
    merge_runs([one, other], tmp_path / "merged")
    assert outcomes(tmp_path / "merged") == {
        "t1#0": "success",
        "t2#0": "success",
        "t3#0": "infrastructure_error",
    }
    assert len((tmp_path / "merged" / "index.jsonl").read_text().splitlines()) == 3


def test_the_same_episode_twice_counts_once(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1), episode(2))
    other = run(tmp_path / "other", episode(2), episode(3))
    assert aggregate_run(merge_runs([one, other], tmp_path / "merged")).episodes == 3


def test_two_finished_episodes_of_one_id_are_refused(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1), episode(2, turns=3))
    other = run(tmp_path / "other", episode(2, turns=4))
    error = refused([one, other], tmp_path / "merged")
    assert isinstance(error, RunError)
    assert f"episode 't2#0' is finished in {one} and in {other}" in str(error)


def test_runs_of_two_protocols_are_refused(tmp_path: Path) -> None:
    one, other = run(tmp_path / "one", episode(1)), run(tmp_path / "other", episode(2), seed=1)
    error = refused([one, other], tmp_path / "merged")
    assert f"{other} has another protocol than {one}" in str(error)
    assert "seed: 0 and now 1" in str(error)


def test_random_choices_of_tasks_are_put_together(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1), sample=1)
    other = run(tmp_path / "other", episode(2), sample=1, seed=1)
    merged = merge_runs([one, other], tmp_path / "merged")
    assert merged.protocol.tasks == TASKS | {"ids": ["t1", "t2"]}


def test_it_is_resumed_and_extended_as_any_run(tmp_path: Path) -> None:
    one = run(tmp_path / "one", episode(1, LOST), ids=["t1"])
    other = run(tmp_path / "other", episode(2), ids=["t2"])
    merged = merge_runs([one, other], tmp_path / "merged")
    protocol = merged.protocol.model_copy(update={"tasks": TASKS})
    planned = [f"t{number}#0" for number in range(5)]
    with RunStore.create(merged.folder, protocol, merged.config, episodes=planned) as store:
        assert store.finished() == {"t2#0"}
        store.append(StoredEpisode.of(episode(1)))
    assert aggregate_run(RunReader(merged.folder)).episodes == 2


def test_what_the_runs_measured_is_kept(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, episode(task)) for task, name in enumerate("ab")]
    measured = RunInvocation(
        started_at="",
        wall_seconds=2.5,
        episodes=1,
        turns=1,
        in_flight_seconds=2.0,
        workers=1,
        replaced_workers=0,
        worker_bytes=1,
    )
    for folder in folders:
        with RunStore.open(folder) as store:
            store.save(measured)
    throughput = aggregate_run(merge_runs(folders, tmp_path / "merged")).throughput
    assert (throughput.invocations, throughput.wall_seconds) == (2, 5.0)


def test_damage_is_told_and_left_to_be_played_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = run(tmp_path / "one", episode(1)), run(tmp_path / "other", episode(2))
    with (other / "episodes" / "00000.jsonl").open("a") as file:
        file.write("{}\n")
    merged = merge_runs([one, other], tmp_path / "merged")
    assert set(outcomes(merged.folder)) == {"t1#0", "t2#0"}
    assert f"{other / 'episodes' / '00000.jsonl'}, line 2" in caplog.text


def test_mistakes(tmp_path: Path) -> None:
    one, other = run(tmp_path / "one", episode(1)), run(tmp_path / "other", episode(2))
    assert isinstance(refused([one], tmp_path / "merged"), ConfigError)
    assert isinstance(refused([one, one / ".." / "one"], tmp_path / "merged"), ConfigError)
    assert f"{tmp_path} is not a run" in str(refused([one, tmp_path], tmp_path / "merged"))
    assert f"{other} is there already" in str(refused([one, other], other))
