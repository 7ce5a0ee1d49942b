"""What each process measured that worked on a run."""

from pathlib import Path

import pytest

from embodied.errors import RunError
from embodied.llm.server_metrics import ServerTotals
from embodied.store import RunStore, Sitting, open_run
from tests.report.runs import write_run


def sitting(episodes: int) -> Sitting:
    return Sitting(
        started_at="2030-01-01T00:00:00.000+00:00",
        wall_seconds=2.5 * episodes,
        episodes=episodes,
        turns=3 * episodes,
        in_flight_seconds=8.0,
        workers=2,
        replaced_workers=1,
        worker_bytes=1_000_000,
        server=ServerTotals(observed_seconds=1.0, prompt_tokens=7),
    )


def keep(folder: Path, *sittings: Sitting) -> None:
    with RunStore.open(folder) as store:
        for figures in sittings:
            store.keep(figures)


def test_the_last_figures_of_each_sitting_are_there(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    assert open_run(folder).sittings() == []
    keep(folder, sitting(1), sitting(2))
    keep(folder)
    keep(folder, sitting(5))
    assert open_run(folder).sittings() == [sitting(2), sitting(5)]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"wall_seconds": 1}', sitting(1).model_dump_json().replace("2.5", "-1")],
)
def test_figures_that_cannot_be_read_are_passed_over(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path / "run", [])
    keep(folder, sitting(1))
    keep(folder, sitting(2))
    (folder / "throughput" / "00000.json").write_text(content)
    (folder / "throughput" / "00001.json.unfinished").write_text("{")
    assert open_run(folder).sittings() == [sitting(2)]
    assert open_run(folder).report().throughput.episodes == 2
    keep(folder, sitting(3))
    assert open_run(folder).sittings() == [sitting(2), sitting(3)]


def test_a_run_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    (folder / "throughput").rmdir()
    assert open_run(folder).sittings() == []
    assert open_run(folder).report().throughput.sittings == 0
    keep(folder, sitting(1))
    assert open_run(folder).sittings() == [sitting(1)]


def test_no_link_is_followed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    (folder / "throughput" / "00000.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="symbolic link"):
        open_run(folder).sittings()
