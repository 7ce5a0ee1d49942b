"""`embodied new robot`: a newcomer's path from nothing to a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embodied.errors import ConfigError
from embodied.templates import RobotKind, class_name, new_robot


def ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_a_newcomers_path(tmp_path: Path) -> None:
    ran(tmp_path, "embodied", "new", "robot", "forklift")
    project = tmp_path / "forklift"
    assert "8 passed" in ran(project, "pytest", "-p", "no:cacheprovider").stdout
    report = json.loads(ran(project, "embodied", "run", "config.yaml", "--json").stdout)
    assert (report["episodes"], report["successes"]) == (20, 20)
    assert "100.0 %" in ran(project, "embodied", "report", "runs/expert").stdout


def test_the_expert_plays_in_an_action_format_without_loops(tmp_path: Path) -> None:
    project = new_robot("lawn_mower", tmp_path)
    words = ("config.yaml", "--action", "json", "--tasks.limit", "3", "--out", "json", "--json")
    assert json.loads(ran(project, "embodied", "run", *words).stdout)["successes"] == 3


def test_the_project_is_named_throughout(tmp_path: Path) -> None:
    project = new_robot("lawn_mower", tmp_path)
    texts = {path.name: path.read_text() for path in project.iterdir()}
    assert texts.keys() == {
        "README.md",
        "config.yaml",
        "lawn_mower.py",
        "pyproject.toml",
        "test_lawn_mower.py",
    }
    names = ("sample_robot", "sample-robot", "sample robot", "SampleRobot", "Sample robot")
    assert not any(name in text for name in names for text in texts.values())
    assert "class LawnMower(Controller)" in texts["lawn_mower.py"]
    assert 'lawn-mower = "lawn_mower:LawnMower"' in texts["pyproject.toml"]


@pytest.mark.long
@pytest.mark.parametrize(
    "kind", [RobotKind.ROBOT, RobotKind.ARM, RobotKind.ASYNC, RobotKind.CAMERA]
)
def test_the_project_is_clean(tmp_path: Path, kind: RobotKind) -> None:
    """By ruff and mypy, as this project's own code is."""
    project = new_robot("forklift", tmp_path, kind)
    ruff = ["--config", "line-length=100", "--select", "E,F,W,N,UP,B,C4,SIM,RET,PTH,RUF,PL"]
    ignored = ["--ignore", "PLR2004,PLR0911,PLR0913"]
    ran(project, "ruff", "check", "--isolated", *ruff, *ignored, ".")
    ran(project, "ruff", "format", "--isolated", "--line-length", "100", "--check", ".")
    ran(project, "mypy", "--strict", "forklift.py", "test_forklift.py")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Forklift", "small letters"),
        ("1st", "a letter first"),
        ("fork-lift", "small letters"),
        ("../fork", "small letters"),
        ("", "small letters"),
        ("x" * 41, "at most 40"),
        ("class", "is that of a Python module or word"),
        ("json", "is that of a Python module or word"),
        ("embodied", "is that of a Python module or word"),
        ("pytest", "is that of a Python module or word"),
        ("task", "the class Task has a meaning already"),
        ("pending_call", "the class PendingCall has a meaning already"),
        ("value_error", "the class ValueError has a meaning already"),
        ("laboratory", "there is an environment or a robot 'laboratory' already"),
    ],
)
def test_names_that_cannot_be_used_are_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        new_robot(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "forklift").mkdir()
    with pytest.raises(ConfigError, match="is there already"):
        new_robot("forklift", tmp_path)
    assert not list((tmp_path / "forklift").iterdir())


def test_class_names() -> None:
    assert class_name("lawn_mower_2") == "LawnMower2"


@pytest.mark.long
def test_the_project_can_be_installed(tmp_path: Path) -> None:
    """Needs the package index, for the build backend of the project."""
    project, site = new_robot("forklift", tmp_path), tmp_path / "site"
    ran(project, "pip", "install", "--quiet", "--no-deps", "--target", str(site), ".")
    words = ("embodied", "run", "--env", "forklift", "--tasks.limit", "3", "--runner.kind", "local")
    program = f"import sys, runpy; sys.path.insert(0, {str(site)!r}); sys.argv = {list(words)}; "
    program += "runpy.run_module('embodied', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "100.0 %" in done.stdout


@pytest.mark.parametrize(("kind", "tests"), [("arm", 8), ("async", 5), ("camera", 4)])
def test_a_robot_of_a_kind(tmp_path: Path, kind: str, tests: int) -> None:
    if kind == "camera":
        pytest.importorskip("cloudpickle", reason="needs: pip install 'embodied-codeact[full]'")
    ran(tmp_path, "embodied", "new", "robot", "lawn_mower", "--kind", kind)
    project = tmp_path / "lawn_mower"
    assert f"{tests} passed" in ran(project, "pytest", "-p", "no:cacheprovider").stdout
    report = json.loads(ran(project, "embodied", "run", "config.yaml", "--json").stdout)
    assert (report["episodes"], report["successes"]) == (3, 3)
    texts = [path.read_text() for path in project.iterdir() if path.is_file()]
    assert not any("sample" in text.lower() for text in texts)


def test_a_robot_behind_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mcp", reason="needs: pip install 'embodied-codeact[mcp]'")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    ran(tmp_path, "embodied", "new", "robot", "rail_arm", "--kind", "mcp")
    project = tmp_path / "rail_arm"
    assert "2 passed" in ran(project, "pytest", "-p", "no:cacheprovider").stdout
    report = json.loads(ran(project, "embodied", "run", "config.yaml", "--json").stdout)
    assert (report["episodes"], report["successes"]) == (1, 1)
    texts = [path.read_text() for path in project.iterdir() if path.is_file()]
    assert not any("sample" in text for text in texts)
