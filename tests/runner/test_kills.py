"""A batch must survive whatever dies: workers, the driver, both."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from embodied.store import open_run

EPISODES = int(os.environ.get("EMBODIED_KILL_TEST_EPISODES", "1000"))
RECYCLE_BYTES = 600_000_000


def start(folder: Path, games: Path) -> subprocess.Popen[bytes]:
    settings = [
        "generate.seed=0",
        f"generate.out={games}",
        f"generate.count={EPISODES}",
        "generate.options.split=train",
        f"environment.options.data={games}",
        "environment.options.backend=textworld",
        "split=train",
        "runner.retries=8",
        f"runner.worker_memory_bytes={RECYCLE_BYTES}",
    ]
    command = [sys.executable, "-m", "embodied", "run", "--policy", "expert", "--out", str(folder)]
    return subprocess.Popen([*command, *(word for s in settings for word in ("--set", s))])


def resume(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "embodied", "resume", str(folder)])


def workers(driver: int) -> list[psutil.Process]:
    """The worker processes of a run: Ray names them after their actor."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if process.cmdline()[:1] == ["ray::Worker"] or "ray::Worker" in process.name():
                found.append(process)
        except psutil.Error:
            continue
    return found


class Reaper(threading.Thread):
    """Kills a random worker at intervals, and watches how large workers grow."""

    def __init__(self, driver: int, every: float) -> None:
        super().__init__(daemon=True)
        self.driver, self.every = driver, every
        self.kills = self.largest = 0
        self.over = threading.Event()

    def run(self) -> None:
        last = time.monotonic()
        while not self.over.wait(0.5):
            try:
                found = workers(self.driver)
                self.largest = max(
                    [self.largest, *(process.memory_info().rss for process in found)]
                )
                if found and time.monotonic() - last > self.every:
                    random.choice(found).send_signal(signal.SIGKILL)
                    self.kills += 1
                    last = time.monotonic()
            except psutil.Error:
                continue


def watched(driver: subprocess.Popen[bytes], every: float, seconds: float | None) -> Reaper:
    """Let a run go on with a reaper, to its end or for some seconds."""
    reaper = Reaper(driver.pid, every)
    reaper.start()
    try:
        driver.wait(seconds)
    except subprocess.TimeoutExpired:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    finally:
        reaper.over.set()
        reaper.join()
    return reaper


@pytest.mark.faults
def test_killed_workers_and_a_killed_driver_lose_nothing(tmp_path: Path) -> None:
    folder, games = tmp_path / "run", tmp_path / "games"
    first = watched(start(folder, games), every=20, seconds=max(60, EPISODES // 2))
    before = len(open_run(folder).finished())
    driver = resume(folder)
    second = watched(driver, every=20, seconds=None)
    assert driver.returncode == 0
    run = open_run(folder)
    ids = [trajectory.episode_id for trajectory in run.trajectories()]
    report = run.report()
    print(
        f"{EPISODES} episodes, {before} before the driver was killed; "
        f"{first.kills + second.kills} workers killed; largest worker "
        f"{max(first.largest, second.largest) / 1e6:.0f} MB, recycled at "
        f"{RECYCLE_BYTES / 1e6:.0f} MB; successes {report.successes}; "
        f"retries {report.retries}"
    )
    assert 0 < before < EPISODES
    assert first.kills + second.kills > 0
    assert len(ids) == len(set(ids)) == EPISODES
    assert report.infrastructure_errors == 0
    assert report.episodes == EPISODES
    one_episode = 100_000_000
    assert max(first.largest, second.largest) < RECYCLE_BYTES + one_episode
