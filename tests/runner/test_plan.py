"""What must stand before the first episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embodied.config.schema import RunConfig
from embodied.errors import ConfigError, DataError
from embodied.plugins.registry import environment_class
from embodied.runner.plan import prepare, resolved_protocol

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
        prepare(config(tmp_path, FOLDER, action, conversation=conversation))


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
@pytest.mark.parametrize("other", ["code", "json", "text", "tools"])
def test_examples_of_another_action_format_are_refused(
    tmp_path: Path, action: str, other: str
) -> None:
    if action == other:
        return
    with pytest.raises(ConfigError, match=f"no action in the format '{action}'"):
        prepare(config(tmp_path, FOLDER / f"{other}.yaml", action))


def test_json_is_demanded_only_of_the_format_json(tmp_path: Path) -> None:
    for action, name in (("code", "default"), ("tools", "default"), ("json", "m3")):
        settings: dict[str, Any] = {
            "protocol": {"action": action, "conversation": name},
            "policy": {"name": "llm"},
            "llm": {"model": "tiny", "structured": True},
            "out": tmp_path,
        }
        with pytest.raises(ConfigError, match=f"the action format '{action}'"):
            prepare(RunConfig.model_validate(settings))


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
