"""What the Ray pool makes of a worker that does not start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

from embodied import ConfigError
from embodied.config import RunConfig
from embodied.runner.pool import RayPool
from embodied.runner.workers import WorkerDied


class NoError(Exception):
    pass


class FakeRay:
    """As much of Ray as a pool needs; its actors take so long to start."""

    exceptions = SimpleNamespace(RayTaskError=NoError, RayError=NoError)

    def __init__(self) -> None:
        self.seconds = 0.0
        self.killed = 0

    def is_initialized(self) -> bool:
        return True

    def remote(self, cls: type) -> SimpleNamespace:
        actor = SimpleNamespace(start=SimpleNamespace(remote=self._start))
        return SimpleNamespace(
            options=lambda **options: SimpleNamespace(remote=lambda config: actor)
        )

    def _start(self) -> Awaitable[int]:
        return asyncio.sleep(self.seconds, 1)

    def kill(self, actor: Any, no_restart: bool) -> None:
        self.killed += 1

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 1.0}


async def test_a_start_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay()
    monkeypatch.setattr("embodied.runner.pool._import_ray", lambda: ray)
    pool = RayPool(RunConfig.model_validate({"runner": {"start_seconds": 0.05}}))
    ray.seconds = 5
    with pytest.raises(ConfigError, match=r"did not start a worker within 0\.05 s"):
        await pool.start_worker()
    ray.seconds = 0
    await pool.start_worker()
    ray.seconds = 5
    with pytest.raises(WorkerDied, match=r"did not start a worker within 0\.05 s"):
        await pool.start_worker()
    assert ray.killed == 2
