"""`embodied check sandbox`."""

from __future__ import annotations

import json
import subprocess
import sys


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
