"""A task carries its author's data to the simulator, through workers, records and processes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import embodied
from embodied import Observation, Task
from embodied.store import open_run
from embodied.testing import corridor
from embodied.testing.corridor import Corridor

DATA: dict[str, Any] = {"scene": {"cup": [0.1, -0.2]}, "words": 'say "hi" ü', "none": None}


class Furnished(Corridor):
    """A corridor whose tasks say how long it is."""

    @classmethod
    def list_tasks(cls, split: str | None = None, **options: Any) -> list[Task]:
        tasks = super().list_tasks(split, **options)
        return [task.model_copy(update={"data": DATA | {"id": task.id}}) for task in tasks]

    def reset(self, task: Task, seed: int | None = None) -> Observation:
        if task.data != DATA | {"id": task.id}:
            raise OSError(f"the data are lost: {task.data}")
        return super().reset(task, seed)


def test_data_survive_json_and_pickle() -> None:
    task = Furnished.list_tasks()[0]
    written = task.model_dump_json()
    assert isinstance(json.loads(written)["data"], str)
    assert Task.model_validate_json(written) == task
    assert Task.model_validate(task.model_dump()) == task
    assert pickle.loads(pickle.dumps(task)) == task
    assert len({task, task.model_copy(update={"data": {}})}) == 2


def test_tasks_of_before_have_none() -> None:
    fields = {"environment": "e", "id": "1", "split": "s", "kind": "k", "instruction": "i"}
    assert Task.model_validate(fields).data == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: 2}, Path("a")])
def test_only_json_is_taken(value: Any) -> None:
    with pytest.raises(ValidationError):
        Task(environment="e", id="1", split="s", kind="k", instruction="i", data={"a": value})


def test_a_run_records_them_and_goes_on(tmp_path: Path) -> None:
    def says(messages: object) -> str:
        return "<solution>no</solution>"

    out = tmp_path / "run"
    settings: dict[str, Any] = {"env": f"{__file__}:Furnished", "policy": says}
    settings["protocol"] = {"controller": f"{corridor.__file__}:CorridorRobot"}
    embodied.run(**settings, tasks={"limit": 1}, out=out)
    embodied.run(**settings, tasks={"limit": 2}, out=out)
    stored = list(open_run(out).trajectories())
    assert [each.outcome for each in stored] == ["failure", "failure"]
    assert [each.task.data for each in stored] == [DATA | {"id": each.task.id} for each in stored]
