"""Killed writers, full disks, readers and writers at the same time."""

import errno
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.report import aggregate_run
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import Trajectory

MakeTrajectory = Callable[..., Trajectory]

WRITER = Path(__file__).with_name("write_episodes.py")


@contextmanager
def writer(folder: Path, episodes: int) -> Iterator["subprocess.Popen[str]"]:
    """A process that writes a run; it has opened the run."""
    command = [sys.executable, str(WRITER), str(folder), str(episodes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


def kill_after(folder: Path, seconds: float) -> set[str]:
    """Let a process write for a time and kill it; the episodes that it said to have stored."""
    with writer(folder, 1_000_000) as process:
        time.sleep(seconds)
        process.kill()
        assert process.stdout is not None
        return {line.strip() for line in process.stdout if line.endswith("\n")}


def check_kills(folder: Path, kills: int) -> None:
    """Kill writers again and again: no stored episode is lost, none is there twice."""
    stored: set[str] = set()
    moments = random.Random(kills)
    for _ in range(kills):
        stored |= kill_after(folder, moments.uniform(0, 0.3))
        assert stored <= RunReader(folder).finished()
        with RunStore.open(folder) as store:
            finished = store.finished()
            assert store.damaged == ()
        assert stored <= finished
        assert len(finished - stored) <= 1
        stored = finished
    episodes = Counter(episode.episode_id for episode in RunReader(folder).trajectories())
    assert set(episodes) == stored
    assert set(episodes.values()) <= {1}


def test_a_killed_writer_loses_nothing_stored(tmp_path: Path) -> None:
    check_kills(tmp_path / "run", kills=2)


@pytest.mark.faults
def test_many_killed_writers_lose_nothing_stored(tmp_path: Path) -> None:
    check_kills(tmp_path / "run", kills=40)


def test_a_writer_in_another_process_is_refused(tmp_path: Path) -> None:
    with writer(tmp_path / "run", 1_000_000), pytest.raises(RunError, match="is in use"):
        RunStore.open(tmp_path / "run")
    RunStore.open(tmp_path / "run").close()


def test_readers_see_whole_episodes_while_a_run_is_written(tmp_path: Path) -> None:
    with writer(tmp_path / "run", 1_000_000):
        run, seen = RunReader(tmp_path / "run"), -1
        deadline = time.monotonic() + 30
        while seen < 200 and time.monotonic() < deadline:
            episodes = [episode.episode_id for episode in run.trajectories()]
            assert episodes == [f"t{number}#0" for number in range(len(episodes))]
            assert len(episodes) >= seen
            seen = len(episodes)
            assert aggregate_run(run).episodes >= seen
    assert seen > 0
    assert run.damaged == ()


def test_threads_may_share_a_store(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:

        def write(first: int) -> None:
            for number in range(first, first + 15):
                store.append(StoredEpisode.of(make_trajectory(number, turns=1)))

        threads = [threading.Thread(target=write, args=(first,)) for first in (0, 10, 20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(list(RunReader(tmp_path).trajectories())) == 35


class FullDisk(FileIO):
    """A file with room for some bytes more."""

    room = 0
    error = errno.ENOSPC

    def write(self, content: memoryview) -> int:  # type: ignore[override]
        """Write what there is room for."""
        if self.room <= 0:
            raise OSError(self.error, os.strerror(self.error))
        written = super().write(content[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("target", ["_shard", "_index"])
@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_leaves_a_consistent_run(
    tmp_path: Path,
    make_trajectory: MakeTrajectory,
    protocol: RunProtocol,
    target: str,
    room: int,
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
        appender = getattr(store, target)
        path = Path(appender._file.name)
        before = path.read_bytes()
        appender._file.close()
        appender._file = FullDisk(path, "ab")
        appender._file.room = room
        with pytest.raises(
            RunError, match=r"the disk is full.*free space and run `embodied resume"
        ):
            store.append(StoredEpisode.of(make_trajectory(2)))
        assert path.read_bytes() == before
        appender._file.room = 10_000
        # The trajectory was stored where only the index met the full disk.
        assert store.append(StoredEpisode.of(make_trajectory(2))) == (target == "_shard")
        assert store.append(StoredEpisode.of(make_trajectory(3)))
    run = RunReader(tmp_path)
    assert [episode.episode_id for episode in run.trajectories()] == ["t1#0", "t2#0", "t3#0"]
    assert run.damaged == ()


def test_another_error_of_the_disk_is_named(
    tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    with RunStore.create(tmp_path, protocol, {}) as store:
        store._shard._file.close()
        store._shard._file = broken = FullDisk(tmp_path / "episodes" / "00000.jsonl", "ab")
        broken.error = errno.EIO
        with pytest.raises(RunError, match=r"cannot write to .*: Input/output error"):
            store.append(StoredEpisode.of(make_trajectory(2)))


@pytest.mark.faults
def test_a_really_full_disk(
    small_disk: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol
) -> None:
    folder = small_disk / "run"
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    stored = []
    with (
        RunStore.create(folder, protocol, {}) as store,
        pytest.raises(RunError, match="disk is full"),
    ):
        for number in range(1000):
            store.append(StoredEpisode.of(make_trajectory(number, text="x" * 997, turns=1)))
            stored.append(f"t{number}#0")
    assert 50 < len(stored) < 500
    assert [episode.episode_id for episode in RunReader(folder).trajectories()][
        : len(stored)
    ] == stored
    with pytest.raises(RunError, match="disk is full"):
        RunStore.create(small_disk / "another", protocol, {"a": "x" * 1_000_000})
    ballast.unlink()
    with RunStore.open(folder) as store:
        assert store.damaged == ()
        assert store.finished() >= set(stored)
        assert len(store.finished()) <= len(stored) + 1
        assert store.append(StoredEpisode.of(make_trajectory(5000)))
