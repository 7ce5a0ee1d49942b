"""`embodied serve --run`: a server for as long as one command."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

SERVE = [sys.executable, "-m", "embodied", "serve", "--port", "0"]
SIMULATED = f"{sys.executable} -m embodied simulate-llm --port {{port}} --model tiny"


def serve(command: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """The end of a server of a simulated model, served while a command runs."""
    log = ["--log", str(tmp_path / "log")]
    return subprocess.run(
        [*SERVE, *log, "--command", SIMULATED, "--run", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_reaches_the_server_which_then_ends(tmp_path: Path) -> None:
    ask = "import sys, urllib.request as u; print(u.urlopen(sys.argv[2]).status, *sys.argv[1:])"
    done = serve(f"{sys.executable} -c '{ask}' {{model}} {{base_url}}/models", tmp_path)
    assert done.returncode == 0, done.stderr
    status, model, url = done.stdout.splitlines()[-1].split()
    assert (status, model) == ("200", "tiny")
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url)


@pytest.mark.parametrize(
    ("command", "code"), [("sh -c 'exit 7'", 7), ("sh -c 'kill -9 $$'", 137), ("no-such", 2)]
)
def test_it_exits_as_the_command_does(command: str, code: int, tmp_path: Path) -> None:
    done = serve(command, tmp_path)
    assert done.returncode == code
    assert ("error: --run 'no-such' does not start" in done.stderr) == (code == 2)
