"""llama.cpp as an engine: serves GGUF files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from embodied.errors import ConfigError
from embodied.serving.address import Address
from embodied.serving.engine import EngineCommand, installed

_MISSING = """{python} has no llama-cpp-python, and there is no llama-server on the PATH. Either
  install llama.cpp, which brings llama-server, or
    python3 -m venv llama-env
    llama-env/bin/pip install 'llama-cpp-python[server]'   # compiles for some minutes
  then: embodied serve --engine llamacpp --model {model} --python llama-env/bin/python"""
_MAGIC = b"GGUF"


def llamacpp(
    model: str, address: Address, python: str | None, arguments: Sequence[str]
) -> EngineCommand:
    """Command llama.cpp's server, or llama-cpp-python's where asked for or there is no other.

    Args:
        model: a GGUF file, or a folder with one.
        address: where it listens.
        python: interpreter of an environment with llama-cpp-python; None: `llama-server`, if it is
            there, else the running interpreter.
        arguments: further options of the server's, which win over those given here.

    Raises:
        ConfigError: the model or the server is missing; says how to get it.
    """
    path = _file(Path(model))
    name = path.stem if path == Path(model) else Path(model).resolve().name
    where = ("--host", address.host, "--port", str(address.port))
    program = None if python else shutil.which("llama-server")
    if program:
        words = (program, "--model", str(path), "--alias", name, "--jinja", "--metrics")
        return EngineCommand("llama-server", [*words, *where, *arguments])
    python = python or sys.executable
    if not installed(python, ["llama-cpp-python"]):
        raise ConfigError(_MISSING.format(python=python, model=model))
    command = [
        *(python, "-m", "llama_cpp.server"),
        *("--model", str(path)),
        *("--model_alias", name),
        *("--n_ctx", "0"),  # as many tokens as the model reads, not 2048
        *("--interrupt_requests", "false"),  # nobody's request ends another's
        *where,
        *arguments,
    ]
    # It prefers these variables to its options.
    return EngineCommand("llama-cpp-python", command, {"HOST": where[1], "PORT": where[3]})


def _file(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"there is no model at {path}; llama.cpp serves GGUF files on disk")
    files = sorted(path.glob("*.gguf")) if path.is_dir() else [path]
    if len(files) != 1:
        raise ConfigError(f"the folder {path} holds {len(files)} GGUF files; name one file")
    with files[0].open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ConfigError(f"{files[0]} is no GGUF file; llama.cpp serves no other")
    return files[0]
