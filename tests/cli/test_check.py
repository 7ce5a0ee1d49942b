"""`embodied check`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def check(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embodied", "check", "sandbox", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prints_a_table() -> None:
    done = check("--interpreter", "restricted", "--kind", "formats")
    assert done.returncode == 0, done.stderr
    assert "formats" in done.stdout
    assert "escapes" in done.stdout


def test_prints_every_finding_for_machines() -> None:
    done = check("--interpreter", "restricted", "--kind", "formats", "--json")
    findings = json.loads(done.stdout)["restricted"]
    assert {finding["outcome"] for finding in findings} == {"held"}
    assert all(finding["how"] for finding in findings)


def test_names_the_kinds_that_there_are() -> None:
    done = check("--kind", "none")
    assert done.returncode == 2
    assert "there is no kind 'none'" in done.stderr


PLUGIN = """\
from embodied import Controller, action
from embodied.testing import Corridor, CorridorRobot


class Wrong(Corridor):
    def step(self, command):
        raise KeyError(command)


class Silent(Controller):
    @action
    def wait(self, seconds: int) -> str:
        \"\"\"Wait.\"\"\"
        return "done"
"""


def test_environments_and_robots_are_checked_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)
    for words, code, said in (
        ("environment plugin.py:Corridor", 0, "plugin.py:Corridor keeps the rules"),
        ("environment plugin.py:Wrong", 1, "KeyError"),
        ("environment plugin.py:None", 2, "defines no class 'None'"),
        ("robot plugin.py:CorridorRobot --env plugin.py:Corridor", 0, "keeps the rules"),
        ("robot plugin.py:Silent", 1, "Example"),
    ):
        command = [sys.executable, "-m", "embodied", "check", *words.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        assert said in done.stdout + done.stderr
