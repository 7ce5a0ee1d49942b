"""What the Ray pool makes of workers that find no room or do not start; how keys reach them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embodied import ConfigError, DataError, RunError
from embodied.runner import ray_pool as pool_module
from embodied.runner.backend import WorkerDied
from embodied.runner.plan import ResolvedRun
from embodied.runner.ray_pool import RayPool
from tests.runner.resolved import resolved


class NoError(Exception):
    pass


class FakeRay:
    """As much of Ray as a pool needs: so much room, and actors that take so long to start."""

    exceptions = SimpleNamespace(RayTaskError=NoError, RayError=NoError)
    _private = SimpleNamespace(
        ray_constants=SimpleNamespace(
            ENABLE_RAY_CLUSTERS_ENV_VAR="RAY_CLUSTERS", ENABLE_RAY_CLUSTER=True
        )
    )

    def __init__(self) -> None:
        self.seconds = 0.0
        self.killed = 0
        self.room = asyncio.Semaphore(99)
        self.options: dict[str, Any] = {}

    def is_initialized(self) -> bool:
        return True

    def remote(self, cls: type) -> SimpleNamespace:
        methods = {"host": self._placed, "start": self._start}
        actor = SimpleNamespace(
            **{name: SimpleNamespace(remote=method) for name, method in methods.items()}
        )

        def options(**options: Any) -> SimpleNamespace:
            self.options = options
            return SimpleNamespace(remote=lambda config: actor)

        return SimpleNamespace(options=options)

    def _placed(self) -> Awaitable[bool]:
        return self.room.acquire()

    def _start(self, keys: dict[str, str]) -> Awaitable[int]:
        return asyncio.sleep(self.seconds, 1)

    def kill(self, actor: Any, no_restart: bool) -> None:
        self.killed += 1

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False}]

    def available_resources(self) -> dict[str, float]:
        return {"CPU": 0.5}


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    ray = FakeRay()
    monkeypatch.setattr(pool_module, "_import_ray", lambda: ray)
    monkeypatch.setattr(pool_module, "_POLL_SECONDS", 0.01)
    return ray


def make_pool(**runner: Any) -> RayPool:
    return RayPool(resolved(runner={"start_seconds": 0.05, **runner}))


def test_ray_that_does_not_start(ray: FakeRay, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: Any) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init, raising=False)
    with pytest.raises(ConfigError) as raised:
        make_pool()
    assert str(raised.value) == (
        "Ray cannot be reached or started on this machine: The current node timed out during "
        "startup; start the run again when the machine is less busy, or play without Ray: "
        "--runner.kind local"
    )


@pytest.mark.parametrize("variable", ["TMPDIR", "RAY_TMPDIR"])
@pytest.mark.parametrize("deep", [True, False])
def test_sockets_have_short_paths(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, deep: bool
) -> None:
    """However long the path is of the folder for temporary files."""
    place = tmp_path / ("slurm" * 20) / ("job" * 20) if deep else Path("/tmp/t")
    kept = place / f"embodied-{os.getuid()}" / "ray"
    given: list[Path] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(
        ray, "init", lambda **options: given.append(Path(options["_temp_dir"])), raising=False
    )
    monkeypatch.setattr(ray, "shutdown", lambda: None, raising=False)
    monkeypatch.setattr(pool_module, "_LOG_SECONDS", 0)
    monkeypatch.setenv(variable, str(place))
    pool = make_pool()
    (folder,) = given
    socket_path = folder / "session_2026-11-30_13-25-56_392343_4194304" / "sockets" / "plasma_store"
    assert len(bytes(socket_path)) <= 104 - 1  # the length on macOS
    if deep:
        (folder / "log").write_text("kept")
        assert (kept / "log").read_text() == "kept"
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    else:
        assert folder == kept
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    pool.close()
    assert not folder.is_symlink()
    assert (kept / "log").exists() == deep


def test_a_ray_that_fails_leaves_no_link(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    links: list[Path] = []

    def init(**options: Any) -> None:
        links.append(Path(options["_temp_dir"]))
        assert links[0].is_dir()
        raise OSError("no")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init, raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 120)))
    with pytest.raises(ConfigError, match="Ray cannot be reached or started"):
        make_pool()
    assert not links[0].parent.exists()


def test_a_folder_that_cannot_be_made_is_named(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "file" / ("x" * 120)))
    with pytest.raises(ConfigError, match="cannot be made: Not a directory; set TMPDIR to"):
        make_pool()
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 120)))
    monkeypatch.setattr("embodied.runner.short_path._PLACES", (str(tmp_path / "nowhere"),))
    with pytest.raises(ConfigError, match=r"too long for sockets, .* set TMPDIR to"):
        make_pool()


async def test_a_start_that_takes_too_long(ray: FakeRay) -> None:
    pool = make_pool()
    ray.seconds = 5
    with pytest.raises(ConfigError, match=r"did not start within 0\.05 s"):
        await pool.start_worker()
    ray.seconds = 0
    await pool.start_worker()
    ray.seconds = 5
    with pytest.raises(WorkerDied, match=r"did not start within 0\.05 s"):
        await pool.start_worker()
    assert ray.killed == 2


async def test_a_cluster_without_room_for_any_worker_ends_the_run(ray: FakeRay) -> None:
    ray.room = asyncio.Semaphore(0)
    with pytest.raises(RunError) as raised:
        await make_pool(cpus_per_worker=4, resources_per_worker={"arm": 1}).start_worker()
    assert str(raised.value) == (
        "Ray started no worker within 0.05 s (runner.start_seconds): a worker needs 4 CPU, 1 arm; "
        "0 of 1 nodes have as much, and 0.5 CPU, 0 arm are free in all"
    )
    assert ray.options["resources"] == {"arm": 1}


async def test_a_worker_waits_for_room_as_long_as_another_plays(
    ray: FakeRay, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pool_module, "_NOTICE_SECONDS", 0.1)
    ray.room = asyncio.Semaphore(1)
    pool = make_pool()
    playing = await pool.start_worker()
    waiting = asyncio.create_task(pool.start_worker())
    with caplog.at_level(logging.WARNING, "embodied"):
        await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    assert ["1 of 2 workers run" in line for line in caplog.messages] == [True]
    ray.room.release()
    await (await waiting).stop()
    await playing.stop()
    with pytest.raises(RunError, match="Ray started no worker"):
        await pool.start_worker()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A Ray cluster that runs before there is a key; the folder of all that it writes."""
    ray = pytest.importorskip("ray", reason="needs ray: pip install 'embodied-codeact[ray]'")
    with tempfile.TemporaryDirectory(prefix="ray") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            object_store_memory=100 * 1024**2,
            _temp_dir=folder,
        )
        yield Path(folder)
        ray.shutdown()


def asking(model: dict[str, Any], data: Path) -> ResolvedRun:
    """A run that asks a model."""
    environment = {"options": {"data": str(data)}}
    return resolved(policy={"name": "llm"}, llm=model, environment=environment)


async def test_workers_get_the_keys_of_the_driver_and_nothing_writes_them_down(
    cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    (tmp_path / "json_2.1.1").mkdir()
    run = asking({"model": "m", "api_key_environment": "SOME_API_KEY"}, tmp_path)
    worker: Any = await RayPool(run).start_worker()
    seen = await worker._actor.__ray_call__.remote(lambda _: os.environ["SOME_API_KEY"])
    await worker.stop()
    assert seen == "sk-very-secret"
    written = [path for path in cluster.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"sk-very-secret" in path.read_bytes()]


async def test_a_node_without_the_data_is_named(cluster: Path, tmp_path: Path) -> None:
    message = f"on the node {socket.gethostname()}: there are no ALFWorld games"
    with pytest.raises(DataError, match=message):
        await RayPool(asking({"model": "m"}, tmp_path)).start_worker()
