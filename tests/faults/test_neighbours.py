"""Another user of the machine, while a run plays on a Ray that it started itself."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from embodied.plugins.registry import environment_class
from embodied.simulated_llm import ServerProcess
from tests.faults.runs import running, wait_for

pytestmark = pytest.mark.faults

KEY = "sk-neighbours-must-not-see-this"
NOBODY = 65534
STRANGER = """
import sys, ray
try:
    ray.init(address=sys.argv[1], logging_level="ERROR", log_to_driver=False)
except Exception as error:
    print("refused:", type(error).__name__)
else:
    print("ran as", ray.get(ray.remote(lambda: __import__("os").getuid()).remote()))
"""
POST = (
    "POST /get_or_create_runtime_env HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n"
)


class Played:
    """A run under way, and what belongs to it."""

    def __init__(self, driver: subprocess.Popen[str], folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        self.processes = psutil.Process(driver.pid).children(recursive=True)

    def listening(self) -> set[tuple[str, int]]:
        found = set()
        for process in self.processes:
            for connection in process.net_connections():
                if connection.status == psutil.CONN_LISTEN:
                    found.add((connection.laddr.ip.removeprefix("::ffff:"), connection.laddr.port))
        return found

    def address(self) -> str:
        words = " ".join(word for process in self.processes for word in process.cmdline())
        found = re.search(r"--gcs-address=(\S+)", words)
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    pytest.importorskip("ray", reason="needs ray: pip install 'embodied-codeact[ray]'")
    folder, games = tmp_path_factory.mktemp("runs") / "run", tmp_path_factory.mktemp("games")
    environment_class("alfworld").generate(games, 4, 7)
    temporary = Path(tempfile.mkdtemp(prefix="e", dir="/tmp"))
    temporary.chmod(0o755)
    words = (
        *("run", "--env", "alfworld", "--split", "train", "--out", str(folder)),
        *("--set", f"environment.options.data={games}", "--tasks.samples", "1000"),
        *("--policy", "llm", "--llm.model", "simulated", "--llm.cache", str(temporary / "cache")),
        *("--runner.kind", "ray", "--runner.workers", "2", "--runner.episodes_per_worker", "2"),
    )
    variables = {"OPENAI_API_KEY": KEY, "TMPDIR": str(temporary)}
    with ServerProcess("--prefill-rate", "inf", "--decode-rate", "100") as server:
        more = ("--llm.base_url", server.base_url)
        with running(*words, *more, **variables) as driver:
            wait_for(folder, 1, driver)
            yield Played(driver, folder, temporary)
            assert driver.poll() is None, "the run has ended while it was looked at"
            driver.terminate()
            driver.communicate(timeout=60)
    shutil.rmtree(temporary)


def test_it_listens_to_this_machine_alone(played: Played) -> None:
    listening = played.listening()
    assert len(listening) > 3
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_who_has_no_token_runs_no_code(played: Played, tmp_path: Path) -> None:
    """Neither with Ray itself nor by asking one of its processes over HTTP."""
    hidden = {"RAY_AUTH_TOKEN", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, played.address()],
        env=kept | {"HOME": str(tmp_path), "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.startswith("refused: "), done.stdout + done.stderr
    for address in played.listening():
        answer = said_by(address)
        assert not answer.startswith("HTTP/1.1 2"), f"{address}: {answer}"


def said_by(address: tuple[str, int]) -> str:
    try:
        with socket.create_connection(address, timeout=5) as connection:
            connection.sendall(POST.encode())
            return connection.recv(1000).decode("latin-1")
    except OSError:
        return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: run it as root")
def test_another_user_enters_no_folder(played: Played) -> None:
    inner = [path for path in played.temporary.rglob("*") if path.is_socket()]
    assert {path.name for path in inner} >= {"raylet", "plasma_store"}
    for path in (*inner, played.temporary / "cache", played.folder / "protocol.yaml"):
        for command in (["/bin/cat", str(path)], ["/bin/ls", str(path)]):
            done = subprocess.run(command, capture_output=True, text=True, user=NOBODY, check=False)
            opened = path.name == "cache" and command[0] == "/bin/ls"
            assert opened or "Permission denied" in done.stderr, path


def test_keys_and_tokens_stand_nowhere(played: Played) -> None:
    """Neither in the list of processes nor in any file of the run or of Ray."""
    token = psutil.Process(played.processes[0].pid).environ()["RAY_AUTH_TOKEN"]
    words = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    for secret in (KEY, token):
        assert not [line for line in words if secret in " ".join(line)]
        for folder in (played.temporary, played.folder):
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert files
            assert not [path for path in files if secret.encode() in path.read_bytes()]
    assert oct(played.folder.stat().st_mode)[-3:] == "700"
