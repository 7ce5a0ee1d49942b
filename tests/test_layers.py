"""The house keeps its order: imports run downward, and packages do not import in a circle."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("embodied", "embodied_envs", "embodied_controllers", cache_dir=None)


def test_no_import_runs_upward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    # It would switch off the loggers that other tests listen to.
    monkeypatch.setattr("importlinter.cli._configure_logging", lambda verbose: None)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


def test_no_packages_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    packages = {module.rpartition(".")[0] for module in graph.modules if "." in module}
    circles = {package: graph.nominate_cycle_breakers(package) for package in packages}
    assert {package: found for package, found in circles.items() if found} == {}
