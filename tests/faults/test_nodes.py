"""A run on a Ray cluster of three nodes, one of which is removed in the middle and replaced."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from embodied.plugins.registry import environment_class
from embodied.report import aggregate_run
from embodied.simulated_llm import ServerProcess
from embodied.store import RunReader
from embodied.trajectory import Outcome
from tests.faults.runs import finished, results, running, succeed, wait_for

EPISODES = 90
SLOW = ("--decode-rate", "20", "--prefill-rate", "inf")
"""An answer takes about five seconds."""


class Nodes:
    """A cluster of nodes with one CPU each, all on this machine. The first one is the driver's."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True, head_node_args={**self._sized(), "include_dashboard": False}
        )
        self.address: str = self._cluster.address

    def _sized(self) -> dict[str, Any]:
        return {"num_cpus": 1, "object_store_memory": 100 * 1024**2}

    def add(self) -> Any:
        return self._cluster.add_node(**self._sized())

    def remove(self, node: Any) -> None:
        """End a node's processes all at once, as a machine that fails does."""
        self._cluster.remove_node(node, allow_graceful=False)

    def workers(self) -> list[int]:
        """How many workers each node has."""
        raylets = [node.all_processes["raylet"][0] for node in self._cluster.list_all_nodes()]
        return [_workers(raylet.process.pid) for raylet in raylets]

    def close(self) -> None:
        self._cluster.shutdown()


def _workers(raylet: int) -> int:
    names = [process.name() for process in psutil.Process(raylet).children()]
    return sum(name.startswith("ray::RayWorker") for name in names)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    pytest.importorskip("ray", reason="needs ray: pip install 'embodied-codeact[ray]'")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    nodes = Nodes()
    yield nodes
    nodes.close()


def wait_for_workers(nodes: Nodes, wanted: list[int], driver: subprocess.Popen[str]) -> None:
    """Wait until the nodes have so many workers each."""
    while nodes.workers() != wanted:
        assert driver.poll() is None, f"the run ended before its nodes had {wanted} workers"
        time.sleep(0.2)


@pytest.mark.faults
def test_a_node_that_is_removed_takes_no_episode_with_it(nodes: Nodes, tmp_path: Path) -> None:
    games, folder = tmp_path / "games", tmp_path / "run"
    tasks = environment_class("alfworld").generate(games, EPISODES, 3)
    first, _ = nodes.add(), nodes.add()
    with ServerProcess(*SLOW) as server:
        command = (
            *("run", "--env", "alfworld", "--split", "train", "--out", str(folder)),
            *("--environment.options.data", str(games), "--ray-address", nodes.address),
            *("--policy", "llm", "--llm.model", "simulated", "--llm.base_url", server.base_url),
            *("--runner.workers", "3", "--runner.episodes_per_worker", "4"),
        )
        with running(*command) as driver:
            wait_for_workers(nodes, [1, 1, 1], driver)
            wait_for(folder, 10, driver)
            nodes.remove(first)
            before = len(finished(folder))
            wait_for(folder, before + 20, driver)
            assert nodes.workers() == [1, 1]
            nodes.add()
            wait_for_workers(nodes, [1, 1, 1], driver)
            succeed(driver)
    assert len(results(folder)) == len(tasks) == EPISODES
    played = RunReader(folder).trajectories()
    assert all(episode.outcome is Outcome.SUCCESS for episode in played)
    retries = aggregate_run(RunReader(folder)).retries
    print(f"{EPISODES} episodes, {before} before a node was removed; retries {retries}")
    assert 1 <= sum(retries.values()) <= 4
