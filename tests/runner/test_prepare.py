"""What must stand before the first episode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from embodied.config import RunConfig
from embodied.errors import ConfigError, DataError
from embodied.protocol import ActionName
from embodied.runner.prepare import prepare

FOLDER = Path(__file__).parents[2] / "configs" / "examples" / "alfworld"


def config(tmp_path: Path, examples: Path, action: ActionName, **protocol: Any) -> RunConfig:
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
    tmp_path: Path, action: ActionName, conversation: str
) -> None:
    with pytest.raises(DataError):  # the next thing that is missing: games
        prepare(config(tmp_path, FOLDER, action, conversation=conversation))


@pytest.mark.parametrize("action", ["code", "json", "text", "tools"])
@pytest.mark.parametrize("other", ["code", "json", "text", "tools"])
def test_examples_of_another_action_format_are_refused(
    tmp_path: Path, action: ActionName, other: str
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
