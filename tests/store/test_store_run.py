"""What a run folder keeps: protocol, configuration, each episode once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import embodied.store.writer
from embodied.errors import ConfigError, RunError, UnstorableError
from embodied.protocol import RunProtocol
from embodied.report import aggregate_run
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import CallRecord, Outcome, ToolCall, Trajectory, Usage

MakeTrajectory = Callable[..., Trajectory]


def test_what_is_written_reads_back(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    config = {"workers": 4, "nested": {"on": "yes", "empty": [], 3: None}}
    episodes = [make_trajectory(number, turns=number) for number in range(4)]
    with RunStore.create(tmp_path / "a" / "run", protocol, config) as store:
        assert [store.append(StoredEpisode.of(episode)) for episode in episodes] == [True] * 4
    run = RunReader(tmp_path / "a" / "run")
    assert run.protocol == protocol
    assert run.config == config
    assert list(run.trajectories()) == episodes
    assert run.trajectory("t2#0") == episodes[2]
    assert run.finished() == {episode.episode_id for episode in episodes}
    assert run.damaged == ()
    with pytest.raises(RunError, match="no episode 't9#0'"):
        run.trajectory("t9#0")


def test_a_summary_counts_its_trajectory(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    retries = ["\n  the server\tis gone \nTraceback", "x" * 3000]
    episode = make_trajectory(1, turns=3, text="look", sample=2, attempts=3, retries=retries)
    episode.turns[0].tool_calls = [ToolCall(id="1", name="put", arguments='{"a": 1}')]
    episode.turns[0].tool_results = ["done"]
    episode.turns[1].feedback_usage = Usage(prompt_tokens=7, completion_tokens=2)
    with RunStore.create(tmp_path, protocol, {}) as store:
        store.append(StoredEpisode.of(episode))
    (summary,) = RunReader(tmp_path).summaries()
    assert (summary.turns, summary.calls, summary.steps, summary.failed_calls) == (3, 6, 6, 3)
    assert (summary.task_id, summary.sample) == ("t1", 2)
    assert (summary.prompt_tokens, summary.completion_tokens) == (300, 30)
    assert (summary.feedback_prompt_tokens, summary.feedback_completion_tokens) == (7, 2)
    assert summary.characters == len("look" * 3 + "put" + '{"a": 1}')
    assert summary.seconds.model_dump() == {
        "total": 2.0,
        "policy": 3.0,
        "interpreter": 1.5,
        "environment": 0.75,
        "framework": 0.375,
    }
    assert summary.retries == ["the server is gone", "x" * 1999 + "…"]


def test_an_episode_is_stored_once(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:
        assert store.append(StoredEpisode.of(make_trajectory(1)))
        assert not store.append(StoredEpisode.of(make_trajectory(1, Outcome.FAILURE)))
        assert not store.append(StoredEpisode.of(make_trajectory(1, Outcome.INFRASTRUCTURE_ERROR)))
    with RunStore.open(tmp_path) as store:
        assert not store.append(StoredEpisode.of(make_trajectory(1)))
    assert [episode.outcome for episode in RunReader(tmp_path).trajectories()] == ["success"]


def test_an_infrastructure_error_can_be_run_again(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    lost = make_trajectory(1, Outcome.INFRASTRUCTURE_ERROR, error="the server is gone")
    with RunStore.create(tmp_path, protocol, {}) as store:
        assert store.append(StoredEpisode.of(lost))
        assert store.append(StoredEpisode.of(lost))
        assert store.append(StoredEpisode.of(make_trajectory(2)))
        assert store.finished() == {"t2#0"}
    run = RunReader(tmp_path)
    assert run.finished() == {"t2#0"}
    assert aggregate_run(run).infrastructure_errors == 1
    with RunStore.open(tmp_path) as store:
        assert store.finished() == {"t2#0"}
        assert store.append(StoredEpisode.of(make_trajectory(1, Outcome.FAILURE)))
        assert store.finished() == {"t1#0", "t2#0"}
    assert [episode.episode_id for episode in run.trajectories()] == ["t2#0", "t1#0"]
    assert run.trajectory("t1#0").outcome is Outcome.FAILURE
    assert aggregate_run(run).infrastructure_errors == 0


def test_of_foreign_duplicates_the_first_counts(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
    shard = tmp_path / "episodes" / "00000.jsonl"
    shard.write_bytes(shard.read_bytes() * 2)
    assert len(list(RunReader(tmp_path).summaries())) == 1
    assert len(list(RunReader(tmp_path).trajectories())) == 1


def test_shards_roll_over(
    tmp_path: Path,
    make_trajectory: MakeTrajectory,
    protocol: RunProtocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embodied.store.writer, "SHARD_BYTES", 2500)
    episodes = [make_trajectory(number, turns=number % 5) for number in range(12)]
    with RunStore.create(tmp_path, protocol, {}) as store:
        for episode in episodes[:7]:
            store.append(StoredEpisode.of(episode))
    with RunStore.open(tmp_path) as store:
        for episode in episodes[7:]:
            store.append(StoredEpisode.of(episode))
    shards = sorted((tmp_path / "episodes").iterdir())
    assert len(shards) > 3
    assert shards[0].stat().st_size <= 2500
    assert list(RunReader(tmp_path).trajectories()) == episodes
    (tmp_path / "index.jsonl").unlink()
    assert list(RunReader(tmp_path).trajectories()) == episodes


def test_values_beyond_json_are_stored(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    episode = make_trajectory(1, turns=1, text="half \ud83d, pair \ud83d\ude00")
    episode.turns[0].calls = [
        CallRecord(name="c", arguments={"a": b"\xff", "\udc00": {1}}, result=len, seconds=0.0)
    ]
    with RunStore.create(tmp_path, protocol, {}) as store:
        assert store.append(StoredEpisode.of(episode))
    (turn,) = RunReader(tmp_path).trajectory("t1#0").turns
    assert turn.message == "half \ufffd, pair 😀"
    assert turn.calls[0].arguments == {"a": "b'\\xff'", "\ufffd": [1]}
    assert turn.calls[0].result == "<built-in function len>"


def test_what_would_not_read_back_is_refused(
    make_trajectory: MakeTrajectory,
) -> None:
    broken = make_trajectory(1).model_copy(update={"reward": float("nan")})
    with pytest.raises(UnstorableError, match="'t1#0' cannot be stored: reward"):
        StoredEpisode.of(broken)


def test_another_protocol_is_refused(tmp_path: Path, protocol: RunProtocol) -> None:
    RunStore.create(tmp_path, protocol, {"workers": 1}).close()
    changed = protocol.model_copy(update={"seed": 7, "policy": {"name": "test"}})
    with pytest.raises(RunError, match=r"(?s)seed: 0 and now 7.*another folder") as caught:
        RunStore.create(tmp_path, changed, {"workers": 2})
    assert "policy.temperature: 1e-05 and now '(not set)'" in str(caught.value)
    assert RunReader(tmp_path).config == {"workers": 1}


def test_the_same_protocol_goes_on(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {"workers": 1}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
    with RunStore.create(tmp_path, protocol, {"workers": 2}) as store:
        assert store.finished() == {"t1#0"}
        assert store.protocol == protocol
        assert store.config == {"workers": 2}


def test_a_folder_of_something_else_is_refused(tmp_path: Path, protocol: RunProtocol) -> None:
    (tmp_path / "config.yaml").write_text("mine: true")
    with pytest.raises(RunError, match="neither empty nor a run"):
        RunStore.create(tmp_path, protocol, {})
    assert list(tmp_path.iterdir()) == [tmp_path / "config.yaml"]
    with pytest.raises(RunError, match="is a file"):
        RunStore.create(tmp_path / "config.yaml", protocol, {})
    for opened in (RunStore.open, RunReader):
        with pytest.raises(RunError, match=r"is not a run: it has no protocol\.yaml"):
            opened(tmp_path)


def test_an_interrupted_creation_can_be_repeated(tmp_path: Path, protocol: RunProtocol) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / "protocol.yaml.unfinished").write_text("environ")
    RunStore.create(tmp_path, protocol, {"a": 1}).close()
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(RunError, match=r"config\.yaml is missing; start the run again"):
        RunStore.open(tmp_path)
    RunStore.create(tmp_path, protocol, {"a": 1}).close()
    assert RunReader(tmp_path).config == {"a": 1}


def test_a_config_without_words_is_refused(tmp_path: Path, protocol: RunProtocol) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml cannot be written as YAML"):
        RunStore.create(tmp_path, protocol, {"a": object()})


def test_a_second_writer_is_refused(tmp_path: Path, protocol: RunProtocol) -> None:
    with RunStore.create(tmp_path, protocol, {}):
        with pytest.raises(RunError, match="is in use: another process is writing to it"):
            RunStore.open(tmp_path)
        with pytest.raises(RunError, match="is in use: another process is writing to it"):
            RunStore.create(tmp_path, protocol, {})
        assert RunReader(tmp_path).finished() == set()
    RunStore.open(tmp_path).close()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("protocol.yaml", "environment: [", "is not YAML"),
        (
            "protocol.yaml",
            "environment: e\nunknown: 1",
            "is not a protocol: policy: Field required",
        ),
        ("protocol.yaml", "a: &x [1]\nb: *x", "uses YAML aliases"),
        ("protocol.yaml", "!!python/object/apply:os.system ['true']", "is not YAML"),
        ("protocol.yaml", "[" * 100_000, "is nested more than 50 deep"),
        ("protocol.yaml", "#" * 2_000_000, "is larger than"),
        ("config.yaml", "- 1", "is not a mapping"),
        ("config.yaml", "\x00", "is not YAML"),
    ],
)
def test_hostile_yaml_is_refused(
    tmp_path: Path, protocol: RunProtocol, name: str, content: str, complaint: str
) -> None:
    RunStore.create(tmp_path, protocol, {}).close()
    (tmp_path / name).write_text(content)
    with pytest.raises(RunError, match=complaint):
        RunStore.open(tmp_path)
    with pytest.raises(RunError, match=complaint):
        _ = RunReader(tmp_path).protocol, RunReader(tmp_path).config


def test_links_out_of_the_folder_are_refused(tmp_path: Path, protocol: RunProtocol) -> None:
    outside = tmp_path / "outside"
    outside.write_text("precious\nand torn")
    run = tmp_path / "run"
    RunStore.create(run, protocol, {}).close()
    shard = run / "episodes" / "00000.jsonl"
    shard.unlink()
    shard.symlink_to(outside)
    with pytest.raises(RunError, match="is a symbolic link"):
        RunStore.open(run)
    with pytest.raises(RunError, match="is a symbolic link"):
        list(RunReader(run).summaries())
    assert outside.read_text() == "precious\nand torn"


def test_the_index_cannot_point_elsewhere(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
    index = tmp_path / "index.jsonl"
    entry = json.loads(index.read_text())
    for change in (
        {"shard": "../../x"},
        {"shard": -1},
        {"shard": 5},
        {"offset": 3},
        {"length": 10**12},
        {"length": 7},
        {"unknown": 1},
    ):
        index.write_text(json.dumps(entry | change) + "\n")
        assert list(RunReader(tmp_path).trajectories()) == [make_trajectory(1)]


def test_the_files_can_be_read_by_any_program(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {"a": 1}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
    assert yaml.safe_load((tmp_path / "protocol.yaml").read_text())["environment"] == "e"
    assert yaml.safe_load((tmp_path / "config.yaml").read_text()) == {"a": 1}
    (line,) = (tmp_path / "episodes" / "00000.jsonl").read_text().splitlines()
    assert json.loads(line)["episode_id"] == "t1#0"
    assert json.loads((tmp_path / "index.jsonl").read_text())["length"] == len(line.encode()) + 1
