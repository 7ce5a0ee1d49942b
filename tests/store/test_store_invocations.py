"""What each process measured that worked on a run."""

from pathlib import Path

import pytest

from embodied.errors import RunError
from embodied.llm.server_metrics import ServerTotals
from embodied.report import aggregate_run
from embodied.store import RunInvocation, RunReader, RunStore
from tests.report.runs import write_run


def invocation(episodes: int) -> RunInvocation:
    return RunInvocation(
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


def save(folder: Path, *invocations: RunInvocation) -> None:
    with RunStore.open(folder) as store:
        for figures in invocations:
            store.save(figures)


def test_the_last_figures_of_each_invocation_are_there(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    assert RunReader(folder).invocations() == []
    save(folder, invocation(1), invocation(2))
    save(folder)
    save(folder, invocation(5))
    assert RunReader(folder).invocations() == [invocation(2), invocation(5)]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"wall_seconds": 1}', invocation(1).model_dump_json().replace("2.5", "-1")],
)
def test_figures_that_cannot_be_read_are_passed_over(tmp_path: Path, content: str) -> None:
    folder = write_run(tmp_path / "run", [])
    save(folder, invocation(1))
    save(folder, invocation(2))
    (folder / "throughput" / "00000.json").write_text(content)
    (folder / "throughput" / "00001.json.unfinished").write_text("{")
    assert RunReader(folder).invocations() == [invocation(2)]
    assert aggregate_run(RunReader(folder)).throughput.episodes == 2
    save(folder, invocation(3))
    assert RunReader(folder).invocations() == [invocation(2), invocation(3)]


def test_a_run_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    (folder / "throughput").rmdir()
    assert RunReader(folder).invocations() == []
    assert aggregate_run(RunReader(folder)).throughput.invocations == 0
    save(folder, invocation(1))
    assert RunReader(folder).invocations() == [invocation(1)]


def test_no_link_is_followed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [])
    (folder / "throughput" / "00000.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="symbolic link"):
        RunReader(folder).invocations()
