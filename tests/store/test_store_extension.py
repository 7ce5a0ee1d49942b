"""Runs grow by samples and tasks; nothing else about them changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import embodied.store.writer
from embodied.errors import RunError
from embodied.protocol import RunProtocol
from embodied.store import RunReader, RunStore, StoredEpisode
from embodied.trajectory import Trajectory

MakeTrajectory = Callable[..., Trajectory]

TASKS = {"limit": 4, "sample": None, "kinds": ["heat"], "ids": ["t1", "t2"], "samples": 2}


def with_tasks(protocol: RunProtocol, **tasks: Any) -> RunProtocol:
    return protocol.model_copy(update={"tasks": TASKS | tasks})


@pytest.fixture
def folder(tmp_path: Path, make_trajectory: MakeTrajectory, protocol: RunProtocol) -> Path:
    """A run with one episode, t1#0."""
    with RunStore.create(tmp_path / "run", with_tasks(protocol), {"limit": 4}) as store:
        store.append(StoredEpisode.of(make_trajectory(1)))
    return tmp_path / "run"


@pytest.mark.parametrize(
    "tasks",
    [
        {"limit": 5},
        {"limit": None},
        {"samples": 3},
        {"kinds": ["cool", "heat"]},
        {"kinds": []},
        {"ids": ["t2", "t1", "t3"]},
        {"ids": []},
        {"limit": None, "samples": 9, "ids": []},
    ],
)
def test_a_run_grows(folder: Path, protocol: RunProtocol, tasks: dict[str, Any]) -> None:
    wanted = with_tasks(protocol, **tasks)
    with RunStore.create(folder, wanted, {"limit": 5}, episodes=["t1#0", "t9#0"]) as store:
        assert store.finished() == {"t1#0"}
        assert store.protocol == wanted
    assert RunReader(folder).protocol == wanted
    assert RunReader(folder).config == {"limit": 5}


@pytest.mark.parametrize(
    ("tasks", "named"),
    [
        ({"limit": 3}, "tasks.limit: 4 and now 3"),
        ({"sample": 4}, "tasks.sample: None and now 4"),
        ({"samples": 1}, "tasks.samples: 2 and now 1"),
        ({"kinds": ["cool"]}, "tasks.kinds: ['heat'] and now ['cool']"),
        ({"ids": ["t1"]}, "tasks.ids: "),
        ({"limit": 5, "samples": 1}, "tasks.samples: 2 and now 1"),
        ({"limit": "x"}, "tasks.limit: 4 and now 'x'"),
        ({"kinds": [[]]}, "tasks.kinds: "),
        ({"order": "random"}, "tasks.order: '(not set)' and now 'random'"),
    ],
)
def test_it_does_not_shrink(
    folder: Path, protocol: RunProtocol, tasks: dict[str, Any], named: str
) -> None:
    with pytest.raises(RunError, match="another protocol") as caught:
        RunStore.create(folder, with_tasks(protocol, **tasks), {}, episodes=["t1#0"])
    assert named in str(caught.value)
    assert RunReader(folder).protocol == with_tasks(protocol)
    assert RunReader(folder).config == {"limit": 4}


def test_nothing_else_changes_with_it(folder: Path, protocol: RunProtocol) -> None:
    wanted = with_tasks(protocol, limit=9).model_copy(update={"seed": 7})
    with pytest.raises(RunError, match="seed: 0 and now 7"):
        RunStore.create(folder, wanted, {}, episodes=["t1#0"])


def test_no_stored_episode_may_fall_out(folder: Path, protocol: RunProtocol) -> None:
    wanted = with_tasks(protocol, kinds=["cool", "heat"])
    with pytest.raises(RunError, match="leave out episode 't1#0'; choose another folder"):
        RunStore.create(folder, wanted, {}, episodes=["t8#0", "t9#0"])
    assert RunReader(folder).protocol == with_tasks(protocol)


def test_a_crash_while_it_grows_can_be_repeated(
    folder: Path, protocol: RunProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    wanted = with_tasks(protocol, limit=9)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(embodied.store.writer, "write_protocol", crash)
        RunStore.create(folder, wanted, {"limit": 9}, episodes=["t1#0"])
    assert RunReader(folder).protocol == with_tasks(protocol)
    assert RunReader(folder).config == {"limit": 9}
    RunStore.create(folder, wanted, {"limit": 9}, episodes=["t1#0"]).close()
    assert RunReader(folder).protocol == wanted
