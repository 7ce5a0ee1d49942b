"""`embodied serve --run`: a server for as long as one command."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from embodied.simulated_llm.server_process import ADDRESS
from embodied.testing import corridor

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


PLAY = (
    f"{sys.executable} -m embodied run --env {corridor.__file__}:Corridor --policy llm "
    "--llm.model {model} --llm.base_url {base_url} --runner.kind local --out run"
)
SILENT = f"{SIMULATED} --answers fixed:x --decode-rate 0.0001"


def wait_for_requests(url: str) -> None:
    """Wait until the simulated server works on an answer."""
    while True:
        with urllib.request.urlopen(url.removesuffix("/v1") + "/simulation") as response:
            if json.load(response)["running"]:
                return
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("start", "interrupted"),
    [
        ("exec {}", {"serve", "run"}),
        ("{} & wait $!", {"serve"}),  # in the background of a shell without job control
        ("{} & wait $!", {"run"}),  # SIGINT is ignored from the start
    ],
    ids=["terminal", "server", "run"],
)
def test_an_interrupted_run_ends_with_its_server(
    start: str, interrupted: set[str], tmp_path: Path
) -> None:
    words = shlex.join([*SERVE, "--log", "log", "--command", SILENT, "--run", PLAY])
    with subprocess.Popen(
        ["sh", "-c", start.format(words)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            assert shell.stdout is not None
            url = next(line for line in shell.stdout if ADDRESS in line).split()[-1]
            wait_for_requests(url)
            family = psutil.Process(shell.pid).children(recursive=True)
            for process in [psutil.Process(shell.pid), *family]:
                if (
                    process.cmdline()[1:3] == ["-m", "embodied"]
                    and process.cmdline()[3] in interrupted
                ):
                    process.send_signal(signal.SIGINT)
            said, _ = shell.communicate(timeout=60)
        finally:
            if shell.poll() is None:
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 130, said
    assert "interrupted; finish the run with: embodied resume run" in said
    _, left = psutil.wait_procs(family, timeout=30)
    assert not left
