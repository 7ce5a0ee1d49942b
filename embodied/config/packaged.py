"""Configurations and in-context examples that come with the package, and are found by name."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path


def folder() -> Path:
    """Find the folder `configs`: inside an installed package, beside it in the repository."""
    package = Path(__file__).parents[1]
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def config_names() -> list[str]:
    """List the names of the configurations, e.g. `quickstart`."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def descriptions() -> dict[str, str]:
    """Read what the configurations are for: the comments at their beginnings, by name."""
    return {name: _comment((folder() / f"{name}.yaml").read_text()) for name in config_names()}


def config_path(path: Path) -> Path:
    """Find a configuration by its path or its name. A file that exists comes first."""
    named = folder() / f"{path}.yaml"
    return named if named.is_file() and not path.is_file() else path


def examples_path(path: Path) -> Path:
    """Find in-context examples by their path, or by the one in the folder of configurations."""
    named = folder() / path
    return named if named.exists() and not path.exists() else path


def _comment(text: str) -> str:
    """Find the first sentence of the comment at the beginning of a text."""
    lines = takewhile(lambda line: line.startswith("# "), text.splitlines())
    return " ".join(line.removeprefix("# ") for line in lines).split(". ")[0].rstrip(".") + "."
