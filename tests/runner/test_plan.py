"""What must stand before the first episode."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from embodied import Controller, Environment
from embodied.config.schema import RunConfig
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import environment_class
from embodied.runner.plan import resolve, resolved_protocol
from embodied.testing import Corridor, CorridorRobot

FOLDER = Path(__file__).parents[2] / "configs" / "examples" / "alfworld"


def config(tmp_path: Path, examples: Path, action: str, **protocol: Any) -> RunConfig:
    settings = {"examples": examples, "action": action, **protocol}
    options = {"data": str(tmp_path)}
    return RunConfig.model_validate(
        {
            "environment": {"name": "alfworld", "options": options},
            "protocol": settings,
            "out": tmp_path / "run",
        }
    )


@pytest.mark.parametrize("conversation", ["default", "m3"])
@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
def test_examples_of_the_action_format_are_taken(
    tmp_path: Path, action: str, conversation: str
) -> None:
    with pytest.raises(DataError):  # the next thing that is missing: games
        resolve(config(tmp_path, FOLDER, action, conversation=conversation))


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
@pytest.mark.parametrize("other", ["code", "json", "text", "tools"])
def test_examples_of_another_action_format_are_refused(
    tmp_path: Path, action: str, other: str
) -> None:
    if action == other:
        return
    with pytest.raises(ConfigError, match=f"no action in the format '{action}'"):
        resolve(config(tmp_path, FOLDER / f"{other}.yaml", action))


def test_json_is_demanded_only_of_the_format_json(tmp_path: Path) -> None:
    for action, name in (("code", "default"), ("tools", "default"), ("json", "m3")):
        settings: dict[str, Any] = {
            "protocol": {"action": action, "conversation": name},
            "policy": {"name": "llm"},
            "llm": {"model": "tiny", "structured": True},
            "out": tmp_path,
        }
        with pytest.raises(ConfigError, match=f"the action format '{action}'"):
            resolve(RunConfig.model_validate(settings))


@pytest.mark.parametrize(
    ("limits", "turns", "steps"),
    [(None, 7, None), ({"turns": 3}, 3, None), ({"turns": 20, "steps": 50}, 20, 50)],
)
def test_a_limit_that_a_protocol_leaves_open_is_the_environments(
    limits: dict[str, int] | None, turns: int, steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = environment_class("alfworld")
    monkeypatch.setattr(kind, "default_limits", {"turns": 7, "steps": None})
    settings = {"protocol": {"limits": limits}} if limits else {}
    resolved = resolved_protocol(RunConfig.model_validate(settings)).limits
    assert (resolved.turns, resolved.steps) == (turns, steps)


def test_a_preset_keeps_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_class("alfworld"), "default_limits", {"steps": None})
    resolved = resolved_protocol(RunConfig.model_validate({"protocol": "mint"}))
    assert (resolved.limits.turns, resolved.limits.steps) == (5, 50)


def fake_load(group: str, name: str) -> type[Environment] | type[Controller]:
    """Everything that is registered is the corridor or its robot."""
    return Corridor if group == "embodied.environments" else CorridorRobot


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the corridor is asked for what takes long where there is much data."""
    counts: Counter[str] = Counter()

    def counting(name: str, function: Any) -> Any:
        def call(cls: type[Environment], *arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **options)

        return classmethod(call)

    for name in ("list_tasks", "data_version"):
        monkeypatch.setattr(Corridor, name, counting(name, getattr(Corridor, name)))
    monkeypatch.setattr("embodied.plugins.registry.load", fake_load)
    return counts


def fake_run(tmp_path: Path, **settings: Any) -> RunConfig:
    fields: dict[str, Any] = {
        "environment": {"name": "corridor", "options": {"length": 3}},
        "protocol": {"controller": "corridor"},
        "out": tmp_path / "run",
    }
    return RunConfig.model_validate({**fields, **settings})


def test_a_run_holds_all_that_is_decided_and_asks_for_it_once(
    tmp_path: Path, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = resolve(fake_run(tmp_path, out=Path("run"), tasks={"limit": 2, "samples": 2}))
    assert run.config.out == tmp_path / "run"
    assert (run.environment, run.controller) == (Corridor, CorridorRobot)
    assert [task.id for task in run.tasks] == ["corridor-0", "corridor-1"]
    ids = ["corridor-0#0", "corridor-1#0", "corridor-0#1", "corridor-1#1"]
    assert [a.id for a in run.assignments] == ids
    assert [a.id for a in run.unfinished(set(ids[1:3]))] == ["corridor-0#0", "corridor-1#1"]
    assert run.protocol.environment == "corridor"
    assert run.models == ()
    assert counted == {"list_tasks": 1, "data_version": 1}


@pytest.mark.parametrize(
    ("samples", "temperature", "warned"),
    [(4, 0, True), (4, 1e-5, True), (1, 0, False), (4, 1, False)],
)
def test_samples_at_temperature_zero_are_warned_of(
    tmp_path: Path,
    counted: Counter[str],
    caplog: pytest.LogCaptureFixture,
    samples: int,
    temperature: float,
    warned: bool,
) -> None:
    llm = {"model": "m", "temperature": temperature}
    resolve(fake_run(tmp_path, policy={"name": "llm"}, llm=llm, tasks={"samples": samples}))
    assert ("samples of a task are drawn at temperature" in caplog.text) == warned


def test_a_run_asks_the_policys_model_and_that_of_the_feedback(
    tmp_path: Path, counted: Counter[str]
) -> None:
    by_llm = {"policy": {"name": "llm"}, "llm": {"model": "m"}}
    for feedback, models in (({}, ["m"]), ({"llm": {"model": "other"}}, ["m", "other"])):
        settings = {"feedback": {"by": "llm", **feedback}, **by_llm}
        run = resolve(fake_run(tmp_path, **settings))
        assert [model.model for model in run.models] == models


def test_recordings_without_a_task_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embodied.plugins.registry.load", fake_load)
    names = ["corridor-0", "corridor-8", "corridor-9"]
    episode = {"prompt": "", "history": [], "success": True}
    file = tmp_path / "model.jsonl"
    file.write_text("".join(json.dumps({"task_id": name, **episode}) + "\n" for name in names))
    config = fake_run(
        tmp_path,
        environment={"name": "corridor"},
        policy={"name": "replay", "recordings": str(file)},
    )
    said = r"2 of 3 recorded tasks are not in the data; .*'corridor-8'"
    with pytest.raises(DataError, match=said):
        resolve(config)
