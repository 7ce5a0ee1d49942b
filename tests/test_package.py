"""What stands in the package `embodied` itself, each imported when it is first used."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import embodied

SOURCE = Path(embodied.__file__).read_text()


def _python(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_importing_the_package_imports_nothing_else_of_it() -> None:
    loaded = "[name for name in sys.modules if name.startswith('embodied')]"
    assert _python(f"import sys, embodied; print({loaded})") == "['embodied']\n"


def test_names_are_imported_when_they_are_used() -> None:
    program = "from embodied import Controller, Environment, action\nprint(action.__module__)"
    assert _python(program) == "embodied.controller\n"


def test_a_star_imports_every_public_name() -> None:
    program = "from embodied import *\nprint(sorted(n for n in dir() if not n.startswith('_')))"
    assert ast.literal_eval(_python(program)) == sorted(embodied.__all__)


def test_what_needs_an_extra_is_listed_but_not_starred() -> None:
    assert {"to_gymnasium", "wrap_gymnasium"} <= set(dir(embodied)) - set(embodied.__all__)


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    block = next(node for node in ast.parse(SOURCE).body if isinstance(node, ast.If))
    seen = {
        alias.name: (node.module or "").removeprefix("embodied.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == embodied._MODULES
    assert set(embodied.__all__) < seen.keys()


def test_no_name_is_hidden_by_a_module_of_the_same_name() -> None:
    """Importing `embodied.run` would put the module in the place of a function `run`."""
    hidden = [name for name in dir(embodied) if name in embodied._MODULES]
    assert [name for name in hidden if importlib.util.find_spec(f"embodied.{name}")] == []


def test_modules_are_attributes() -> None:
    assert (
        _python("import embodied\nprint(embodied.errors.ConfigError.__name__)") == "ConfigError\n"
    )


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Controler'"):
        embodied.Controler  # noqa: B018
