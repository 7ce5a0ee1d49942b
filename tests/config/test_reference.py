"""What each setting means, as the models say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from embodied.config.load import load_config
from embodied.config.reference import Setting, as_page, as_text, chosen, settings
from embodied.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


class Inner(BaseModel):
    """A section."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    share: float = Field(0.5, gt=0, le=1)
    """How much."""


class Outer(BaseModel):
    """Settings of every kind."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    """What it is
    called."""
    count: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """How many."""
    size: int | None = Field(None, gt=0)
    """How big."""
    files: tuple[Path, ...] = (Path("a"),)
    """Which ones."""
    first: Inner = Inner()
    """One section."""
    second: Inner | None = None
    """Another."""


def test_settings_are_read_from_the_models() -> None:
    assert settings(Outer, "my.") == [
        Setting("my.name", "str", "none: it must be given", "What it is called."),
        Setting("my.count", "int >= 1 or `auto`", "auto", "How many."),
        Setting("my.size", "int > 0 or null", "null", "How big."),
        Setting("my.files", "list of path", "[a]", "Which ones."),
        Setting("my.first", "section", "as below", "One section."),
        Setting("my.first.share", "float > 0, <= 1", "0.5", "How much."),
        Setting("my.second", "section, as `my.first` or null", "null", "Another."),
    ]


def test_every_setting_of_a_run_is_explained() -> None:
    known = settings()
    assert [setting.name for setting in known if not setting.text] == []
    assert {"llm.model", "llm.temperature", "generate.count", "samples"} <= {s.name for s in known}
    assert "protocol.action_limits.seconds" in {s.name for s in known}


def test_the_defaults_are_those_of_a_run() -> None:
    tree = load_config(None).model_dump(mode="json")
    for setting in settings():
        names = setting.name.split(".")
        value = tree
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None and setting.default != "as below":
            assert yaml.safe_load(setting.default) == value, setting.name


def test_a_part_is_chosen_by_a_dotted_name() -> None:
    names = [setting.name for setting in chosen(settings(), "tasks")]
    assert names[0] == "tasks"
    assert set(names[1:]) >= {"tasks.limit", "tasks.samples"}
    assert all(name.startswith("tasks.") for name in names[1:])
    assert chosen(settings(), "") == settings()
    with pytest.raises(ConfigError, match=r"did you mean 'llm\.temperature'"):
        chosen(settings(), "llm.temprature")


def test_a_setting_is_a_paragraph() -> None:
    text = as_text(chosen(settings(), "tasks.samples"))
    assert text == "tasks.samples: int > 0; default 1\n    Episodes of each task."


def test_the_page_of_the_docs_is_current() -> None:
    assert PAGE.read_text() == as_page(settings()), "write it anew: make settings"
