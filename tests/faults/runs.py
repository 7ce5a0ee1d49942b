"""Runs that something happens to, and what they came to."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from embodied.store import RunReader
from embodied.trajectory import Trajectory

Results = dict[str, dict[str, Any]]
"""What the episodes of a run came to, by id."""

EMBODIED = [sys.executable, "-m", "embodied"]


@contextmanager
def running(*words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """An `embodied` command, under way; it is killed if it has not ended by the end."""
    process = subprocess.Popen(
        [*EMBODIED, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **variables},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def succeed(process: subprocess.Popen[str], seconds: float = 900) -> None:
    """Wait for the end of a command, which must be a good one."""
    said, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, said


def wait_for(folder: Path, episodes: int, driver: subprocess.Popen[str]) -> None:
    """Wait until a run has so many finished episodes."""
    while len(finished(folder)) < episodes:
        assert driver.poll() is None, driver.communicate()[0]
        time.sleep(0.2)


def finished(folder: Path) -> set[str]:
    """Episodes of a run that need not be played again; none of a folder that is not a run yet."""
    return RunReader(folder).finished() if (folder / "protocol.yaml").exists() else set()


def workers(driver: int) -> list[psutil.Process]:
    """The worker processes of a run: Ray names them after their actor."""
    found = []
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if process.cmdline()[:1] == ["ray::RayWorker"] or "ray::RayWorker" in process.name():
                found.append(process)
        except psutil.Error:
            continue
    return found


class Reaper(threading.Thread):
    """Kills a random worker every so many seconds, and watches how large workers grow."""

    def __init__(self, driver: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.driver = driver
        self.seconds = seconds
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
                if found and time.monotonic() - last > self.seconds:
                    random.choice(found).kill()
                    self.kills += 1
                    last = time.monotonic()
            except psutil.Error:
                continue


@contextmanager
def reaping(driver: int, seconds: float) -> Iterator[Reaper]:
    """Kill workers of a run as long as this lasts."""
    reaper = Reaper(driver, seconds)
    reaper.start()
    try:
        yield reaper
    finally:
        reaper.over.set()
        reaper.join()


def carrying(variable: str, value: str) -> list[str]:
    """The command lines of all processes that have inherited a variable with this value."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(variable) == value and process.status() != "zombie":
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def report(folder: Path) -> dict[str, Any]:
    """What `embodied report --json` says of a run."""
    command = [*EMBODIED, "report", str(folder), "--json"]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    figures: dict[str, Any] = json.loads(said)
    return figures


def stored(folder: Path) -> set[str]:
    """The ids of a run's episodes; each must be there once, in the shards and in the index."""
    shards = Counter(_ids(*sorted((folder / "episodes").iterdir())))
    assert set(shards.values()) <= {1}
    assert Counter(_ids(folder / "index.jsonl")) == shards
    return set(shards)


def results(folder: Path) -> Results:
    """The results of a run, without times and retries."""
    played = {episode.episode_id: _result(episode) for episode in RunReader(folder).trajectories()}
    assert played.keys() == stored(folder)
    return played


def _ids(*files: Path) -> list[str]:
    return [json.loads(line)["episode_id"] for file in files for line in file.open()]


def _result(episode: Trajectory) -> dict[str, Any]:
    return {
        "task": episode.task,
        "seed": episode.seed,
        "outcome": episode.outcome,
        "limit": episode.limit,
        "reward": episode.reward,
        "messages": episode.messages,
        "steps": [step.model_dump(exclude={"seconds"}) for step in episode.steps],
    }
