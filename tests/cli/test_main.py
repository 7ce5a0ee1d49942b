"""What all commands have in common: help, version, how much is said, how a command ends."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from embodied.cli import app
from embodied.cli.commands import COMMANDS

HEAVY = {"aiohttp", "numpy", "scipy", "pandas", "ray", "pydantic", "yaml"}
PROGRAM = "import sys; sys.argv[0] = 'embodied'; from embodied.cli import main; main()"


def embodied(*words: str, cwd: Path | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=cwd,
        stdout=more.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "120", **more},
        text=True,
        check=False,
    )


def commands(name: str) -> dict[str, Any]:
    """The command of a name, or those below it, by the words that call them."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    with group.make_context("embodied", [name]) as context:
        command: Any = group.resolve_command(context, [name])[1]
    inner = getattr(command, "commands", None)
    return {f"{name} {n}": c for n, c in inner.items()} if inner else {name: command}


@pytest.mark.parametrize("word", ["--help", "-h", "--version"])
def test_help_imports_no_command(word: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", PROGRAM, word],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "embodied.cli.commands" in imported
    assert not imported & HEAVY


def test_version() -> None:
    assert embodied("--version").stdout == f"embodied {version('embodied-codeact')}\n"


def test_help_has_a_whole_line_for_each_command() -> None:
    said = embodied("--help").stdout
    for name, command in COMMANDS.items():
        assert f"  {name:<14}{command.help}\n" in said


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_and_its_options(name: str) -> None:
    for words, command in commands(name).items():
        said = CliRunner().invoke(app, [*words.split(), "-h"])
        assert said.exit_code == 0
        assert f"\n    embodied {words}" in said.output, "there is no example"
        assert said.output == CliRunner().invoke(app, [*words.split(), "--help"]).output
        assert command.params
        assert [each.name for each in command.params if not getattr(each, "help", "")] == []
        assert {"verbose", "quiet"} <= {each.name for each in command.params}


@pytest.mark.parametrize("name", ["check", "model", "new"])
def test_no_line_in_a_list_of_commands_is_cut_off(name: str) -> None:
    listed = CliRunner().invoke(app, [name, "-h"]).output.partition("Commands:")[2]
    assert listed.strip()
    assert "..." not in listed


def test_a_mistyped_command_gets_the_nearest() -> None:
    assert "Did you mean 'report'?" in embodied("repot").stderr


def test_a_shell_completes_commands() -> None:
    done = embodied(_EMBODIED_COMPLETE="complete_bash", COMP_WORDS="embodied re", COMP_CWORD="1")
    assert done.stdout.split() == ["resume", "report", "replay"]


def test_verbose_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    for words in (["-v", "report", "nowhere"], ["report", "nowhere", "--verbose"]):
        done = embodied(*words, cwd=tmp_path)
        assert done.returncode == 2
        assert "Traceback" in done.stderr
        assert "error: nowhere" in done.stderr
    assert "Traceback" not in embodied("report", "nowhere", cwd=tmp_path).stderr


def test_quiet_says_only_the_result(tmp_path: Path) -> None:
    words = ["check", "sandbox", "--interpreter", "restricted", "--kind", "formats"]
    assert "snippets" in embodied(*words, cwd=tmp_path, FORCE_COLOR="1").stderr
    done = embodied(*words, "--quiet", cwd=tmp_path, FORCE_COLOR="1")
    assert done.stderr == ""
    assert "formats" in done.stdout


def test_a_command_ends_well_where_standard_output_is_closed(tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m embodied config >&-'
    done = subprocess.run(
        line, shell=True, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_ends_well_where_nobody_reads_on() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = embodied("config", stdout=writing)
    os.close(writing)
    assert done.returncode in (1, 141)
    assert done.stderr == ""


@pytest.mark.parametrize("stream", ["None", "open('out.txt', 'w')"])
def test_a_command_ends_well_without_standard_output(tmp_path: Path, stream: str) -> None:
    program = f"import sys; sys.stdout = {stream}; sys.stdout and sys.stdout.close()\n{PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", program, "report", "nowhere"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
