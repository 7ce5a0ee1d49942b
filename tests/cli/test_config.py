"""`embodied config`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.config import packaged

OPTIONS = """
from embodied.environment import EnvironmentOptions
from embodied.testing.corridor import Corridor as _Corridor

class Corridor(_Corridor):
    class Options(EnvironmentOptions):
        length: int = 5
        \"\"\"Steps from end to end.\"\"\"
"""


def config(*words: str) -> str:
    done = CliRunner().invoke(app, ["config", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_lists_the_configurations_that_come_along() -> None:
    lines = config("--list").splitlines()
    assert [line.split()[0] for line in lines] == packaged.config_names()


def test_prints_one_of_them_by_name() -> None:
    assert "out: runs/quickstart" in config("quickstart")


def test_explains_settings_of_a_model_that_is_not_named_yet() -> None:
    said = config("--help-settings", "llm")
    assert "llm.temperature: float >= 0 or null; default 0.0" in said
    assert "runner" not in said


@pytest.mark.parametrize("prefix", [(), ("environment.options",)])
def test_explains_the_options_of_an_environment(tmp_path: Path, prefix: tuple[str, ...]) -> None:
    (tmp_path / "mine.py").write_text(OPTIONS)
    said = config("--help-settings", *prefix, "--env", f"{tmp_path / 'mine.py'}:Corridor")
    assert "environment.options.length: int; default 5\n    Steps from end to end." in said
