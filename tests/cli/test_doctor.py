"""`embodied doctor`: says what is missing and what to do; fails only for what was asked for."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embodied.cli import app
from embodied.doctor import checks, packages
from embodied.doctor.checks import check_subject
from embodied.doctor.llm import check_server
from embodied.errors import ConfigError
from embodied.plugins.registry import environment_class, make_environment
from embodied.simulated_llm import ServerProcess
from tests.llm.hosted_api import hosted_api

HEAVY = """
from embodied import Requirement
from embodied.testing import Corridor


class Crane(Corridor):
    def __init__(self):
        raise OSError("no such library")

    @classmethod
    def requirements(cls):
        return [
            Requirement("hydraulics", "7.1"),
            Requirement("steel cable", problem="install it with: apt-get install steel-cable"),
        ]
"""


@pytest.fixture
def crane(tmp_path: Path) -> str:
    """A plugin that needs what nobody has."""
    file = tmp_path / "crane.py"
    file.write_text(HEAVY)
    return f"{file}:Crane"


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embodied", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def found(*words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the checks by subject and name."""
    done = doctor(*words, "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {f"{c['subject']} {c['name']}": c for c in report["checks"]}


def test_all_is_shown_and_nothing_that_was_not_asked_for_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the imports, which take long and are tried below."""
    monkeypatch.setattr(packages, "_check_import", lambda extra, names: [])
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0, done.output
    for name in ("machine", "Python", "memory", "disk", "ray", "full", "Landlock", "scienceworld"):
        assert name in done.output


@pytest.mark.long
def test_all_can_be_imported() -> None:
    code, checks = found()
    assert code == 0
    assert not [name for name in checks if " import " in name]


def test_what_a_plugin_needs_is_shown_with_what_to_do(crane: str) -> None:
    done = doctor(crane)
    assert done.returncode == 1
    assert "7.1" in done.stdout
    assert "install it with: apt-get install steel-cable" in done.stdout
    code, checks = found(crane)
    assert code == 1
    assert checks[f"{crane} hydraulics"]["status"] == "ok"
    assert checks[f"{crane} steel cable"]["status"] == "problem"


def test_an_environment_that_cannot_be_made_is_explained_by_what_it_needs(crane: str) -> None:
    with pytest.raises(ConfigError, match=r"apt-get install steel-cable.*no such library"):
        make_environment(crane)


def test_a_name_that_is_unknown() -> None:
    done = doctor("scienceword")
    assert done.returncode == 2
    assert "did you mean 'scienceworld'?" in done.stderr


def test_an_address_that_is_none() -> None:
    done = doctor("ray", "--base-url", "nowhere")
    assert done.returncode == 2
    assert "--base-url: 'nowhere' is no address" in done.stderr


def test_missing_packages_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = [
        "not-on-any-index>=1 ; extra == 'crane'",
        "pydantic>=99 ; extra == 'crane'",
        "typer ; python_version < '3' and extra == 'crane'",
        "rich ; extra == 'crane-hook'",
    ]
    monkeypatch.setattr(packages.importlib.metadata, "requires", lambda name: needs)
    monkeypatch.setattr(packages, "extras", lambda: ["crane"])
    monkeypatch.setattr(checks, "extras", lambda: ["crane"])
    missing, old, elsewhere = check_subject("crane")
    assert (missing.status, missing.advice) == (
        "not installed",
        "pip install 'embodied-codeact[crane]'",
    )
    assert old.status == "problem"
    assert old.advice == "needs >=99: pip install 'embodied-codeact[crane]'"
    assert "python_version" in elsewhere.advice


def test_a_package_that_does_not_import_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "broken-1.0.dist-info"
    site.mkdir()
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (site / "top_level.txt").write_text("broken\n")
    (tmp_path / "broken.py").write_text("raise ImportError('libcrane.so.1 is missing')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(
        packages.importlib.metadata, "requires", lambda name: ["broken ; extra == 'crane'"]
    )
    checks = packages.check_packages("crane")
    assert [check.status for check in checks] == ["ok", "problem"]
    assert "libcrane.so.1 is missing" in checks[1].found


def test_the_llm_server() -> None:
    with ServerProcess("--model", "tiny", "--answers", "fixed:yes") as server:
        code, checks = found("mcp", "--base-url", server.base_url)
        assert code == 0
        assert checks[f"llm {server.base_url}"]["found"] == "tiny"
    with ServerProcess("--model", "tiny", "--blind") as server:
        assert asyncio.run(check_server(server.base_url)).found == "tiny; it takes no pictures"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    check = asyncio.run(check_server(url))
    assert check.status == "problem"
    assert "embodied serve" in check.advice


def test_a_server_that_lists_no_models_is_believed() -> None:
    with hosted_api() as server:
        check = asyncio.run(check_server(server.url))
    assert (check.status, "lists no models" in check.found) == ("ok", True)


@pytest.mark.parametrize(
    ("name", "module"),
    [("miniwob", "miniwob"), ("robosuite", "mujoco"), ("scienceworld", "scienceworld")],
)
def test_simulators_say_what_they_need_besides_packages(name: str, module: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"needs: pip install 'embodied-codeact[{name}]'")
    needed = environment_class(name).requirements()
    assert needed
    assert all(each.found or "apt-get install" in str(each.problem) for each in needed)


def test_the_games_that_a_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def games() -> tuple[str, str]:
        (check,) = [c for c in check_subject("alfworld") if c.name == "$ALFWORLD_DATA"]
        return check.status, check.advice or check.found

    monkeypatch.setattr(packages, "_check_import", lambda extra, names: [])
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path / "nowhere"))
    status, said = games()
    assert status == "problem"
    assert f"there are no ALFWorld games in {tmp_path / 'nowhere'}" in said
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    trial = tmp_path / "json_2.1.1" / "train" / "task" / "trial"
    trial.mkdir(parents=True)
    assert games() == (
        "problem",
        f"{tmp_path}/json_2.1.1 holds no game (SPLIT/TASK/TRIAL/game.tw-pddl)",
    )
    done = CliRunner().invoke(app, ["doctor", "alfworld"])
    assert done.exit_code == 1
    (trial / "game.tw-pddl").write_text("{}")
    assert games() == ("ok", f"{tmp_path}: train")


def test_another_package_of_the_name_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packages.check_name().status == "ok"
    (tmp_path / "embodied").mkdir()
    monkeypatch.chdir(tmp_path)
    assert packages.check_name().status == "ok", "a folder without Python is no package"
    (tmp_path / "embodied" / "__init__.py").touch()
    check = packages.check_name()
    assert (check.status, check.found) == (
        "problem",
        f"in the way: {tmp_path}/embodied/__init__.py",
    )
    assert CliRunner().invoke(app, ["doctor", "mcp"]).exit_code == 1


def test_another_distribution_of_the_name_is_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        packages.importlib.metadata,
        "packages_distributions",
        lambda: {"embodied": ["embodied-codeact", "embodied"]},
    )
    check = packages.check_name()
    assert (check.status, check.found) == ("problem", "in the way: the distribution embodied")
