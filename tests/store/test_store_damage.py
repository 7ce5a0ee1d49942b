"""Torn and damaged files: every complete record is kept, and nothing is hidden."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import embodied.store.writer
from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.report import aggregate_run
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import Outcome, Trajectory

MakeTrajectory = Callable[..., Trajectory]


@dataclass(frozen=True)
class Written:
    """A run as its writer left it."""

    folder: Path
    episodes: list[Trajectory]
    shard: bytes
    index: bytes

    def copy(self, shard: bytes, index: bytes | None) -> Path:
        """The same run with other bytes in its files."""
        folder = Path(tempfile.mkdtemp(dir=self.folder.parent)) / "run"
        shutil.copytree(self.folder, folder)
        (folder / "episodes" / "00000.jsonl").write_bytes(shard)
        if index is None:
            (folder / "index.jsonl").unlink()
        else:
            (folder / "index.jsonl").write_bytes(index)
        return folder

    def complete(self, cut: int) -> list[Trajectory]:
        """The episodes whose records are whole within the first `cut` bytes of the shard."""
        ends, end = [], 0
        for line in self.shard.splitlines():
            ends.append(end + len(line))
            end += len(line) + 1
        return self.episodes[: sum(end <= cut for end in ends)]

    def start_of_last(self, content: bytes, lines: int) -> int:
        """Where the last `lines` lines of a file begin."""
        return sum(map(len, content.splitlines(keepends=True)[:-lines]))


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
    make_trajectory: MakeTrajectory,
    protocol: RunProtocol,
) -> Written:
    """A run of four short episodes."""
    folder = tmp_path_factory.mktemp("written") / "run"
    episodes = [make_trajectory(number, text="ü\n") for number in range(4)]
    with RunStore.create(folder, protocol, {}) as store:
        for episode in episodes:
            store.append(StoredEpisode.of(episode))
    shard = (folder / "episodes" / "00000.jsonl").read_bytes()
    return Written(folder, episodes, shard, (folder / "index.jsonl").read_bytes())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, protocol: RunProtocol) -> None:
    """Does not wait for the disk, nor parse the protocol each time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(embodied.store.writer, "read_protocol", lambda folder: protocol)


def check(written: Written, folder: Path, expected: list[Trajectory]) -> None:
    """The run has the expected episodes, accepts the others, and its index fits again."""
    run = RunReader(folder)
    assert list(run.trajectories()) == expected
    with RunStore.open(folder) as store:
        assert store.finished() == {episode.episode_id for episode in expected}
        for episode in written.episodes:
            assert store.append(StoredEpisode.of(episode)) == (episode not in expected)
    assert list(run.trajectories()) == written.episodes
    assert run.damaged == ()
    assert (folder / "episodes" / "00000.jsonl").read_bytes() == written.shard
    assert (folder / "index.jsonl").read_bytes() == written.index
    shutil.rmtree(folder.parent)


@pytest.mark.usefixtures("quick")
def test_a_shard_cut_at_every_byte(written: Written) -> None:
    for cut in range(written.start_of_last(written.shard, 1), len(written.shard) + 1):
        folder = written.copy(written.shard[:cut], written.index)
        check(written, folder, written.complete(cut))


@pytest.mark.usefixtures("quick")
def test_an_index_cut_at_every_byte(written: Written) -> None:
    for cut in range(written.start_of_last(written.index, 1), len(written.index) + 1):
        check(written, written.copy(written.shard, written.index[:cut]), written.episodes)


@settings(max_examples=60)
@given(data=st.data(), zeros=st.integers(0, 50))
def test_both_cut_anywhere(written: Written, data: st.DataObject, zeros: int) -> None:
    shard = data.draw(st.integers(0, len(written.shard)))
    index = data.draw(st.none() | st.integers(0, len(written.index)))
    folder = written.copy(
        written.shard[:shard] + b"\0" * zeros,
        None if index is None else written.index[:index] + b"\0" * zeros,
    )
    whole = written.shard[:shard]
    # Zeros right behind a record without its line feed spoil that record.
    spoiled = zeros > 0 and shard > 0 and not whole.endswith(b"\n")
    check(written, folder, written.complete(shard - 1 if spoiled else shard))


@settings(max_examples=60)
@given(st.binary(max_size=3000), st.booleans())
def test_an_index_of_anything(written: Written, garbage: bytes, before: bool) -> None:
    index = garbage + written.index if before else written.index + garbage
    check(written, written.copy(written.shard, index), written.episodes)


@settings(max_examples=40)
@given(order=st.lists(st.integers(0, 3), max_size=8))
def test_an_index_with_lines_in_any_order(written: Written, order: list[int]) -> None:
    lines = written.index.splitlines(keepends=True)
    index = b"".join(lines[number] for number in order)
    check(written, written.copy(written.shard, index), written.episodes)


@pytest.mark.parametrize("mixed", [True, False])
def test_an_index_of_an_earlier_version_is_made_anew(written: Written, mixed: bool) -> None:
    lines = [json.loads(line) for line in written.index.splitlines()]
    for line in lines[: 2 if mixed else None]:
        for name in ("task_id", "sample", "feedback_prompt_tokens", "characters"):
            del line[name]
    index = "".join(json.dumps(line) + "\n" for line in lines).encode()
    folder = written.copy(written.shard, index)
    assert [summary.task_id for summary in RunReader(folder).summaries()] == [
        "t0",
        "t1",
        "t2",
        "t3",
    ]
    check(written, folder, written.episodes)


def _spoil(written: Written, number: int, spoiled: bytes) -> bytes:
    lines = written.shard.splitlines(keepends=True)
    lines[number] = spoiled
    return b"".join(lines)


@pytest.mark.parametrize("with_index", [True, False])
@pytest.mark.parametrize("number", [1, 3])
def test_a_damaged_line_is_reported_and_its_episode_run_again(
    written: Written, with_index: bool, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    spoiled = b"{\n"
    folder = written.copy(_spoil(written, number, spoiled), written.index if with_index else None)
    others = [episode for episode in written.episodes if episode != written.episodes[number]]

    run = RunReader(folder)
    assert list(run.trajectories()) == others
    (damage,) = run.damaged
    assert f"00000.jsonl, line {number + 1}: Invalid JSON" in damage
    assert caplog.text.count("damaged record passed over") == 1

    with RunStore.open(folder) as store:
        assert store.damaged == (damage,)
        assert store.finished() == {episode.episode_id for episode in others}
        assert store.append(StoredEpisode.of(written.episodes[number]))
    run = RunReader(folder)
    assert aggregate_run(run).episodes == 4
    assert aggregate_run(run).damaged_lines == 1
    assert spoiled in (folder / "episodes" / "00000.jsonl").read_bytes()


def test_damage_that_leaves_the_size_is_reported_when_it_is_read(written: Written) -> None:
    line = written.shard.splitlines(keepends=True)[1]
    spoiled = _spoil(written, 1, b"{" * (len(line) - 1) + b"\n")
    folder = written.copy(spoiled, written.index)
    others = [episode for episode in written.episodes if episode.episode_id != "t1#0"]
    run = RunReader(folder)
    assert len(list(run.summaries())) == 4
    assert list(run.trajectories()) == others
    (damage,) = run.damaged
    assert "00000.jsonl, line 2: Invalid JSON" in damage
    assert damage.endswith(f"; delete {folder / 'index.jsonl'} to have the shards read anew")
    (folder / "index.jsonl").unlink()
    with RunStore.open(folder) as store:
        assert store.finished() == {episode.episode_id for episode in others}


def test_a_missing_shard_is_reported(written: Written) -> None:
    folder = written.copy(written.shard, written.index)
    episodes = folder / "episodes"
    (episodes / "00000.jsonl").rename(episodes / "00002.jsonl")
    run = RunReader(folder)
    assert list(run.trajectories()) == written.episodes
    assert [text.rpartition("/")[2] for text in run.damaged] == ["00000.jsonl: the file is missing"]


def test_an_edited_shard_is_the_truth(written: Written) -> None:
    edited = written.shard.replace(b'"success"', b'"truncated"')
    folder = written.copy(edited, written.index)
    assert {summary.outcome for summary in RunReader(folder).summaries()} == {Outcome.TRUNCATED}
    RunStore.open(folder).close()
    assert (folder / "index.jsonl").read_bytes().count(b'"truncated"') == 4


def test_a_record_of_another_episode_than_the_index_says_is_reported(written: Written) -> None:
    folder = written.copy(written.shard, written.index.replace(b"t1#0", b"t7#0"))
    run = RunReader(folder)
    with pytest.raises(RunError, match="the record of episode 't7#0' is damaged"):
        run.trajectory("t7#0")
    assert "line 2: the index has episode 't7#0' here; delete" in run.damaged[0]
    (folder / "index.jsonl").unlink()
    RunStore.open(folder).close()
    assert list(RunReader(folder).trajectories()) == written.episodes
