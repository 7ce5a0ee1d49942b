"""The command that starts an engine, and its process."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embodied._util.supervised_process import SupervisedProcess
from embodied.errors import ConfigError
from embodied.serving.address import Address

_STANDARD_ERROR = 2
_TAIL_BYTES = 16_000
_TAIL_LINES = 40
_SECONDS = 60.0
_SCRIPT = """
import importlib.metadata, json, sys
def there(name):
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False
print(json.dumps([name for name in sys.argv[1:] if there(name)]))
"""


@dataclass(frozen=True)
class EngineCommand:
    """A command that serves a model."""

    name: str
    """What messages call it."""
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that it needs beyond those of this process."""
    hint: str = ""
    """Advice where it does not start."""


def own_command(
    command: str, model: str | None, address: Address, arguments: Sequence[str]
) -> EngineCommand:
    """Fill {model}, {host} and {port} into a user's command.

    Raises:
        ConfigError: the command cannot be started.
    """
    values = {"{host}": address.host, "{port}": str(address.port)}
    if model is not None:
        values["{model}"] = model
    elif "{model}" in command:
        raise ConfigError("the --command names {model}; say which with --model")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--command {command!r}: {error}") from None
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    if not words or shutil.which(words[0]) is None:
        raise ConfigError(f"--command {command!r}: there is no such program")
    return EngineCommand(words[0], [*words, *arguments])


class EngineProcess(SupervisedProcess):
    """A started engine, all processes of which end with this one.

    Args:
        engine: what to start.
        log: a file that its output is added to; None: standard error.
    """

    def __init__(self, engine: EngineCommand, log: Path | None) -> None:
        self._log = log
        self._log_start = log.stat().st_size if log and log.exists() else 0
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(log.open("ab")) if log else _STANDARD_ERROR
            super().__init__(engine.command, output, engine.environment)

    def tail(self) -> str:
        """Read the last lines that it wrote to the log."""
        if self._log is None:
            return ""
        with self._log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, size - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)


def installed(python: str, names: Sequence[str]) -> set[str]:
    """Find which of some distributions an interpreter's environment holds.

    Raises:
        ConfigError: the interpreter does not run.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [python, "-c", _SCRIPT, *names], capture_output=True, check=True, timeout=_SECONDS
        )
        return set(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ConfigError(f"--python {python}: no Python interpreter that runs: {error}") from None
