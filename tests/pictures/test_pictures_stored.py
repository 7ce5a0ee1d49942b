"""The pictures of a run on disk: each once, read as they were or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from embodied.errors import RunError
from embodied.prompting.pictures import PictureChooser
from embodied.protocol import Images
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.store.layout import delete_run
from embodied.store.merge import merge_runs
from embodied.store.turn_size import TurnSizes
from embodied.trajectory import Message, PicturePart, Trajectory, Turn
from tests.pictures.lamp import picture
from tests.report.runs import episode, write_run


def shown(*colours: str) -> list[PicturePart]:
    return PictureChooser(Images()).choose(picture(colour) for colour in colours)[1]


def seen(task: int, *colours: str) -> Trajectory:
    """An episode that was shown pictures in its prompt and in its turn."""
    first = Message(role="user", content="Task.").with_parts(shown(colours[0]))
    turns = [Turn(message="m", observation="o", pictures=shown(*colours[1:]))]
    return episode(task).model_copy(update={"prompt": [first], "turns": turns})


@pytest.fixture
def run(tmp_path: Path) -> RunReader:
    """Two episodes, that show red twice and blue once."""
    return RunReader(write_run(tmp_path / "run", [seen(1, "red", "blue"), seen(2, "red")]))


def files(folder: Path) -> list[Path]:
    return sorted((folder / "pictures").iterdir())


def red(run: RunReader) -> tuple[PicturePart, Path]:
    part = run.trajectory("t2#0").pictures[0]
    return part, run.folder / "pictures" / f"{part.sha256}.png"


def test_each_is_there_once_and_no_line_holds_it(run: RunReader) -> None:
    assert len(files(run.folder)) == 2
    assert [summary.pictures for summary in run.summaries()] == [2, 1]
    first = run.trajectory("t1#0")
    assert [part.data for part in first.pictures] == [None, None]
    loaded = run.with_pictures(first)
    assert [part.data for part in loaded.pictures] == [picture(c).data for c in ("red", "blue")]
    assert [part.data for part in first.pictures] == [None, None]
    assert (run.folder / "episodes" / "00000.jsonl").stat().st_size < 10_000


def test_records_read_back_and_have_one_type_a_column(run: RunReader) -> None:
    with_parts = json.loads((run.folder / "episodes" / "00000.jsonl").open().readline())
    message = with_parts["prompt"][0]
    assert message["content"] == "Task.\n[picture: front]"
    assert [part["type"] for part in message["parts"]] == ["text", "picture"]
    assert "data" not in message["parts"][1]
    for trajectory in run.trajectories():
        again = Trajectory.model_validate_json(trajectory.model_dump_json())
        assert again == trajectory
        assert Trajectory.model_validate(trajectory.model_dump()) == trajectory
        assert Trajectory.model_validate(trajectory.model_dump(mode="json")) == trajectory


def test_pyarrow_reads_messages_with_and_without_pictures(tmp_path: Path) -> None:
    reader = pytest.importorskip("pyarrow.json", reason="needs: pip install 'pyarrow<21'")
    plain = episode(3).model_copy(update={"prompt": [Message(role="user", content="Task.")]})
    folder = write_run(tmp_path / "run", [plain, seen(1, "red", "blue"), episode(4)])
    assert reader.read_json(folder / "episodes" / "00000.jsonl").num_rows == 3


def test_an_earlier_run_goes_on_where_pictures_were_stored(run: RunReader) -> None:
    with RunStore.open(run.folder) as store:
        assert store.append(StoredEpisode.of(seen(3, "red", "green")))
    assert len(files(run.folder)) == 3


def test_a_torn_file_is_written_anew(run: RunReader) -> None:
    part, path = red(run)
    path.write_bytes(b"torn")
    (run.folder / "pictures" / f"{path.name}.unfinished").write_bytes(b"torn too")
    with RunStore.open(run.folder) as store:
        store.append(StoredEpisode.of(seen(3, "red")))
    assert run.picture(part) == picture("red").data
    assert len(files(run.folder)) == 2


def test_merged_runs_have_the_pictures_of_both(run: RunReader, tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", [seen(3, "green", "red")])
    merged = merge_runs([run.folder, other], tmp_path / "merged")
    assert len(files(merged.folder)) == 3
    for trajectory in merged.trajectories():
        assert all(part.data for part in merged.with_pictures(trajectory).pictures)


def test_merging_tells_of_what_is_missing(
    run: RunReader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    red(run)[1].unlink()
    other = write_run(tmp_path / "other", [seen(3, "green")])
    merged = merge_runs([run.folder, other], tmp_path / "merged")
    assert len(list(merged.trajectories())) == 3
    assert "is missing: the picture 'front'" in caplog.text


def test_deleting_a_run_deletes_its_pictures(run: RunReader) -> None:
    delete_run(run.folder)
    assert not (run.folder / "pictures").exists()


class TestStrangers:
    def test_a_missing_one_is_told(self, run: RunReader) -> None:
        part, path = red(run)
        path.unlink()
        with pytest.raises(RunError, match="is missing: the picture 'front'"):
            run.picture(part)
        loaded = run.with_pictures(run.trajectory("t1#0"))
        assert [part.data is None for part in loaded.pictures] == [True, False]
        assert str(path) in run.damaged[0]

    @pytest.mark.parametrize("data", [b"", b"x", picture("blue").data])
    def test_another_content_is_told(self, run: RunReader, data: bytes) -> None:
        part, path = red(run)
        path.write_bytes(data)
        with pytest.raises(RunError, match="its content is not what its name says"):
            run.picture(part)

    def test_a_huge_one_is_not_read(self, run: RunReader) -> None:
        part, path = red(run)
        with path.open("wb") as file:
            file.truncate(10 * 1024**3)
        with pytest.raises(RunError, match="is larger than"):
            run.picture(part)

    def test_a_folder_or_pipe_is_not_read(self, run: RunReader) -> None:
        import os

        part, path = red(run)
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(RunError, match="is not a plain file"):
            run.picture(part)
        path.unlink()
        path.mkdir()
        with pytest.raises(RunError, match="is not a plain file"):
            run.picture(part)

    def test_a_link_is_not_followed(self, run: RunReader, tmp_path: Path) -> None:
        part, path = red(run)
        shutil.move(path, tmp_path / "elsewhere.png")
        path.symlink_to(tmp_path / "elsewhere.png")
        with pytest.raises(RunError, match="symbolic link"):
            run.picture(part)
        path.unlink()
        shutil.move(run.folder / "pictures", tmp_path / "pictures")
        (run.folder / "pictures").symlink_to(tmp_path / "pictures")
        with pytest.raises(RunError, match="symbolic link"):
            run.picture(part)
        with RunStore.open(run.folder) as store, pytest.raises(RunError, match="symbolic link"):
            store.append(StoredEpisode.of(seen(3, "red")))

    @pytest.mark.parametrize(
        "forged",
        [
            {"sha256": "../../etc/passwd"},
            {"sha256": "/" + "a" * 63},
            {"sha256": "a" * 64 + "\n"},
            {"sha256": "A" * 64},
            {"media_type": "image/../../x"},
            {"media_type": "text/html"},
            {"data": "aGFoYQ=="},
            {"path": "x"},
        ],
    )
    def test_a_forged_reference_is_damage(self, run: RunReader, forged: dict[str, str]) -> None:
        shard = run.folder / "episodes" / "00000.jsonl"
        first, second = shard.read_text().splitlines()
        record = json.loads(second)
        record["prompt"][0]["parts"][1] |= forged
        shard.write_text(f"{first}\n{json.dumps(record)}\n")
        (run.folder / "index.jsonl").unlink()
        assert len(list(run.trajectories())) == 1
        assert "00000.jsonl, line 2: " in run.damaged[0]


def test_a_turn_that_is_cut_keeps_its_pictures() -> None:
    large = Turn(message="m" * 200_000, observation="o", pictures=shown("red"))
    cut = TurnSizes(100_000).fit(large)
    assert cut.cut
    assert cut.pictures[0].data == picture("red").data
