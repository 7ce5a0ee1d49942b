"""Runs that earlier versions wrote stay readable, and all that they hold is still written.

New fields may be added. Any other change of the records' shape fails here: it needs a new
`SCHEMA_VERSION`, a step in `embodied/store/migrations.py`, and a folder of the new version beside
those of the old.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from embodied.errors import RunError
from embodied.report import aggregate_run
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import SCHEMA_VERSION, Outcome, Trajectory

GOLDEN = Path(__file__).parent
FIRST = GOLDEN / "schema-1-first"
"""As the first version wrote it: no schema_version in the protocol, checksums in the index."""
CURRENT = GOLDEN / f"schema-{SCHEMA_VERSION}"
FOLDERS = [FIRST, *sorted(path for path in GOLDEN.glob("schema-?"))]


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunReader:
    """A run that some version wrote."""
    return RunReader(shutil.copytree(request.param, tmp_path / "run"))


def test_its_protocol_reads(run: RunReader) -> None:
    protocol = run.protocol
    assert (protocol.environment, protocol.split, protocol.seed) == ("alfworld", "valid_unseen", 3)
    assert protocol.policy == {"name": "llm", "model": "tiny", "temperature": 1e-05}
    assert protocol.protocol.conversation == "mint"
    assert protocol.protocol.limits.turns == 5
    assert protocol.protocol.examples[0][1].content == "<execute>\nput('mug 1')\n</execute>"
    assert protocol == RunReader(CURRENT).protocol
    assert run.config["tasks"]["limit"] == 3


def test_its_trajectories_read(run: RunReader) -> None:
    full, cut, lost = run.trajectories()
    assert run.damaged == ()
    assert (full.outcome, cut.limit, lost.error) == ("success", "turns", "the server is gone")
    first, second = full.turns
    assert full.prompt[1].content == "Your task: ünïcödé 日本"
    assert first.tokens is not None
    assert first.tokens.completion_logprobs == [-0.5, -1.25]
    assert first.attachments[0].data == b"\x89PNG\r\n\x1a\n"
    assert first.calls[0].steps[0].observation == "You arrive at desk 1."
    assert first.error is not None
    assert first.error.variables == {"name": "'cup 9'"}
    gone, missed = first.calls
    assert (gone.arguments, gone.result) == ({"place": "desk 1"}, {"seen": ["mug 1"]})
    assert missed.error is not None
    assert (missed.arguments, missed.result) == ({"0": "cup 9"}, None)
    assert missed.error.variables == {"name": "'cup 9'"}
    assert second.messages[1].role == "tool"
    assert [full, cut, lost] == list(RunReader(CURRENT).trajectories())


def test_its_summaries_and_report_read(run: RunReader) -> None:
    mine, golden = (
        [each.model_dump(exclude={"offset", "length"}) for each in of.summaries()]
        for of in (run, RunReader(CURRENT))
    )
    assert mine == golden
    report = aggregate_run(run)
    assert (report.episodes, report.successes, report.infrastructure_errors) == (2, 1, 1)
    assert (report.tokens.total, report.tokens.cached.total) == (242, 64)
    assert report.seconds.episode.total == 5.5
    assert (report.throughput.invocations, report.throughput.wall_seconds) == (1, 10.0)
    assert report == aggregate_run(RunReader(CURRENT))


def test_it_can_be_resumed(run: RunReader) -> None:
    with RunStore.create(run.folder, run.protocol, run.config) as store:
        assert store.finished() == {"clean-1#0", "heat-2#0"}
        lost = run.trajectory("heat-3#0")
        assert store.append(
            StoredEpisode.of(lost.model_copy(update={"outcome": Outcome.FAILURE, "error": None}))
        )
    assert aggregate_run(run).episodes == 3


def test_all_of_it_is_still_written(tmp_path: Path) -> None:
    golden = RunReader(CURRENT)
    with RunStore.create(tmp_path, golden.protocol, golden.config) as store:
        for trajectory in golden.trajectories():
            store.append(StoredEpisode.of(trajectory))
        for invocation in golden.invocations():
            store.save(invocation)
    for path in CURRENT.rglob("*.*"):
        now, then = read(tmp_path / path.relative_to(CURRENT)), read(path)
        assert holds(now, then), path.name


def read(path: Path) -> Any:
    """Read all values of a file but where records begin and end: new fields move that."""
    text = path.read_text()
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in text.splitlines()]
        return [{k: v for k, v in line.items() if k not in ("offset", "length")} for line in lines]
    return yaml.safe_load(text)


def holds(now: Any, then: Any) -> bool:
    """Tell whether one tree of values has all that another has; only mappings may have more."""
    if isinstance(now, dict) and isinstance(then, dict):
        return all(key in now and holds(now[key], value) for key, value in then.items())
    if isinstance(now, list) and isinstance(then, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return type(now) is type(then) and bool(now == then)


@pytest.mark.parametrize("calls", [[1], ["x"], {"a": 1}, 1, [{"error": 1}], [{"error": {}}]])
def test_an_old_record_of_another_shape_is_damage(tmp_path: Path, calls: Any) -> None:
    shutil.copytree(GOLDEN / "schema-1", tmp_path / "run")
    path = tmp_path / "run" / "episodes" / "00000.jsonl"
    first, *others = path.read_text().splitlines()
    record = json.loads(first)
    record["turns"][0]["calls"] = calls
    path.write_text("\n".join([json.dumps(record), *others, ""]))
    (tmp_path / "run" / "index.jsonl").unlink()
    run = RunReader(tmp_path / "run")
    assert len(list(run.trajectories())) == 2
    assert "00000.jsonl, line 1: " in run.damaged[0]


class TestVersions:
    def newer(self, folder: Path, name: str, old: bytes, new: bytes) -> Path:
        shutil.copytree(CURRENT, folder)
        path = folder / name
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))
        return path

    def test_a_newer_protocol_is_refused(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        path = self.newer(folder, "protocol.yaml", b"schema_version: 2", b"schema_version: 3\nx: 1")
        for use in (lambda: RunReader(folder).protocol, lambda: RunStore.open(folder)):
            with pytest.raises(RunError, match="schema_version is 3, and 2 is the last") as caught:
                use()
            assert str(path) in str(caught.value)
            assert "pip install --upgrade embodied-codeact" in str(caught.value)

    @pytest.mark.parametrize("also", [b"", b'"unknown":1,'])
    def test_a_newer_trajectory_is_refused_and_kept(self, tmp_path: Path, also: bytes) -> None:
        folder = tmp_path / "run"
        old, new = b'{"schema_version":2,', b'{"schema_version":12,' + also
        path = self.newer(folder, "episodes/00000.jsonl", old, new)
        content = path.read_bytes()
        for use in (lambda: list(RunReader(folder).summaries()), lambda: RunStore.open(folder)):
            with pytest.raises(RunError, match="line 1: a newer embodied wrote this"):
                use()
        path.write_bytes(path.read_bytes().splitlines()[0])
        with pytest.raises(RunError, match="a newer embodied wrote this"):
            RunStore.open(folder)
        assert content.startswith(path.read_bytes())

    @pytest.mark.parametrize("version", [b'"2"', b"null", b"[]", b"1e400"])
    def test_a_version_that_is_none_is_damage(self, tmp_path: Path, version: bytes) -> None:
        folder = tmp_path / "run"
        new = b'{"schema_version":' + version + b',"unknown":1,'
        self.newer(folder, "episodes/00000.jsonl", b'{"schema_version":2,', new)
        run = RunReader(folder)
        assert len(list(run.trajectories())) == 2
        assert "00000.jsonl, line 1: " in run.damaged[0]

    def test_an_older_record_is_migrated(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(CURRENT, tmp_path / "run")
        for module in ("jsonl", "migrations", "layout"):
            monkeypatch.setattr(f"embodied.store.{module}.SCHEMA_VERSION", 4)
        monkeypatch.setattr(
            "embodied.store.jsonl.TRAJECTORIES",
            {2: lambda record: record | {"policy": "renamed"}, 3: lambda record: record},
        )
        monkeypatch.setattr(
            "embodied.store.layout.PROTOCOLS", {3: lambda record: record | {"seed": 99}}
        )
        (tmp_path / "run" / "index.jsonl").unlink()
        run = RunReader(tmp_path / "run")
        assert run.protocol.seed == 99
        trajectories: list[Trajectory] = list(run.trajectories())
        assert {trajectory.policy for trajectory in trajectories} == {"renamed"}
        assert {trajectory.schema_version for trajectory in trajectories} == {4}
