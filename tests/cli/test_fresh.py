"""`--fresh`: a new run in the place of an old one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from embodied.cli.run import replace_run
from embodied.errors import RunError
from embodied.store import RunReader, RunStore
from embodied.store.layout import is_run
from tests.report.runs import episode, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Write a run of two episodes."""
    return write_run(tmp_path / "run", [episode(1), episode(2)])


def answer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_run_is_replaced_without_a_question(run: Path) -> None:
    replace_run(run, sure=True)
    assert not is_run(run)
    write_run(run, [episode(3)], {"action": "json"})
    assert RunReader(run).finished() == {"t3#0"}


def test_a_run_is_replaced_after_a_yes(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer("y\n", monkeypatch)
    replace_run(run, sure=False)
    assert not is_run(run)
    asked = capsys.readouterr()
    assert f"Delete the run in {run} with 2 episodes?" in asked.err.replace("\n", "")
    assert asked.out == ""


@pytest.mark.parametrize("text", ["n\n", "\n", ""], ids=["no", "the default", "nobody is there"])
def test_a_run_is_kept_otherwise(run: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(text, monkeypatch)
    with pytest.raises(RunError, match="is kept; choose another folder with --out"):
        replace_run(run, sure=False)
    assert RunReader(run).finished() == {"t1#0", "t2#0"}


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_folder_needs_no_question(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "new").mkdir()
    replace_run(tmp_path / "new", sure=False)
    write_run(tmp_path / "new", [episode(1)])


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(RunError, match="neither empty nor a run"):
        replace_run(tmp_path / "thesis", sure=True)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "x"


def test_what_no_run_writes_is_not_deleted(run: Path) -> None:
    (run / "notes.md").write_text("x")
    with pytest.raises(RunError, match=r"it also holds notes\.md"):
        replace_run(run, sure=True)
    assert RunReader(run).finished() == {"t1#0", "t2#0"}


def test_a_run_that_is_being_played_is_refused(run: Path) -> None:
    with RunStore.open(run), pytest.raises(RunError, match="in use"):
        replace_run(run, sure=True)
    assert is_run(run)


def test_an_interrupted_deletion_leaves_a_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            replace_run(run, sure=True)
    replace_run(run, sure=True)
    assert [path.name for path in run.iterdir()] in ([], [".lock"])


def test_links_out_of_the_folder_are_not_followed(run: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (run / "throughput").rmdir()
    (run / "throughput").symlink_to(tmp_path / "kept")
    replace_run(run, sure=True)
    assert (tmp_path / "kept" / "file").read_text() == "x"
