"""The built-in simulators and robots keep the rules that third parties are told to keep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embodied.plugins.registry import environment_class
from embodied.testing import check_controller, check_environment


@dataclass(frozen=True)
class Adapter:
    """One built-in environment, on one task."""

    name: str
    package: str
    controllers: tuple[str, ...]
    split: str | None = None
    generated: int = 0
    """Games to generate first, where there are none without."""

    def options(self, folder: Path) -> dict[str, str]:
        """Options of the environment; skips where something is missing."""
        pytest.importorskip(
            self.package, reason=f"needs: pip install 'embodied-codeact[{self.name}]'"
        )
        kind = environment_class(self.name)
        for requirement in kind.requirements():
            if requirement.problem:
                pytest.skip(f"{requirement.name}: {requirement.problem}")
        if not self.generated:
            return {}
        if not folder.exists():
            kind.generate(folder, self.generated, 0)
        return {"data": str(folder)}


def _long(adapter: Adapter) -> Any:
    return pytest.param(adapter, marks=pytest.mark.long)


ADAPTERS = [
    Adapter("alfworld", "alfworld", ("household", "household-mint"), "train", 2),
    Adapter("babyai", "minigrid", ("grid-robot", "grid-robot-skills")),
    _long(Adapter("miniwob", "miniwob", ("browser",))),
    _long(Adapter("robosuite", "robosuite", ("franka",))),
    _long(Adapter("scienceworld", "scienceworld", ("laboratory",))),
    _long(Adapter("textworld", "textworld", ("adventurer",), None, 1)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where generated games lie, by environment."""
    return tmp_path_factory.mktemp("games")


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_the_environment_keeps_the_rules(adapter: Adapter, folder: Path) -> None:
    options = adapter.options(folder / adapter.name)
    check_environment(adapter.name, split=adapter.split, **options)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_its_controllers_keep_the_rules(adapter: Adapter, folder: Path) -> None:
    options = adapter.options(folder / adapter.name)
    for name in adapter.controllers:
        check_controller(name, adapter.name, split=adapter.split, **options)
