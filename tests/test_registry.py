"""Plugins that cannot be had: each gets a sentence."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from embodied import ConfigError, Environment, registry
from embodied.registry import controller_name, load, with_options
from tests.conftest import LightSwitch

GROUP = "embodied.environments"


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "needy_plugin.py").write_text("import a_package_that_is_nowhere")
    (tmp_path / "odd_plugin.py").write_text("from json import nothing_of_the_sort")
    monkeypatch.syspath_prepend(tmp_path)
    values = {
        "renamed": "embodied.task:Tsk",
        "odd": "odd_plugin:Odd",
        "needy": "needy_plugin:Needy",
        "ray": "needy_plugin:Needy",
    }
    points = [EntryPoint(name, value, GROUP) for name, value in values.items()]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    registry._registered.cache_clear()
    yield
    registry._registered.cache_clear()


@pytest.mark.usefixtures("register")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reamed", "did you mean 'renamed'?"),
        ("renamed", "cannot be loaded from embodied.task:Tsk: .* no attribute 'Tsk'"),
        ("odd", r"cannot be loaded from odd_plugin:Odd: cannot import name"),
        ("needy", "needs the package 'a_package_that_is_nowhere', which is not installed$"),
        ("ray", r"install it with: pip install 'embodied-codeact\[ray\]'"),
    ],
)
def test_a_plugin_that_cannot_be_loaded(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load(GROUP, name)


def test_options_that_a_function_does_not_take() -> None:
    with pytest.raises(ConfigError, match=r"options of the environment 'light': .*'bogus'"):
        with_options("light", LightSwitch, bogus=1)
    assert len(with_options("light", LightSwitch.list_tasks, None, rooms=3)) == 3


def test_the_controller_of_an_environment() -> None:
    class Lamp(LightSwitch):
        default_controller = "switcher"

    assert controller_name(None, "lamp", Lamp) == "switcher"
    assert controller_name("other", "lamp", Lamp) == "other"
    environment: type[Environment] = LightSwitch
    with pytest.raises(ConfigError, match="'lamp' has no default controller"):
        controller_name(None, "lamp", environment)
