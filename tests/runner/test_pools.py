"""Pools by name and by file, with settings of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import embodied
from embodied import ConfigError
from embodied.config.load import load_config
from embodied.config.schema import RunConfig
from embodied.runner.backend import pool_class
from embodied.runner.local_pool import LocalPool
from embodied.runner.plan import resolve
from embodied.runner.ray_pool import RayPool
from embodied.testing import corridor

QUEUE = """
from pydantic import Field

from embodied.config.schema import RunnerConfig
from embodied.runner.local_pool import LocalPool


class QueueSettings(RunnerConfig):
    partition: str
    nodes: int = Field(1, gt=0)


class Queue(LocalPool):
    Settings = QueueSettings

    def __init__(self, run):
        super().__init__(run)
        self.partition = run.config.runner.partition

    async def start_worker(self):
        print(f"a worker in {self.partition}")
        return await super().start_worker()


class NoPool:
    pass
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "queue.py").write_text(QUEUE)
    return tmp_path / "queue.py"


def config(**runner: Any) -> RunConfig:
    return load_config(None, [{"runner": runner}])


def test_what_comes_along_is_registered() -> None:
    assert pool_class("ray") is RayPool
    assert pool_class("local") is LocalPool
    assert config().runner.kind == "ray"


def test_a_pool_in_a_file_plays_a_run_with_its_own_settings(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = embodied.run(
        env=f"{corridor.__file__}:Corridor",
        runner={"kind": "queue.py:Queue", "partition": "arms"},
        tasks={"limit": 3},
        out="run",
        progress=False,
    )
    assert run.report().successes == 3
    assert "a worker in arms" in capsys.readouterr().out
    stored = RunConfig.model_validate(run.config)
    assert stored.runner.kind == f"{file}:Queue"
    assert stored.runner.model_dump()["partition"] == "arms"


def test_settings_of_a_pool_are_checked_by_its_model(file: Path) -> None:
    for wrong, said in (
        ({}, "runner.partition: Field required"),
        (
            {"partition": "arms", "nodes": 0},
            r"runner.nodes: Input should be greater than 0 \(got 0",
        ),
        ({"partition": "arms", "node": 2}, "runner.node: there is no such setting.*'runner.nodes'"),
        ({"partition": "arms", "workers": 0}, "runner.workers: Input should be greater than 0"),
    ):
        with pytest.raises(ConfigError, match=said):
            config(kind="queue.py:Queue", **wrong)


def test_what_is_no_pool_is_refused(file: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"runner\.kind: there is no 'lokal'; did you mean 'local'"
    ):
        config(kind="lokal", partition="arms")
    with pytest.raises(ConfigError, match=r"defines no class 'Missing'"):
        config(kind="queue.py:Missing")
    with pytest.raises(
        ConfigError, match=r"runner: kind must be a class over embodied\.runner\.backend\.Pool"
    ):
        config(kind="queue.py:NoPool")


def test_a_run_may_go_on_in_another_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(LocalPool.Settings):
        partition: str = "arms"

    monkeypatch.setattr(RayPool, "Settings", Settings)
    assert config(kind="ray", partition="legs").runner.model_dump()["partition"] == "legs"
    assert "partition" not in config(kind="local", partition="legs").runner.model_dump()
    assert config(kind="local", ray_address="auto").runner.ray_address == "auto"


def test_a_pools_file_is_named_by_its_absolute_path(file: Path) -> None:
    run = resolve(
        RunConfig.model_validate(
            {
                "environment": {"name": f"{corridor.__file__}:Corridor"},
                "runner": {"kind": "queue.py:Queue", "partition": "arms"},
            }
        )
    )
    assert run.config.runner.kind == f"{file}:Queue"
