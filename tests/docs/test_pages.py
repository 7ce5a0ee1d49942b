"""What the pages show is true: Python blocks run, commands have the options that are named.

`docs/write-a-controller.md` has a test of its own, which also compares what is printed.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import embodied
from embodied.cli import app, options
from embodied.config.reference import settings
from embodied.plugins.registry import controller_class, environment_class

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
OF_ROBOTS = {"protocols.md": "household", "robosuite.md": "franka", "textworld.md": "adventurer"}
"""Pages whose Python is that of a policy, with the robot that it is for."""
_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PRELUDE = """
from typing import Any
from pydantic import Field
import embodied

async def move_left(height: float) -> str: return ""
async def move_right(height: float) -> str: return ""
def grasp_left() -> str: return ""
"""
"""What pages leave out: imports, and the functions of the robot in interpreters.md."""
_RUNNER = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "<page>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
if __name__ == "__main__":
    done = eval(code, {"__name__": "__main__"})
    if inspect.iscoroutine(done):
        asyncio.run(done)
"""


def blocks(page: Path, *languages: str) -> list[str]:
    found = _BLOCK.findall(page.read_text())
    return [_dedented(text, indent) for indent, language, text in found if language in languages]


def _dedented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


def python_blocks() -> list[Any]:
    return [
        pytest.param(page, code, id=f"{page.stem}-{number}")
        for page in PAGES
        if page.name not in {"write-a-controller.md", *OF_ROBOTS}
        for number, code in enumerate(blocks(page, "python"), 1)
    ]


def command_lines() -> list[Any]:
    lines = []
    for page in PAGES:
        for block in blocks(page, "", "bash", "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                if line.split()[:1] not in (["embodied"], ["make"], ["pip"]):
                    continue
                shown = line.replace("…", "").replace(" ...", "").removesuffix("&")
                words = shlex.split(shown, comments=True)
                lines.append(pytest.param(words, id=f"{page.stem}: {' '.join(words)}"[:70]))
    return lines


@pytest.mark.parametrize(("page", "code"), python_blocks())
def test_python_of_a_page_runs(page: Path, code: str, tmp_path: Path, quickstart: Path) -> None:
    if page.name == "serving.md":  # the rest needs vLLM, see tests/serving
        code = "\n".join(line for line in code.splitlines() if line.startswith("from "))
    shutil.copytree(quickstart, tmp_path / "runs" / "quickstart")
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input=_PRELUDE + code,
        cwd=tmp_path,
        env={**os.environ, "ALFWORLD_DATA": str(quickstart.parent / "games")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as `make quickstart` leaves it, of two tasks."""
    folder = tmp_path_factory.mktemp("page") / "runs" / "quickstart"
    games = folder.parent / "games"
    embodied.run(
        "quickstart",
        out=folder,
        generate={"count": 2, "out": games},
        environment={"options": {"data": str(games)}},
        runner={"kind": "local"},
        progress=False,
    )
    environment_class("alfworld").generate(games, 1, 0, split="valid_unseen")
    return folder


@pytest.mark.parametrize("page", sorted(OF_ROBOTS))
def test_code_of_a_policy_is_one_that_the_robot_understands(page: str) -> None:
    actions = controller_class(OF_ROBOTS[page]).actions().keys()
    plans = [code for code in blocks(ROOT / "docs" / page, "python") if "class " not in code]
    assert plans
    for code in plans:
        calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
        called = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
        assert called - {"print", "range", "len"} <= actions


@pytest.mark.parametrize("words", command_lines())
def test_a_command_of_a_page_has_these_options(words: list[str]) -> None:
    program, *rest = words
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert {word for word in rest if "=" not in word} <= set(targets)
    elif program == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        extras = set(re.findall(r"\w+", "".join(re.findall(r"\[(.*?)\]", " ".join(rest)))))
        assert extras <= project["optional-dependencies"].keys()
    else:
        _parse(rest)


def _parse(words: list[str]) -> None:
    """Parse a command line as the program does, and check the settings that it names."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("embodied", options.with_settings(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(
            context, [*getattr(context, "_protected_args", []), *context.args]
        )
        context = command.make_context(name, rest, parent=context)
    named = [text.partition("=")[0] for text in context.params.get("settings") or []]
    if context.info_name in {"run", "config", "resume"}:
        known = {each.name for each in settings() if not each.type.startswith("section")}
        for name in named:
            assert any(f"{name}.".startswith(f"{each}.") for each in known), name


def test_yaml_and_json_of_pages_can_be_read() -> None:
    for page in PAGES:
        for block in blocks(page, "yaml", "json"):
            assert yaml.safe_load(block)
        for block in blocks(page, "toml"):
            assert tomllib.loads(block)


def test_every_page_is_in_the_site() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    named = set(re.findall(r"[\w-]+\.md", str(nav)))
    assert named == {path.name for path in (ROOT / "docs").glob("*.md")}
